/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mend: carries out what the findings of check.h say would mend them.
 *
 * There is no journal: each mend is one act that is whole or not done, changes nothing that a
 * finding did not name, and can be repeated. Killed in between, the rest is found again.
 *
 *   in the record  rename, drop-layer, touch, insert, follow, merged, committed, copied,
 *                  overwritten, flat, drop-snapshot, drop-memory, drop-undo    mend-record.h
 *   in files       backing, leaks, chmod, unlink
 *   in QEMU        backing-live, close
 *   settle         is done before, by vm_settle()
 *
 * What is "named" is done only where the user asks for findings of its code alone (--only).
 *
 * What writes to a frozen file says so: "touches" is its layer, unless that had been written to
 * before. What is remembered of it is forgotten first, and taken anew. So it is with the layers of
 * "inside": what is dropped goes from there, too (vm-take-out.h), before that is recorded.
 */
#ifndef SNAPSHOT_MEND_H
#define SNAPSHOT_MEND_H

#include <jansson.h>

#include "snapshot/error.h"

/*
 * Change a file, or QEMU. @client NULL: there is none. QRW_ERR_REFUSED: the file is not what it
 * was any more; QMP_ERR_USAGE: no such mend.
 */
struct qmp_client;
int mend_outside(struct qmp_client *client, const json_t *mend, struct qmp_error *err);

#endif
