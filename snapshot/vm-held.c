/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-held: see vm-held.h.
 *
 *   base <- s1 (the disk) <- s2 <- s3      s3 was merged into s1 (block-commit), and stays open if
 *                                          somebody else has made its node
 *
 * QEMU takes no snapshot of the disk then: "Node is busy: node is used as backing hd". Asked
 * for after a failure only, and nothing but words comes of it.
 */
#include "snapshot/vm-held.h"

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/graph-held.h"
#include "snapshot/path.h"

void vm_blame_held(struct qrw_vm *vm, struct qmp_error *err)
{
    if (vm->offline || err->kind != QRW_ERR_FAILED || err->hint[0] || qmp_client_broken(vm->client))
        return;
    json_auto_t *reply = ask_one(vm->client, &vm->stop, "x-debug-query-block-graph", NULL, NULL);
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];
        const char *top = d->nlayers ? graph_held_by(reply, d->layers[0].node) : NULL;

        if (!top)
            continue;
        auto_free char *node = path_argument(top);
        qmp_error_hint(err,
                       "QEMU has %s open on top of what disk %s runs on: if another tool has left "
                       "it that merged it into that (block-commit), this closes it: qrewind qmp "
                       "blockdev-del node-name=%s; or start the VM anew",
                       top, d->id, node);
        return;
    }
}
