/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * internal: snapshots that lie inside the images, as documents.         PURE
 *
 * Those that we made are in the sidecar, {"disks": {ID: {"tag": …}}}; those that savevm
 * or qemu-img made ("foreign") are known from the images alone, and the same tag on
 * several disks is one snapshot. QEMU loads only what lies in an active layer; from those
 * below it is copied, without the memory.
 */
#ifndef SNAPSHOT_INTERNAL_H
#define SNAPSHOT_INTERNAL_H

#include "snapshot/chain.h"
#include "snapshot/graph.h"

/* The tag of an undo point begins so. */
#define INTERNAL_UNDO "qrw-undo-"
bool internal_is_undo(const char *tag);

/* @sec seconds since 1970 as documents write times; those before 1970 and after 2106 as 1970.
 * New string. */
char *internal_time(int64_t sec, int nsec);

/* Does this snapshot, or undo point, lie inside the images? */
bool internal_is(const json_t *snapshot);

/* Do all the disks of @snapshot that @g has run on the images with its tags? Then QEMU can load
 * it. Also where there is none left. */
bool internal_is_active(const struct graph *g, const struct chain *c, const json_t *snapshot);

/* Those that the document does not know, as snapshot documents, oldest first; without undo
 * points that were left. New reference. */
json_t *internal_foreign(const struct graph *g, const struct chain *c);

/* The snapshot @name if it is an internal one, recorded or foreign. New reference, NULL. */
json_t *internal_find(const struct graph *g, const struct chain *c, const char *name);

/* The file that the tag @held of @disk is inside of. New string; NULL: it is nowhere. */
char *internal_file(const struct graph *g, const struct chain *c, const char *disk,
                    const json_t *held);

/* QRW_ERR_NOT_FOUND: @disk has no such tag any more. Returns -1. */
int internal_gone(const char *disk, const char *tag, struct qmp_error *err);

/* Add to the document of a snapshot the "file" of each tag, or that it is "missing". */
void internal_complete(json_t *snapshot, const struct graph *g, const struct chain *c);

/* Put the entries of @more where they belong by their time among those of @list, whose
 * own order stays. */
void internal_merge(json_t *list, const json_t *more);

#endif
