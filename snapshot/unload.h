/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * unload: a return to internal snapshots that was interrupted while they were loaded.
 *
 * QEMU loads into one disk after the other. When it is gone in between, some of them show the
 * snapshot, the others what they showed before, which the operation has tagged first.
 */
#ifndef SNAPSHOT_UNLOAD_H
#define SNAPSHOT_UNLOAD_H

#include "snapshot/plan.h"

/*
 * Was all loaded that @p loads, as the images of @g show, and is there a disk without the tag of
 * what it showed before, which @p does not keep? Then @p is cut down to its cleanup, and true comes
 * back. (That tag is missing, too, where nothing was begun and the disks showed the snapshot
 * already.)
 */
bool unload_cut_to_cleanup(struct plan *p, const struct graph *g);

/*
 * Find by the @steps of the operation which disks of @g show the snapshot: @gone, with room for
 * all, borrowed like @kept, the tag to bring them back to. None where to any disk something was
 * written since, or it cannot be told: that was a guest. Returns how many.
 */
size_t unload_find(const json_t *steps, const struct graph *g, const char **kept,
                   const struct graph_disk **gone);

/* Offline: bring them back, with nobody at the images. The errors of image_apply(). */
int unload_files(const json_t *steps, const struct graph *g, struct qmp_error *err);

#endif
