/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-quiesce: freeze the guest's file systems around one command.    PURE
 *
 * Everything that can be prepared comes before the freeze, everything that can wait
 * after the thaw. "require" means that the snapshot is quiesced or not taken; "try"
 * says in a note why it is not.
 */
#ifndef SNAPSHOT_PLAN_QUIESCE_H
#define SNAPSHOT_PLAN_QUIESCE_H

#include "snapshot/operations.h"
#include "snapshot/plan.h"

/* Is the guest to be frozen? QMP_ERR_USAGE; QRW_ERR_REFUSED: it is required and cannot be;
 * QMP_ERR_CONNECT: it is, and the agent is not reached. */
int plan_quiesce(struct plan *p, const struct scene *s, const struct qrw_create_args *args,
                 bool *freeze, struct qmp_error *err);

/* The two steps. Undone, and made good after a crash, by thawing. A guest that is to be
 * stopped is stopped then: one that stands still cannot thaw. */
void plan_freeze(struct plan *p, const struct scene *s, const struct qrw_create_args *args);
void plan_thaw(struct plan *p, const struct qrw_create_args *args);

#endif
