/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job: what to do about one QEMU job, from what query-jobs shows.       PURE
 *
 *   (started) ──> running ──────────────────────────> concluded ──> ended, well or badly
 *                    │                                    ^
 *                    └─> ready ── complete ── finish ─────┘
 *                          │
 *                          └─ hold: left there for a later decision
 *
 * Events only wake the one who asks here; they decide nothing (design.md §8 law 3).
 * "paused" and "standby" come and go by themselves whenever QEMU drains the disk.
 */
#ifndef SNAPSHOT_JOB_H
#define SNAPSHOT_JOB_H

#include <stdbool.h>

#include "snapshot/graph.h"

enum job_then { JOB_JUST_END, JOB_COMPLETE, JOB_FINISH, JOB_HOLD };

enum job_phase {
    JOB_RUNNING,     /* wait */
    JOB_READY,       /* its copy is complete and kept so: what next is `then`'s */
    JOB_ENDED_WELL,  /* concluded without an error */
    JOB_ENDED_BADLY, /* concluded with one, or was cancelled */
    JOB_GONE,        /* dismissed by somebody else: only the graph can tell how it ended */
};

/* "complete", "finish", "hold"; anything else and NULL: JOB_JUST_END. */
enum job_then job_then(const char *word);

/* @seen: its entry in query-jobs, NULL: it has none. */
enum job_phase job_phase(const struct graph_job *seen);

/* Nothing more will happen by itself: ended, gone, or ready and to be left so. */
bool job_at_rest(enum job_phase phase, enum job_then then);

/* The command that tells a ready job what to do: its name and the argument that takes
 * the id; NULL: none, wait. */
const char *job_command(enum job_then then, const char **id_argument);

#endif
