/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* offline-unload: a return to an internal snapshot, interrupted while it was loaded. */
#ifndef SNAPSHOT_OFFLINE_UNLOAD_H
#define SNAPSHOT_OFFLINE_UNLOAD_H

#include "snapshot/chain.h"

/*
 * QEMU loads a snapshot into one disk after the other. When it is gone in between, some of the
 * disks of @g show it, the others what they showed before, which the pending operation of @c has
 * tagged. Let all show that again; then the operation can be undone. Disks to which something
 * was written since are left, all of them: that was a guest. The errors of image_apply().
 */
int offline_unload(const struct chain *c, const struct graph *g, struct qmp_error *err);

#endif
