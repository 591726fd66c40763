/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-above: an overlay that nobody has recorded, on top of what a disk runs on. After an older
 * sidecar was put back the guest's newest data lies in such, and a snapshot of what is below it is
 * not of that.
 */
#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"

/* It was written to, and after what it builds on. */
static bool is_newer(const char *file, const char *active)
{
    struct image_stat above, below;
    bool empty = false;

    return !image_stat(file, &above, NULL) && !image_stat(active, &below, NULL) &&
           above.mtime_ns >= below.mtime_ns && !image_is_empty_overlay(file, &empty, NULL) &&
           !empty;
}

static void note_above(struct qrw_vm *vm, const struct chain *c, const struct graph_disk *d)
{
    const char *active = d->layers[0].file;
    struct image_users users = {0};

    if (!image_users(active, NULL, &users, NULL))
        for (size_t i = 0; i < users.n; i++)
            if (!path_ends(users.names[i], SIDECAR_SUFFIX) &&
                !chain_layer_by_file(c, users.names[i]) && is_newer(users.names[i], active))
                vm_note(vm, 0,
                        "disk %s: %s lies on what it runs on, and no record names it: if the guest "
                        "wrote to that last, this is not what it saw; qrewind check tells more",
                        d->id, users.names[i]);
    image_users_done(&users);
}

void vm_note_above(struct qrw_vm *vm, const struct chain *c)
{
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];

        if (!graph_skip_reason(d) && !d->layers[0].remote)
            note_above(vm, c, d);
    }
}
