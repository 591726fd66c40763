/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tidy: is nothing left over? Whatever an operation made and no rule keeps must be gone:
 *
 *  - every image in the folder is a layer or a memory that the sidecar knows, and each of
 *    these is there;
 *  - every node of QEMU's belongs to the present chain of a disk, two nodes a layer;
 *  - no job, and nothing pending.
 *
 * Images called keep-….qcow2 are the test's own.
 */
#ifndef TESTS_TIDY_TIDY_H
#define TESTS_TIDY_TIDY_H

#include "tests/lab/lab.h"

/* Fails the test, and names the line that asked. */
#define is_tidy(lab) tidy_check(lab, __LINE__)
void tidy_check(struct lab *lab, int line);
/* The same of one that start_again() gave, on the files of @old. */
#define is_tidy_on(lab, old) tidy_check_on(lab, old, __LINE__)
void tidy_check_on(const struct lab *lab, const struct lab *old, int line);

/* What QEMU holds: open files, nodes, and its anonymous memory in KiB. */
struct tidy_weight {
    long fds, nodes, files, rss_kib;
};
struct tidy_weight tidy_weigh(struct lab *lab);

/* What this process holds, its memory being what it has allocated. The lab's events, which nobody
 * asked for, are dropped. */
struct tidy_weight tidy_weigh_ours(struct lab *lab);

/* Print both; @now must be like @once, but for @slack_kib of memory. */
void tidy_level(const char *what, const char *who, const struct tidy_weight *once,
                const struct tidy_weight *now, long slack_kib);

#endif
