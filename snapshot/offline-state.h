/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* offline-state: which layers are active, when an operation was under way and no QEMU tells. */
#ifndef SNAPSHOT_OFFLINE_STATE_H
#define SNAPSHOT_OFFLINE_STATE_H

#include "snapshot/chain.h"

/*
 * Set @now to the document that says what each disk of @c runs on: as it was before what is
 * pending in it, or as that meant it to be. @images (NULL at the end) are the files that the user
 * named: they decide where nothing else does. Where nothing does, it is as it was before, and
 * @doubt (which is all zero) says why and how to tell us: QRW_ERR_REFUSED. So it can be looked at,
 * and nothing else.
 */
int offline_state(const struct chain *c, const char *const *images, struct chain *now,
                  struct qmp_error *doubt, struct qmp_error *err);

#endif
