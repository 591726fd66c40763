/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorded: the replies that make a graph, and those that real QEMU gave.
 *
 * A document of replies is {"query-block": ..., ...}; what is not in it is not taken.
 */
#ifndef TESTS_SCENE_RECORDED_H
#define TESTS_SCENE_RECORDED_H

#include "snapshot/graph.h"

struct recorded_reply {
    const char *command;
    int (*take)(struct graph *g, const json_t *reply, struct qmp_error *err);
    enum graph_level level; /* asked for a graph of this depth and deeper */
};

enum { RECORDED_REPLIES = 4 };

/* In the order in which they are to be taken. */
extern const struct recorded_reply recorded_replies[RECORDED_REPLIES];

/* Take what a graph of @level is made of. */
int recorded_take(struct graph *g, const json_t *replies, enum graph_level level,
                  struct qmp_error *err);

/* tests/scene/recorded/MACHINE-RELEASE.json (tests/scene/record makes them), or NULL. */
json_t *recorded_load(const char *machine, const char *release);

#endif
