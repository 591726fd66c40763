/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-written: frozen layers that somebody has written to. */
#ifndef SNAPSHOT_VM_WRITTEN_H
#define SNAPSHOT_VM_WRITTEN_H

struct chain;
struct plan;
struct qmp_error;
struct qrw_vm;

/* Was no layer of @before that @p removes, and nothing builds on, written to since it was frozen?
 * QRW_ERR_REFUSED. */
int vm_check_written(const struct plan *p, const struct chain *before, struct qmp_error *err);

/* Note where the undo point of @c was. */
void vm_note_written(struct qrw_vm *vm, const struct chain *c);

/* Note what was changed of that which @p gives out, or goes back to, of @c. */
void vm_note_changed(struct qrw_vm *vm, const struct plan *p, const struct chain *c);

#endif
