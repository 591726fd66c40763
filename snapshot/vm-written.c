/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-written: see vm-written.h.
 *
 * A layer that would be removed, and on which nothing builds: an undo point, or the end of a
 * branch. Somebody who starts the VM on it, as the script of yesterday does, has all that the guest
 * writes from then on in there, and nowhere else.
 *
 * Of one that others build on nobody knows whether that was meant, or does harm (qemu-img commit,
 * or touch). Whoever gets what lies on it is told.
 */
#include "snapshot/vm-written.h"

#include "qmp/mem.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

/* What is not, repair does not take as it is, nor is it gone back to. */
static bool is_sound(const char *file)
{
    struct qcow2_header h = {0};

    if (image_read_header(file, &h, NULL))
        return false;
    const bool sound = !(h.incompatible & QCOW2_CORRUPT);
    qcow2_header_done(&h);
    return sound;
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
    if (same(text(chain_layer(c, id), "format"), "qcow2") && !is_sound(file))
        return qmp_error_hint(err,
                              "it is damaged: get it back from a copy; or qrewind delete %s "
                              "--metadata leaves the file and forgets it",
                              chain_undo_has(c, id) ? "--undo" : "NAME");
    return qmp_error_hint(
        err,
        "%s leaves the file and forgets it; or, if it may go, qrewind repair --yes "
        "takes it as it is now, and then again",
        chain_undo_has(c, id) ? "qrewind undo goes back to it; qrewind delete --undo --metadata"
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

void vm_note_written(struct qrw_vm *vm, const struct chain *c)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(chain_undo(c), "disks"), disk, held) {
        const char *id = text(held, "layer");
        const char *what = vm->files_reachable && id ? fingerprint_written(c, id) : NULL;
        auto_free char *file = what ? chain_layer_file(c, id) : NULL;

        if (file && is_sound(file))
            vm_note(
                vm, 0,
                "disk %s: the undo point is in %s, and %s since it was frozen: was a VM "
                "started on it? What it wrote is there (qrewind undo), and not in this snapshot",
                disk, file, what);
    }
}

/* Is @id, or a layer below it, not what it was? */
static bool note_layer(struct qrw_vm *vm, const struct chain *c, const char *name, const char *id)
{
    for (; id; id = text(chain_layer(c, id), "backing")) {
        const char *how = fingerprint_changed(c, id);
        auto_free char *file = how ? chain_layer_file(c, id) : NULL;

        if (!how)
            continue;
        vm_note(
            vm, 0,
            "%s: %s since it was frozen: if somebody has written to it, '%s' does not show what "
            "it did; qrewind check tells more",
            file, how, name);
        return true;
    }
    return false;
}

void vm_note_changed(struct qrw_vm *vm, const struct plan *p, const struct chain *c)
{
    const bool undo = same(p->operation, "undo");
    const char *name = undo ? "undo" : text(p->result, "snapshot"), *disk;
    const json_t *from = undo ? chain_undo(c) : name ? chain_snapshot(c, name) : NULL;
    json_t *held;

    if (!vm->files_reachable ||
        (!undo && !same(p->operation, "revert") && !same(p->operation, "export")))
        return;
    json_object_foreach(json_object_get(from, "disks"), disk, held)
        if (note_layer(vm, c, name, text(held, text(held, "layer") ? "layer" : "inside")))
            return;
}
