/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-tell: what a VM that is off is to be started on, and named by, after an operation. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/vm-offline.h"

#define LEFT "disk %s does not use %s any more: name %s from now on"

/* Those that we did not make are what people know the disk by. */
static void tell_left(struct qrw_vm *vm, const struct journal *j, const char *disk)
{
    const char *id = chain_active(&j->begun, disk);
    auto_free char *is = chain_layer_file(&j->chain, chain_active(&j->chain, disk));
    auto_free char *had = chain_left(&j->begun, disk), *left = chain_left(&j->chain, disk);
    bool told = !left || same(left, had);

    while (is && (id = text(chain_layer(&j->begun, id), "backing"))) {
        auto_free char *file = chain_layer_file(&j->begun, id);

        /* the same layer in another file was only renamed */
        if (!chain_is_ours(&j->begun, id) && !chain_layer_by_file(&j->chain, file) &&
            !chain_layer(&j->chain, id)) {
            vm_note(vm, 0, LEFT, disk, file, is);
            told = told || same(file, left);
        }
    }
    if (is && !told)
        vm_note(vm, 0, LEFT, disk, left, is);
}

void vm_begin_active(const struct qrw_vm *vm, struct journal *j)
{
    chain_copy(&j->begun, &j->chain);
    for (size_t i = 0; i < vm->graph.ndisks; i++)
        if (!chain_active(&j->begun, vm->graph.disks[i].id))
            chain_follow(&j->begun, &vm->graph.disks[i]);
}

void vm_tell_active(struct qrw_vm *vm, const struct journal *j)
{
    const struct chain *before = &j->begun, *now = &j->chain;
    const char *disk;
    json_t *entry;

    json_object_foreach(j->pretended ? NULL : json_object_get(before->doc, "disks"), disk, entry) {
        auto_free char *was = chain_layer_file(before, chain_active(before, disk)),
                       *is = chain_layer_file(now, chain_active(now, disk));

        if (was && is && strcmp(was, is))
            vm_note(vm, 0, "disk %s is on %s now: start QEMU with that, no more with %s", disk, is,
                    path_name(was));
        tell_left(vm, j, disk);
    }
}
