/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * look: a verb that changes nothing has nothing to bring to an end: an interrupt ends it where it
 * is, also where it reads and computes for long, and the loop does not turn.
 */
#ifndef CLI_LOOK_H
#define CLI_LOOK_H

#include <stdbool.h>

/* From now on the signals @numbers (@n) end the program, with the words and the exit code of an
 * interrupted @verb. */
void look_leaves_at(const int *numbers, int n, bool json, const char *verb);

#endif
