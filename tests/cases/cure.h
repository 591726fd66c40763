/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cure: a command that a message shows must work as it stands there. */
#ifndef TESTS_CASES_CURE_H
#define TESTS_CASES_CURE_H

#include "tests/lab/lab.h"

/*
 * Type into a shell what begins with @beginning in @said and goes on to the parenthesis, semicolon
 * or line's end behind it. It must be there, and succeed. With @lab (may be NULL) its monitor is
 * meant.
 */
void cure_works(const struct lab *lab, const char *said, const char *beginning);

#endif
