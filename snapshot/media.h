/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * media: what is in the drives that are no disks of a snapshot.         PURE
 *
 * A memory remembers what the guest has read of a CD. Nobody takes that out, or puts it in, when
 * the memory is loaded again; but that it is another one is worth a word.
 */
#ifndef SNAPSHOT_MEDIA_H
#define SNAPSHOT_MEDIA_H

#include "snapshot/plan.h"

/* {ID: FILE or null}: what the drives of @g have in them that are no key of @disks goes into
 * @memory, as "media", if there are such drives. */
void media_record(const struct graph *g, const json_t *disks, json_t *memory);

/* Note in @p what has changed since @memory (of the snapshot @name) was saved. */
void media_compare(struct plan *p, const struct graph *g, const json_t *memory, const char *name);

#endif
