/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-revert: what the two files of the revert planner share.          PURE */
#ifndef SNAPSHOT_PLAN_REVERT_H
#define SNAPSHOT_PLAN_REVERT_H

#include "snapshot/operations.h"
#include "snapshot/plan-overlay.h"
#include "snapshot/plan.h"

struct way_back {
    const struct scene *s;
    const struct qrw_revert_args *args;
    const char *name;     /* of the snapshot, "undo" for the undo point */
    json_t *disks;        /* DISK: {"layer": ID} */
    const json_t *memory; /* NULL: none, or not wanted */
    const char *current;  /* the snapshot that is current afterwards, NULL: none */
    bool undo, was_running;
    struct overlays o;
    char **targets; /* per overlay: the node that it shall be backed by */
    unsigned opened;
};

/* The layer that disk @i of the way goes back to. Borrowed. */
const char *way_layer(const struct way_back *w, size_t i);

/* Every step there, overlays and nodes included. */
void way_steps(struct plan *p, struct way_back *w);

#endif
