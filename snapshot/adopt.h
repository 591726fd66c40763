/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adopt: a document for chains that somebody else made.                 PURE
 *
 *   disk.qcow2 <- disk.s1.qcow2 <- disk.s2.qcow2        s1 pins the first, s2 the second
 *   disk.qcow2 <- disk.s1 <- disk.s2                    the same, as libvirt names them
 *   disk.qcow2 ^daily1 ^daily2                          inside the image, as Proxmox does it
 *   /images/debian.qcow2 <- disk.qcow2                  a template: no snapshot
 *
 * An overlay is called after the snapshot that was taken when it was made. Layers of several
 * disks whose overlays have the same name, in the same order, are one snapshot. No file counts
 * as made by us: none will be removed.
 */
#ifndef SNAPSHOT_ADOPT_H
#define SNAPSHOT_ADOPT_H

#include "snapshot/chain.h"
#include "snapshot/graph.h"

/*
 * Fill the empty document @c in from @g. @files: those of a survey, for their times. @token: a
 * few hex digits that no other operation has.
 */
void adopt(struct chain *c, const struct graph *g, const json_t *files, const char *token);

#endif
