/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-internal-revert: what the two files of its planner share.        PURE */
#ifndef SNAPSHOT_PLAN_INTERNAL_REVERT_H
#define SNAPSHOT_PLAN_INTERNAL_REVERT_H

#include "snapshot/operations.h"
#include "snapshot/plan-overlay.h"
#include "snapshot/plan.h"

struct internal_way {
    const struct scene *s;
    const struct qrw_revert_args *args;
    json_t *snapshot;     /* its document, owned; or the undo point */
    const char *name;     /* of the snapshot, "undo" for the undo point */
    const char *tag;      /* the same on every disk */
    const char *current;  /* the snapshot that is current afterwards, NULL: none */
    bool memory;          /* load it too */
    const char *state;    /* the node with the memory of the snapshot; NULL: the scratch image */
    struct overlays o;    /* only its disks: no overlays are made */
    char *keeps;          /* the tag that the present state gets; NULL: this QEMU cannot */
    char *scratch, *node; /* a scratch image for memory, its node; NULL: none can be made */
    const char *like;     /* the image whose owner and mode it gets */
};

void internal_way_done(struct internal_way *w);

/* The command that goes the same way with the VM off. New string. */
char *internal_way_off(const struct internal_way *w);

/* Every step there. */
void internal_way_steps(struct plan *p, const struct internal_way *w);

#endif
