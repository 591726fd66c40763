/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-take-back: the end of an operation that was interrupted, and has not reached its goal.
 */
#include "snapshot/doubt.h"
#include "snapshot/given-up.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

static bool is_gone(const char *file, const void *arg)
{
    const struct qrw_vm *vm = arg;

    return vm->files_reachable && image_is_gone(file);
}

/* Of tags only those count as gone whose image the VM has. */
static bool has_lost(const char *file, const char *tag, const void *arg)
{
    const struct qrw_vm *vm = arg;
    const struct graph_disk *d = tag ? graph_disk_with(&vm->graph, file) : NULL;
    const struct graph_layer *l = d ? graph_layer(d, file) : NULL;

    return tag ? l && !l->trouble && !graph_tag(l, tag) : is_gone(file, vm);
}

int vm_take_back(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                 struct qmp_error *err)
{
    if (doubt_way_back(&j->chain, p, &vm->graph, is_gone, vm, err) ||
        runner_undo(r, p, &vm->graph, err) || vm_observe(vm, GRAPH_DISKS, err) ||
        runner_check_undone(r, p, &vm->graph, err) ||
        (vm->files_reachable && runner_undo_rebase(p, err)))
        return -1;
    runner_untag_made(r, p, &vm->graph);
    runner_undo_files(r, p, &vm->graph);
    json_object_del(p->result, "kept"); /* of what would have left a chain */
    if (given_up_drop(&j->chain, p, has_lost, vm) &&
        runner_cleanup(r, p, runner_close(r, p), &vm->graph, err))
        return -1;
    return journal_end(j, vm, p, false, err);
}
