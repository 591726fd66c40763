/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-delete: what delete and prune share.                             PURE */
#ifndef SNAPSHOT_PLAN_DELETE_H
#define SNAPSHOT_PLAN_DELETE_H

#include "snapshot/plan.h"

/* Do all the disks that the document knows agree with it? QRW_ERR_REFUSED. */
int plan_all_agree(const struct scene *s, struct qmp_error *err);

/* Take away the pins of the external snapshot @name, and its memory. What nothing keeps then is
 * left to plan_collect(). */
void plan_drop_snapshot(struct plan *p, const char *name, bool keep_files);

/*
 * Take away the pins of the snapshots @names (borrowed), and what nothing keeps then; the
 * internal ones from their images. QRW_ERR_LOCKED: a job holds one of their disks.
 */
int plan_drop_snapshots(struct plan *p, const struct scene *s, json_t *names, bool keep_files,
                        struct qmp_error *err);

#endif
