/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-take-away: a snapshot that is taken, and may not stay: it had to be quiesced, and is not.
 *
 *   freeze ─> the disks switch ─> thaw fails ─> record what there is ─> delete it ─> merge
 *
 * To delete it is an operation of its own, with its own journal: killed at any point, there is the
 * snapshot, recorded as not quiesced, or there is none.
 */
#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/path.h"
#include "snapshot/vm-private.h"

static bool drop(struct qrw_vm *vm, struct journal *j, const char *name)
{
    struct qrw_delete_args args = {.names = (const char *[]){name, NULL}};
    json_auto_t *gone = vm_plan_and_run(vm, j, &qrw_delete, &args, 0, NULL);

    return gone != NULL;
}

void vm_take_away(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  struct qmp_error *err)
{
    const char *name = text(p->result, "snapshot");
    auto_free char *quoted = path_quote(name);

    j->gave_up =
        !vm_conclude(vm, j, r, p, NULL) && !vm_observe(vm, GRAPH_NODES, NULL) && drop(vm, j, name);
    err->kind = j->gave_up ? QRW_ERR_FAILED : QRW_ERR_UNKNOWN;
    err->hint[0] = '\0';
    if (j->gave_up)
        qmp_error_hint(err, "%s is taken back; --quiesce=try keeps one that is not quiesced",
                       quoted);
    else
        qmp_error_hint(err, "%s was taken, but not quiesced: qrewind delete %s", quoted, quoted);
}

void vm_tidy_away(struct qrw_vm *vm, struct journal *j, unsigned flags, struct qmp_error *err)
{
    json_auto_t *rest = json_object();

    if (vm_tidy(vm, j, rest, flags, NULL) && err) {
        err->kind = QRW_ERR_UNKNOWN; /* not all is as it was */
        err->hint[0] = '\0';
        qmp_error_hint(err, "then qrewind repair: the overlays are still to be merged");
    }
    vm_tell(vm, rest, 0);
}
