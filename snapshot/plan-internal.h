/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-internal: snapshots inside the images.                           PURE
 *
 * The disks alone: one transaction. With memory: QEMU's snapshot-save job, which writes
 * the memory into the first of the disks; 5.2 has no such job, and its savevm takes all
 * writable disks or none.
 */
#ifndef SNAPSHOT_PLAN_INTERNAL_H
#define SNAPSHOT_PLAN_INTERNAL_H

#include "snapshot/operations.h"
#include "snapshot/plan-overlay.h"
#include "snapshot/plan.h"

/* Take the snapshot @name of the disks of @o, which are idle and as the document says.
 * @freeze: the guest's file systems are frozen meanwhile. */
int plan_internal_create(struct plan *p, const struct scene *s, const struct qrw_create_args *args,
                         const char *name, const struct overlays *o, bool freeze,
                         struct qmp_error *err);

/* Is @name an internal snapshot, recorded or foreign? */
bool plan_is_internal(const struct scene *s, const char *name);

/*
 * Remove the internal snapshot @name, recorded or foreign, from every disk that has it,
 * and its record. Done again after a crash it goes on with what is left.
 * QRW_ERR_NOT_FOUND; QRW_ERR_LOCKED: a job holds one of its disks.
 */
int plan_internal_delete(struct plan *p, const struct scene *s, const char *name,
                         struct qmp_error *err);

/* Remove the tags of the undo point, if it is an internal one, once the new state, which is in
 * @p->after, is reached. */
void plan_internal_forget(struct plan *p, const struct scene *s);

/*
 * plan-foreign.c: the disks of @o run on other layers now, in @p->after. Record the snapshots that
 * others made inside of images that no chain has any more. Not those with a name that is none, or
 * that one has.
 */
void plan_internal_keep_foreign(struct plan *p, const struct scene *s, const struct overlays *o);

/* ---- plan-internal-revert.c ---- */

/* Go back to the internal snapshot @args->name; its disks run on the images that it is in. */
int plan_internal_revert(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
                         struct qmp_error *err);

/* The same to the undo point, which is an internal one. */
int plan_internal_undo(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
                       struct qmp_error *err);

/* ---- for both ---- */

#define OLDEST_WITH_SNAPSHOT_JOBS 60000

/* A snapshot of many nodes at once: an array of the names of @o's. New reference. */
json_t *plan_internal_nodes(const struct overlays *o);

/* Tag every disk of @o at one instant. Takes @undo (NULL: it cannot be taken back). */
void plan_internal_tag(struct plan *p, const struct overlays *o, const char *tag, json_t *undo);

/* {"execute": "blockdev-snapshot-delete-internal-sync", …}. New reference. */
json_t *plan_internal_untag(const struct graph_disk *d, const char *tag);

/* What a snapshot-delete job takes to remove @tag from @node. New reference. */
json_t *plan_internal_delete_arguments(const char *id, const char *node, const char *tag);

/* One command line of the human monitor, @verb "@tag": any answer means that it failed. */
void plan_internal_human(struct plan *p, const char *verb, const char *tag);

/* QRW_ERR_LOCKED while any job runs: QEMU would write the memory to the wrong disk. */
int plan_internal_no_jobs(const struct graph *g, struct qmp_error *err);

/* QEMU before 6.0 takes all writable disks or none. QRW_ERR_UNSUPPORTED names one not in @o. */
int plan_internal_all_disks(const struct scene *s, const struct overlays *o, struct qmp_error *err);

#endif
