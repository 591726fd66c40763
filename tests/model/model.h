/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model: what a machine's disks and snapshots must show, kept without any image.      PURE
 *
 * A disk is an array of block values. A snapshot is a copy of such arrays, the undo point
 * another one. model_apply() is the specification of every verb, a few lines each; the
 * test compares the machine with it after each step.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <stdbool.h>

#include "tests/model/images.h"
#include "tests/model/step.h"

enum { MODEL_DISKS = 3, MODEL_SNAPSHOTS = 16 };

/* What one disk shows. @held: the snapshot has this disk. */
struct content {
    bool held;
    unsigned char block[MODEL_BLOCKS];
};

struct model_snapshot {
    char name[STEP_NAME], parent[STEP_NAME]; /* "": none */
    char tag[STEP_NAME]; /* what it is called inside of the images; "": external */
    bool memory, pinned, running;
    struct content disk[MODEL_DISKS];
};

struct model {
    int ndisks;
    bool running;
    struct content now[MODEL_DISKS];
    struct model_snapshot snapshots[MODEL_SNAPSHOTS]; /* oldest first */
    int n;
    char current[STEP_NAME];
    bool has_undo, undo_inside;
    struct content undo[MODEL_DISKS];
    char undo_current[STEP_NAME];
};

/* What the machine's chains are, where the outcome depends on them. */
struct layout {
    const struct images *images;
    char active[MODEL_DISKS][IMAGE_NAME];                /* the file each disk runs on */
    char held[MODEL_SNAPSHOTS][MODEL_DISKS][IMAGE_NAME]; /* by each snapshot; "": none */
    char undo[MODEL_DISKS][IMAGE_NAME];                  /* by the undo point */
};

/* NULL: there is none. */
struct model_snapshot *model_find(struct model *m, const char *name);

/* Do @step to the model. False: it must be refused, and @m is as it was. */
bool model_apply(struct model *m, const struct layout *l, const struct step *step);

/* Delete the snapshot @name: its children become its parent's. */
void model_drop(struct model *m, const char *name);

#endif
