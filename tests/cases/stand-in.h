/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stand-in: a script in place of a program that qrewind runs, for this test's process: it may
 * fail, or stop in the middle until somebody ends it.
 */
#ifndef TESTS_CASES_STAND_IN_H
#define TESTS_CASES_STAND_IN_H

#include "tests/lab/lab.h"

/* From now on @program is the shell script @script. $REAL is the program itself, and
 * "$STOP" as a word stops the script there. */
void stand_in(struct lab *lab, const char *program, const char *script);

/* Wait until it has stopped. Returns the process to be ended. */
pid_t stand_in_stopped(struct lab *lab);

/* The program itself again. */
void stand_in_leave(void);

#endif
