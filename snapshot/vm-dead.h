/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-dead: offline, an active layer that no engine can open; see vm-dead.c. */
#ifndef SNAPSHOT_VM_DEAD_H
#define SNAPSHOT_VM_DEAD_H

#include "snapshot/vm-private.h"

/*
 * What the engine is to be started on instead of the graph, as that is not fit to be opened: @g,
 * the caller's. False: no engine can be.
 */
bool vm_without_dead(struct qrw_vm *vm, struct graph *g);

/* Who uses such a layer, which the engine does not hold: QRW_ERR_LOCKED; as image_locked(). */
pid_t vm_dead_user(const struct qrw_vm *vm, struct qmp_error *err);

/* In the graph that the engine tells, put it on top of its disk again. */
void vm_show_dead(struct qrw_vm *vm);

#endif
