/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-merge: what commit, stream and mirror share: a span of layers leaves a chain.  PURE */
#ifndef SNAPSHOT_PLAN_MERGE_H
#define SNAPSHOT_PLAN_MERGE_H

#include "snapshot/plan.h"
#include "snapshot/operations.h"

/* The disk of a block job: found, not busy, and as the document says. NULL: @err. */
const struct graph_disk *plan_merge_disk(const struct scene *s, const char *name,
                                         struct qmp_error *err);

/* The arguments that every block job has. @speed 0: unlimited. */
json_t *plan_job_arguments(const char *operation, const struct graph_disk *d, const char *node,
                           int64_t speed);

/* QRW_ERR_REFUSED if snapshots lie inside of @l, a layer of @d: they would lose what it builds
 * on. */
int plan_check_inside(const struct graph_disk *d, const struct graph_layer *l,
                      struct qmp_error *err);

/* QRW_ERR_REFUSED if one of the layers [from, to) of @d, which are to be merged, is shorter than
 * what lies below it: where it ends the disk holds nothing, and would show that again. */
int plan_check_ends(const struct graph_disk *d, size_t from, size_t to, struct qmp_error *err);

/* QRW_ERR_REFUSED if QEMU has marked one of the layers [from, to) of @d as damaged: what is read of
 * it is not what was written, and QEMU may hang in the job when it meets the damage. */
int plan_check_sound(const struct graph_disk *d, size_t from, size_t to, struct qmp_error *err);

/* The file of @l will be written to: nobody else may build on it, as far as we can see. */
void plan_need_own(struct plan *p, const struct scene *s, const struct graph_layer *l);

/* Which string names @l in another image's header: QEMU's own, or ours where QEMU's is
 * relative to a folder that the reader of the header does not know. NULL: QEMU's. */
const char *plan_backing_string(const struct graph_layer *l);

/* Data in the layers [from, to) of @d, bytes. */
int64_t plan_data(const struct graph_disk *d, size_t from, size_t to);

/*
 * By the tree rule, drop every layer of the new document that nothing keeps and nothing
 * builds on: its record, and its file where we made it.
 */
void plan_collect(struct plan *p, bool keep_files);

/*
 * The layers [from, to) of @d have left the chain (`after` says already what backs what
 * now): close their nodes, and collect.
 */
void plan_retire(struct plan *p, const struct graph_disk *d, size_t from, size_t to,
                 bool keep_files);

#endif
