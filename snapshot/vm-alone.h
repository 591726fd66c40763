/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-alone: does an image stand alone where the record has one below it, or the other way round? */
#ifndef SNAPSHOT_VM_ALONE_H
#define SNAPSHOT_VM_ALONE_H

#include "snapshot/chain.h"

/* QRW_ERR_REFUSED if the header of the layer @id of @c, the document in @sidecar, names no backing
 * file, and one is recorded; or one, and none is recorded. */
int vm_check_alone(const struct chain *c, const char *sidecar, const char *id,
                   struct qmp_error *err);

/* The same of a frozen layer of @d that a running QEMU has on nothing, and that has not grown. */
int vm_check_stripped(const struct chain *c, const struct graph_disk *d, struct qmp_error *err);

#endif
