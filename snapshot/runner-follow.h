/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-follow: how the jobs of some steps stand.
 *
 * An event about one of them wakes us; what is true then says query-jobs, above all how a job
 * ended. Only that a job waits for a command is taken from an event: were it not true, the command
 * would be refused, and the next look show why.
 */
#ifndef SNAPSHOT_RUNNER_FOLLOW_H
#define SNAPSHOT_RUNNER_FOLLOW_H

#include "snapshot/job.h"
#include "snapshot/runner.h"

struct follow {
    struct runner *r;
    const json_t *const *steps;
    size_t n;
    struct graph g;       /* only its jobs */
    enum job_phase *told; /* what events said of each since, JOB_RUNNING: nothing */
    bool woken;           /* something happened since we asked last */
    unsigned handle;
    int64_t begun_ms;
    bool ending; /* they were told how to end */
    bool silent; /* QEMU may be saving or loading the memory, and says nothing meanwhile */
    int patience;
};

/* @f has r, steps and n; they are followed until follow_end(). */
void follow_begin(struct follow *f);
void follow_end(struct follow *f);

/* If they may save or load the memory, QEMU may take as long as it likes to answer, until events
 * tell that it is over. */
void follow_bear_silence(struct follow *f);

const char *follow_id(const json_t *step);
enum job_then follow_then(const struct follow *f, size_t i);
enum job_phase follow_phase(const struct follow *f, size_t i);

/* Do events say of all of them that they wait for a command? */
bool follow_are_told(const struct follow *f);
/* What events said has been dealt with. */
void follow_forget(struct follow *f);

/* Ask QEMU how they stand. */
int follow_look(struct follow *f, struct qmp_error *err);

#endif
