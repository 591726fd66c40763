/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-live: the memory of a guest that runs on.                         PURE
 *
 * QEMU's background-snapshot writes RAM and device state of one instant into a plain file
 * while the guest goes on after some milliseconds. Such a file is a migration: only a QEMU
 * that was started with -incoming defer can load it.
 */
#ifndef SNAPSHOT_PLAN_LIVE_H
#define SNAPSHOT_PLAN_LIVE_H

#include "snapshot/plan.h"

/* Can QEMU do that, into @file? QRW_ERR_UNSUPPORTED, QRW_ERR_REFUSED. */
int plan_live_check(const struct scene *s, const char *file, struct qmp_error *err);

/* Make QEMU ready: the first steps, since they may show that it or the host is not able to. */
void plan_live_begin(struct plan *p, const struct scene *s);

/* Make @file (permissions like @like): while the guest still runs. */
void plan_live_file(struct plan *p, const struct scene *s, const char *file, const char *like);

/* Save into it; the guest was stopped, and the disks have switched. It goes on by that. */
void plan_live_save(struct plan *p, const struct scene *s, const char *file);

/* Does QEMU wait for such a memory, that of the snapshot @name? QRW_ERR_UNSUPPORTED says how it
 * is made to. */
int plan_live_awaited(const struct scene *s, const char *name, struct qmp_error *err);

/* Load the file of @memory; the disks have switched. */
void plan_live_load(struct plan *p, const struct scene *s, const json_t *memory);

#endif
