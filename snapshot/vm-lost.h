/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-lost: offline, a file of the present state is not there: what can be done? */
#ifndef SNAPSHOT_VM_LOST_H
#define SNAPSHOT_VM_LOST_H

#include "snapshot/vm-private.h"

/* The images cannot be opened, as @err says: where that is for a file that is not there, add a
 * hint at the way out. Returns -1. */
int vm_lost(const struct qrw_vm *vm, struct qmp_error *err);

#endif
