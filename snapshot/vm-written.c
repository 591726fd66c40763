/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-written: a layer that would be removed, and on which nothing builds: an undo point, or the end
 * of a branch. Somebody who starts the VM on it, as the script of yesterday does, has all that the
 * guest writes from then on in there, and nowhere else.
 */
#include "qmp/mem.h"
#include "snapshot/fingerprint.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

static bool is_undo(const struct chain *c, const char *id)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(chain_undo(c), "disks"), disk, held)
        if (same(text(held, "layer"), id))
            return true;
    return false;
}

static int check_layer(const struct chain *c, const char *file, struct qmp_error *err)
{
    const char *id = chain_layer_by_file(c, file);
    auto_free char *child = id ? chain_other_child(c, id, NULL) : NULL;
    const char *what = id && !child && !chain_is_active(c, id) ? fingerprint_written(c, id) : NULL;

    if (!what)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s would be removed, and %s since it was frozen: was a VM started on it?", file,
                  what);
    return qmp_error_hint(
        err,
        "%s leaves the file and forgets it; or, if it may go, qrewind repair --yes "
        "takes it as it is now, and then again",
        is_undo(c, id) ? "qrewind undo goes back to it; qrewind delete --undo --metadata"
                       : "qrewind delete --metadata");
}

int vm_check_written(const struct plan *p, const struct chain *before, struct qmp_error *err)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->cleanup, i, step)
        if (same(text(step, "step"), "unlink") && check_layer(before, text(step, "file"), err))
            return -1;
    return 0;
}
