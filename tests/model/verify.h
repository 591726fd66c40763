/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify: does the machine show what the model says, and is nothing left lying about?
 *
 * Each returns what is wrong, NULL: nothing; the caller frees.
 */
#ifndef TESTS_MODEL_VERIFY_H
#define TESTS_MODEL_VERIFY_H

#include <jansson.h>

#include "tests/model/model.h"
#include "tests/model/rig.h"

/* The machine as it was last looked at. */
struct view {
    struct images images, before; /* as they are, and as they were a step ago */
    struct layout layout;
    json_t *list;    /* of `qrewind list` */
    json_t *sidecar; /* NULL: there is none */
    /* Files that a snapshot held at some time: they go, or are merged, when none does. */
    char once_held[IMAGES_MOST][IMAGE_NAME];
    int nonce;
};

void view_done(struct view *v);

/* Look at files, sidecar, list and graph. @model only tells which disks there are. */
char *view_take(struct view *v, struct rig *rig, const struct model *m);

/* Everything that can be seen while QEMU runs. */
char *verify(struct view *v, struct rig *rig, const struct model *m);

/* QEMU has quit: contents again, by QEMU's own tools, and `qemu-img check`. */
char *verify_off(const struct view *v, struct rig *rig, const struct model *m);

/* mirror --finish: the copy must show what the disk does. It is removed. */
char *verify_copy(const struct view *v, const struct model *m, const struct step *step);

/* prune --max-depth: take from @m what is no longer listed, if it was right to go. */
char *verify_pruned(const struct view *v, struct model *m, int max_depth);

#endif
