/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-rebase: merge layers into an image that nobody has open, with qemu-img.
 *
 * It copies what the image lacks, gives the header the new name, and writes the tables of what it
 * copied when it closes the image. So wherever it does not come to a good end, the header may name
 * less than the image needs: it gets the old name again, with which the image shows the same
 * whatever was copied.
 */
#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/runner.h"
#include "snapshot/tool.h"

/* Does the header of @file name another file than @from? 0, 1; -1: it cannot be read. */
static int names_another(const char *file, const char *from, struct qmp_error *err)
{
    struct qcow2_header h = {0};

    if (image_read_header(file, &h, err))
        return -1;
    auto_free char *named = h.backing ? image_backing_path(file, h.backing) : NULL;
    qcow2_header_done(&h);
    return !same(named, from);
}

static int put_back(const json_t *step, struct qmp_error *err)
{
    const char *file = text(step, "file"), *format = text(step, "format");
    const char *from = text(step, "from"), *from_format = text(step, "from_format");

    if (!from || !from_format || !same(format, "qcow2") || image_is_gone(from))
        return 0;
    const int other = names_another(file, from, err);
    if (other <= 0)
        return other;
    return image_name_backing(file, format, from, from_format, err) || image_flush(file, err) ? -1
                                                                                              : 0;
}

int runner_rebase(struct runner *r, const json_t *step, struct qmp_error *err)
{
    struct qmp_error why;

    if (!tool_rebase(r, text(step, "file"), text(step, "format"), text(step, "backing"),
                     text(step, "backing_format"), err))
        return 0;
    if (put_back(step, &why) && err) {
        *err = why;
        err->kind = QRW_ERR_UNKNOWN;
    }
    return -1;
}

bool runner_has_rebased(const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "rebase") && text(step, "from") &&
            image_is_gone(text(step, "from")))
            return true;
    return false;
}

int runner_undo_rebase(const struct plan *p, struct qmp_error *err)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "rebase") && put_back(step, err))
            return -1;
    return 0;
}
