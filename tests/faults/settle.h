/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle: after a fault, somebody comes and goes on. What there is then must be one of the
 * states that an undisturbed machine may be in.
 */
#ifndef TESTS_FAULTS_SETTLE_H
#define TESTS_FAULTS_SETTLE_H

#include "tests/faults/picture.h"

enum settle_by {
    SETTLE_REPAIR,
    SETTLE_AGAIN,     /* the same command */
    SETTLE_OTHER,     /* another one: "create other" */
    SETTLE_DISTURBED, /* repair, which is killed too, at some call; then repair */
    SETTLE_WAYS
};

enum settle_end {
    END_BEFORE,       /* the operation has not been */
    END_AFTER,        /* it has */
    END_TWICE,        /* it has, and once more */
    END_BEFORE_OTHER, /* the other command then */
    END_AFTER_OTHER,
    END_PART, /* its first part has been, where it has two */
    END_PART_OTHER,
    ENDS
};

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

/* Settle what is left, @how; then judge, and prove that every snapshot can still be reverted to.
 * @number makes the calls at which a disturbed repair dies differ. */
char *settle(const struct ends *ends, struct machine *m, enum settle_by how, bool restarted,
             int number);

/*
 * QEMU is gone: start another on the files that were active. Until the operation is recorded
 * there are two answers: those of the record, and (@newer) those of what is pending.
 */
void settle_restart(struct machine *m, bool newer);

#endif
