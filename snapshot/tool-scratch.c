/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-scratch: a snapshot inside of an image that has another size now.
 *
 * qemu-img reads a snapshot to where the image ends today: what it had behind that is not there for
 * it. QEMU gives it back its own size when it goes back to it, so that is done, in a copy of the
 * file.
 */
#include <stdint.h>

#include "snapshot/image.h"
#include "snapshot/process.h"
#include "snapshot/tool.h"

int tool_scratch(const struct runner *r, const char *image, const char *tag, const char *to,
                 struct qmp_error *err)
{
    struct process p = {
        .argv = (const char *[]){"cp", "--reflink=auto", "--sparse=always", "--", image, to, NULL},
        .input = -1,
        .base = qmp_client_base(r->client),
        .stop = r->stop};

    if (process_run(&p, err))
        return qmp_error_wrap(err, "cp %s", image);
    return image_apply(to, tag, err);
}

int tool_untag_all(const char *image, struct qmp_error *err)
{
    for (size_t left = SIZE_MAX, n = 1; n;) {
        struct qcow2_snapshot *list;
        int rc = image_snapshots(image, &list, &n, err);

        if (!rc && n >= left)
            rc = qmp_error_set(err, QRW_ERR_FAILED, "%s keeps its snapshots", image);
        if (!rc && n)
            rc = image_untag(image, list[0].name, err);
        left = n;
        qcow2_snapshots_free(list, n);
        if (rc)
            return -1;
    }
    return 0;
}
