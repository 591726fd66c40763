/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow: jobs that take long enough to do something to them.
 *
 *   vda.qcow2 (s1) <- vda.s1.qcow2 (s2): 16 MiB <- vda.s2.qcow2: 48 MiB
 */
#ifndef TESTS_CASES_SLOW_H
#define TESTS_CASES_SLOW_H

#include "tests/cases/cases.h"

enum slow_kind { SLOW_COMMIT, SLOW_COMMIT_BELOW, SLOW_STREAM, SLOW_MIRROR, SLOW_JOBS };

struct slow_job {
    const char *id;
    const char *words[8];
    const char *chain;    /* afterwards */
    const char *lost;     /* the snapshot whose content is overwritten on the way, NULL: none */
    const char *files[4]; /* that are gone afterwards */
};

extern const struct slow_job slow_jobs[SLOW_JOBS];

struct lab *slow_lab(void);

/* Start it, limited to next to nothing, and wait until it has copied something. */
struct lab_process slow_begin(struct lab *lab, const struct slow_job *job);
/* The same with --no-wait. */
void slow_start(struct lab *lab, const struct slow_job *job);

/* The job has done what it should, all is recorded, and life goes on. */
#define slow_is_done(lab, job) cases_slow_is_done(lab, __LINE__, job)
void cases_slow_is_done(struct lab *lab, int line, const struct slow_job *job);

/* All is as before, but for what a commit had overwritten already. @lab may be of another
 * QEMU than the one that was started for the job. */
#define slow_is_undone(lab, job) cases_slow_is_undone(lab, __LINE__, job)
void cases_slow_is_undone(struct lab *lab, int line, const struct slow_job *job);

#endif
