/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * belongs: is a file that a document names an image of its VM?
 *
 * A document comes from outside: with a folder that somebody has packed, it may name any file of
 * whoever unpacks it. What is removed because it says so is looked at first.
 */
#ifndef SNAPSHOT_BELONGS_H
#define SNAPSHOT_BELONGS_H

#include "snapshot/chain.h"

/*
 * Does @file begin like an image, a memory, or what is to become one, or is it whole sectors where
 * @raw, and does it lie in the folder of the sidecar or of an image that a disk of @g runs on, by
 * more than the sidecar's word?
 * Elsewhere it is one of theirs if its header leads there, or a link beside it to the record, or if
 * those of a recorded layer in the same folder do. True where it cannot be looked at, or is not
 * there: then nothing is removed.
 */
bool belongs(const char *file, bool raw, const struct chain *c, const struct graph *g);

#endif
