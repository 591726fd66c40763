/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-sweep: what lies beside images where no sidecar is: whoever had made it died.
 *
 *   IMAGE.qrewind.json.lock, .new     of a first command, where the next one took another disk for
 *                                     the first; or of the last, which had removed the sidecar
 *
 * Nobody looks for it there any more.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"

static bool is_left(const char *sidecar)
{
    auto_free char *lock = mem_printf("%s.lock", sidecar);
    auto_free char *fresh = mem_printf("%s.new", sidecar);

    return !sidecar_exists(sidecar) && (image_is_there(lock) || image_is_there(fresh));
}

void vm_sweep(const struct qrw_vm *vm, const char *ours)
{
    for (size_t i = 0; i < vm->graph.ndisks; i++)
        for (size_t k = 0; k < vm->graph.disks[i].nlayers; k++) {
            const char *image = vm->graph.disks[i].layers[k].file;
            auto_free char *sidecar = mem_printf("%s" SIDECAR_SUFFIX, image);

            if (!graph_has_folder(image) || !strcmp(sidecar, ours) || !is_left(sidecar) ||
                !sidecar_may_lie(sidecar, vm->owner))
                continue;
            /* that is all: who has the lock removes what was prepared, and then the lock */
            int lock = sidecar_lock(sidecar, NULL);
            if (lock >= 0)
                sidecar_unlock(sidecar, lock);
        }
}
