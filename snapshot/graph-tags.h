/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * graph-tags: the internal snapshots that lie inside an image.          PURE
 *
 * QEMU lists them with every image that it has open. Their names come from anywhere
 * (savevm, qemu-img snapshot): they need not be unique, nor fit to be printed.
 */
#ifndef SNAPSHOT_GRAPH_TAGS_H
#define SNAPSHOT_GRAPH_TAGS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct graph_tag {
    char *id, *name;
    int64_t state_size; /* bytes of memory and device state, 0: the disk alone */
    int64_t sec;        /* when it was taken, since 1970 in UTC */
    int nsec;
};

struct graph_layer;

/* Fill in @l's from its image in query-block (borrowed). */
void graph_tags_take(struct graph_layer *l, const json_t *image);
void graph_tags_free(struct graph_layer *l);

/* Forget those called @name. */
void graph_tags_drop(struct graph_layer *l, const char *name);

/* The one that QEMU means by @name: the first. Borrowed, NULL: there is none. */
const struct graph_tag *graph_tag(const struct graph_layer *l, const char *name);

#endif
