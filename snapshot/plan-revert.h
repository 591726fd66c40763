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
    json_t *disks;        /* DISK: {"layer": ID}; owned */
    json_t *tags;         /* DISK: {"tag", "inside"}: the layers are copies of these; NULL: none */
    const json_t *memory; /* NULL: none, or not wanted */
    const char *current;  /* the snapshot that is current afterwards, NULL: none */
    bool live;            /* it was saved while the guest ran */
    bool settles;         /* the layers are nobody's frozen content: the guest goes on in them */
    bool was_running;
    struct overlays o;
    char **targets; /* per overlay: the node that it shall be backed by */
    bool *whole;    /* per overlay: what is below that is opened with it, and not what is open */
    unsigned opened;
};

/* The layer that disk @i of the way goes back to. Borrowed. */
const char *way_layer(const struct way_back *w, size_t i);

/*
 * plan-revert-copy.c: go back to the tags of @snapshot, a document of an internal snapshot or of
 * the undo point, by way of copies. QRW_ERR_UNSUPPORTED: its memory is wanted; QRW_ERR_REFUSED:
 * not all of them lie below.
 */
int way_check_tags(struct way_back *w, json_t *snapshot, struct qmp_error *err);

/* Have @d go back: it is free, and what the document says. */
int way_take_disk(struct way_back *w, const struct graph_disk *d, struct qmp_error *err);

/* plan-revert-keep.c: can the present state be kept under the name that is asked for? */
int plan_check_keep(const struct scene *s, const char *keep, struct qmp_error *err);

/* The disks are found, and followed in @p->after from now on. With --keep the others get overlays
 * too, so that what is kept is the state of the whole VM. */
int way_keep_others(struct plan *p, struct way_back *w, struct qmp_error *err);

/* Record the present state: under that name, or as the undo point. */
void way_keep_present(struct plan *p, const struct way_back *w);

/* Make the copies: new layers in @p->after, which are what disks go back to then. */
void way_copy(struct plan *p, struct way_back *w);

/* Every step there, overlays and nodes included. QRW_ERR_UNSUPPORTED: plan-spelling.h. */
int way_steps(struct plan *p, struct way_back *w, struct qmp_error *err);

/*
 * plan-revert-again.c: was the last revert one to the same, and nothing is written since? @disks
 * has where each disk of @o goes back to: {"layer"} or {"tag"} of the image that it runs on. Then
 * there is nothing to do, and the undo point stays. Else it is noted that this goes.
 */
bool revert_is_again(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
                     const struct overlays *o, const json_t *disks);

/* What comes last, also inside of the images: what nothing keeps any more goes, and the result
 * tells how the disks @o came back to @name; is its memory @loaded? */
void way_end(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
             const char *name, const struct overlays *o, bool loaded);

#endif
