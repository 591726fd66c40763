/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * offline: which disks an operation without a VM is about.
 *
 * What the user names is an image, or a sidecar. With a sidecar the disks are those that it
 * records, with their active layers, whichever of the layers was named: a snapshot is of all
 * disks. Without one, every image named is a disk.
 */
#ifndef SNAPSHOT_OFFLINE_H
#define SNAPSHOT_OFFLINE_H

#include "snapshot/graph.h"
#include "snapshot/operations.h"

struct offline {
    qrw_strings images;      /* "FILE", or "FORMAT:FILE" for one without a header; may be NULL */
    const char *sidecar;     /* absolute; NULL: it is looked for */
    const char *cwd;         /* where relative names begin */
    struct qmp_error *doubt; /* out: see offline-state.h */
};

/*
 * Fill in @g, as graph-files.h does, and *@sidecar (new string, NULL: there is none yet).
 * QRW_ERR_NOT_FOUND: an image or the sidecar is not there. QRW_ERR_REFUSED: the images belong
 * to several VMs. The errors of sidecar_load().
 */
int offline_look(const struct offline *o, struct graph *g, char **sidecar, struct qmp_error *err);

#endif
