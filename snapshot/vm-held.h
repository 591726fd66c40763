/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-held: a disk's present that other nodes of QEMU build on. */
#ifndef SNAPSHOT_VM_HELD_H
#define SNAPSHOT_VM_HELD_H

#include "snapshot/vm-private.h"

/* QEMU has refused something with @err, which has no hint: if that may be why, say how it ends. */
void vm_blame_held(struct qrw_vm *vm, struct qmp_error *err);

#endif
