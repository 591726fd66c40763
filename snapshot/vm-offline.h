/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-offline: a VM that does not run.
 *
 *   look    the graph comes from the files: no lock, no process
 *   change  an engine is started on them, and is then asked as any QEMU would be
 */
#ifndef SNAPSHOT_VM_OFFLINE_H
#define SNAPSHOT_VM_OFFLINE_H

#include "snapshot/vm-private.h"

/*
 * Is the unix socket @address left over from a process that has ended, or not there at all; does
 * nobody listen on the port of this host that it is? True only where that is certain: a QEMU that
 * is busy, or silent, is there. It does not notice.
 */
bool offline_is_dead(const char *address);

/* Fill in the graph from the images. */
int vm_observe_files(struct qrw_vm *vm, struct qmp_error *err);

/*
 * Start the engine, unless it runs, or a VM does. QRW_ERR_LOCKED: somebody uses an image;
 * QRW_ERR_REFUSED: they cannot be opened; the errors of engine_start().
 */
int vm_start(struct qrw_vm *vm, struct qmp_error *err);

/* The engine of a qrewind that was killed ends by itself: wait until it has let go of @file.
 * QRW_ERR_LOCKED: somebody else uses it. */
int vm_await_file(const struct qrw_vm *vm, const char *file, struct qmp_error *err);

/* vm-doubt.c: something is pending in @c, and the images were named: which process has them, as
 * image_locked(). */
pid_t vm_held(const struct qrw_vm *vm, const struct chain *c, char *who, size_t size);

/* Words that say so (@engines: also of one that works without a VM, and may be about to end); or,
 * where no QEMU is there, why nobody can tell which layers the disks are on. New string, NULL: all
 * is clear. */
char *vm_doubt(const struct qrw_vm *vm, const struct chain *c, bool engines);

/* @err says that a process has an image: what to do. */
void vm_hint_monitor(struct qmp_error *err);

/* What keeps us from work, vm->doubt or who has the images, which is given back. */
pid_t vm_refuse_doubt(const struct qrw_vm *vm, struct qmp_error *err);

/* Do the files tell of something that makes an engine on @g pointless, or a guess of it: one
 * that is missing or broken, is encrypted, or has no recorded format? */
int vm_check_files(const struct graph *g, struct qmp_error *err);

/* vm-dead.c: @op is to be planned. If there is an active layer that the engine could not open, does
 * @op leave it behind? The errors of the last, with the way out. */
int vm_may_plan(const struct qrw_vm *vm, const struct qrw_operation *op, struct qmp_error *err);

/* End the engine, if there is one: nobody has the images open then. */
void vm_stop(struct qrw_vm *vm);

/* In the graph that the engine tells, call the disks what they were called when it began. */
void vm_name_drives(struct qrw_vm *vm);

/* Remember what each disk runs on when @j is opened … */
void vm_begin_active(const struct qrw_vm *vm, struct journal *j);

/* … and say on what each is to be started from now on that runs on another layer at the end. And
 * which of the user's images a disk does not build on any more. */
void vm_tell_active(struct qrw_vm *vm, const struct journal *j);

/* What went wrong is @err: if somebody else uses an image, say who; how the engine ended; what else
 * QEMU has open. */
void vm_blame(struct qrw_vm *vm, struct qmp_error *err);

#endif
