/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * graph-files: the graph of images that no QEMU needs to have open.
 *
 * The same `struct graph` that QEMU's replies make, filled in from the images' headers and the
 * file system: who backs whom, formats, sizes, internal snapshots. Nothing is opened for writing,
 * no lock is taken or waited for, no guest data is read; so it also serves while a VM runs on
 * them. There are no nodes and no jobs, and nothing of the disk's device but its name.
 *
 *     struct graph g = {0};
 *     graph_files_add(&g, "vda", "/vm/disk.s1.qcow2", "qcow2", &chain);
 *     graph_done(&g);
 *
 * It never fails: what is missing, broken or a loop ends the disk's chain with a layer whose
 * `trouble` says why. A format that is recorded neither in the header above nor in the document
 * is what the first bytes look like, and marked `guessed`: good enough to be shown, not to be
 * opened for writing.
 */
#ifndef SNAPSHOT_GRAPH_FILES_H
#define SNAPSHOT_GRAPH_FILES_H

#include "snapshot/chain.h"
#include "snapshot/graph.h"

/*
 * Add to @g the disk @id, whose active layer is the image @file (absolute), and all that its
 * headers name below it. @format: of @file, NULL: not known. @c (may be NULL) tells the formats
 * that the headers leave out. Files are canonical, as realpath() makes them, where they exist.
 */
void graph_files_add(struct graph *g, const char *id, const char *file, const char *format,
                     const struct chain *c);

#endif
