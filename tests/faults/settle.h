/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle: after a fault, somebody comes and goes on. What there is then must be one of the
 * states that an undisturbed machine may be in.
 */
#ifndef TESTS_FAULTS_SETTLE_H
#define TESTS_FAULTS_SETTLE_H

#include "tests/faults/ends.h"

enum settle_by {
    SETTLE_REPAIR,
    SETTLE_AGAIN,     /* the same command */
    SETTLE_OTHER,     /* another one: "create other" */
    SETTLE_DISTURBED, /* repair, which is killed too, at some call; then repair */
    SETTLE_WAYS
};

/* Settle what is left, @how; then judge, and prove that every snapshot can still be reverted to.
 * @never: a set of ends (1 << END_…) that it may not have come to, for it was said otherwise.
 * @number makes the calls at which a disturbed repair dies differ. */
char *settle(const struct ends *ends, struct machine *m, enum settle_by how, bool restarted,
             unsigned never, int number);

/* The ends that @status, the exit code of a program that survived its QEMU, leaves no room for. */
unsigned settle_denied(int status, enum settle_by how);

/*
 * A call failed in the operation that ended as @r says: is the exit code true? 0 done, 5 half done
 * and repair settles it, else nothing has changed. @lasting: it went on failing. Then the proof.
 */
char *settle_by_code(const struct ends *ends, struct machine *m, const struct lab_result *r,
                     bool lasting, bool restarted);

/*
 * QEMU is gone: start another on the files that were active. Until the operation is recorded
 * there are two answers: those of the record, and (@newer) those of what is pending.
 */
void settle_restart(struct machine *m, bool newer);

#endif
