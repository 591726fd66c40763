/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inside: labs with snapshots inside of their two images, and what is in these. */
#ifndef TESTS_CASES_INSIDE_H
#define TESTS_CASES_INSIDE_H

#include "tests/cases/cases.h"

/* QEMU 6.0 and newer: what older ones cannot is not asked of them. */
bool has_snapshot_jobs(struct lab *lab);

/* Two disks and a guest that runs: generation 1, the snapshot m1 (with memory) or d1 (the disks
 * alone), generation 2. */
struct lab *with_memory(bool modern);
struct lab *disks_alone(bool modern);

void write_both(struct lab *lab, int generation);

/* Somebody else takes a snapshot, on the human monitor: savevm @words. */
void human_saves(struct lab *lab, const char *words);

#define hold_both(lab, generation)                                                                 \
    do {                                                                                           \
        holds(lab, 0, generation);                                                                 \
        holds(lab, 1, generation);                                                                 \
    } while (0)

/* The tags in the active layer of disk @disk, joined by blanks; an undo point is "undo". */
#define tags_are(lab, disk, expected) inside_tags_are(lab, __LINE__, disk, expected)
void inside_tags_are(struct lab *lab, int line, int disk, const char *expected);

/* The same of a file that QEMU does not write to. */
#define file_tags_are(lab, file, expected) inside_file_tags(lab, __LINE__, file, expected)
void inside_file_tags(struct lab *lab, int line, const char *file, const char *expected);

#define status_is(lab, expected) inside_status_is(lab, __LINE__, expected)
void inside_status_is(struct lab *lab, int line, const char *expected);

#endif
