/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-untag: an interrupted deletion of internal snapshots, of which some images may have lost
 * theirs: no tag comes back, so the others go, too.
 */
#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

/* What was opened for writing is closed already, and in another QEMU other images may be called
 * as these nodes were. */
static void forget_nodes(struct plan *p)
{
    for (size_t i = json_array_size(p->cleanup); i-- > 0;) {
        const char *command = text(json_array_get(p->cleanup, i), "execute");

        if (same(command, "blockdev-reopen") || same(command, "human-monitor-command"))
            json_array_remove(p->cleanup, i);
    }
}

static void note_half(struct plan *p, const struct graph *g, const struct qmp_error *why)
{
    struct qmp_error left = {0};
    const bool seen = plan_holds(p, g, &left), told = why->desc[0];

    plan_note(p, "a part of it is done and stays so: %s%s%s%s; it can be deleted again", left.desc,
              seen && told ? " (" : "", why->desc, seen && told ? ")" : "");
}

/* What cannot be removed is not held against the rest: it is recorded yet, and can be deleted. */
int vm_untag_rest(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  enum settled *how, struct qmp_error *err)
{
    struct qmp_error why = {0};

    if (vm_observe(vm, GRAPH_NODES, err))
        return -1;
    const bool all = !runner_untag_rest(r, p, &vm->graph, &why);
    if (vm_observe(vm, GRAPH_DISKS, err))
        return -1;
    forget_nodes(p);
    if (all && !plan_holds(p, &vm->graph, NULL))
        return vm_conclude(vm, j, r, p, err);
    *how = SETTLED_UNDONE;
    if (!all || plan_holds_in_part(p, &vm->graph)) {
        *how = SETTLED_PARTLY;
        note_half(p, &vm->graph, &why);
    }
    return journal_end(j, vm, p, false, err);
}
