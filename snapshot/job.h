/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job: what to do about one QEMU job, from what query-jobs shows.       PURE
 *
 *   (started) ──> running ──> pending ── finalize ──> concluded ──> ended, well or badly
 *                    │                                    ^
 *                    └─> ready ── complete ── finish ─────┘
 *                          │
 *                          └─ hold: left there for a later decision
 *
 * A job that was told so waits pending: its data is there, no chain has changed yet.
 *
 * How a job ended is never taken from an event (design.md §8 law 3): they wake the one who asks
 * here. That a job waits for a command may come from one.
 * "paused" and "standby" come and go by themselves whenever QEMU drains the disk.
 */
#ifndef SNAPSHOT_JOB_H
#define SNAPSHOT_JOB_H

#include <stdbool.h>

#include "snapshot/graph.h"

enum job_then { JOB_JUST_END, JOB_COMPLETE, JOB_FINISH, JOB_HOLD, JOB_FINALIZE };

enum job_phase {
    JOB_RUNNING,     /* wait */
    JOB_READY,       /* its copy is complete and kept so: what next is `then`'s */
    JOB_PENDING,     /* it has done its work and waits for our word to end */
    JOB_ENDED_WELL,  /* concluded without an error */
    JOB_ENDED_BADLY, /* concluded with one, or was cancelled */
    JOB_GONE,        /* dismissed by somebody else: only the graph can tell how it ended */
};

/* "complete", "finish", "hold", "finalize"; anything else and NULL: JOB_JUST_END. */
enum job_then job_then(const char *word);

/* @seen: its entry in query-jobs, NULL: it has none. */
enum job_phase job_phase(const struct graph_job *seen);

/* Nothing more is to happen: ended, gone, or ready and to be left so. */
bool job_at_rest(enum job_phase phase, enum job_then then);

/* The command that tells a ready or pending job what to do: its name and the argument that
 * takes the id; NULL: none, wait. */
const char *job_command(enum job_phase phase, enum job_then then, const char **id_argument);

/* Is this what one waits for: its end, its rest, or that it needs a command? */
bool job_wants(enum job_phase phase, enum job_then then);

#endif
