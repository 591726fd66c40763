/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ends: the states in which an operation may leave a machine, as pictures of machines that nobody
 * disturbed, and whether a machine is in one of them.
 */
#ifndef TESTS_FAULTS_ENDS_H
#define TESTS_FAULTS_ENDS_H

#include "tests/faults/rows.h"

enum settle_end {
    END_BEFORE,       /* the operation has not been */
    END_AFTER,        /* it has */
    END_TWICE,        /* it has, and once more */
    END_BEFORE_OTHER, /* the other command then */
    END_AFTER_OTHER,
    END_PART, /* its first part has been, where it has two */
    END_PART_OTHER,
    END_DROPPED, /* it has not been, but a snapshot that a commit was to drop is overwritten, or
                    the undo point that a revert was to drop removed */
    END_DROPPED_OTHER,
    ENDS
};

/* The other command. */
extern const char ends_other[];

/* The pictures of an undisturbed machine. */
struct ends {
    char *picture[ENDS];
    bool again; /* can it be done twice? */
    int calls;  /* how many there are that change something */
};

/* Returns false: this QEMU cannot do it. */
bool ends_record(struct ends *ends, const struct row *row);
void ends_done(struct ends *ends);

/* Is the picture of @m one of those in the set @allowed (1 << END_…)? Returns what is wrong, NULL:
 * nothing; the caller frees. @restarted: the guest need not run. */
char *ends_judge(const struct ends *ends, struct machine *m, unsigned allowed, bool restarted);

#endif
