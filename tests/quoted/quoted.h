/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quoted: JSON in a test's source, whose quotes are single ones, for the eye. */
#ifndef TESTS_QUOTED_QUOTED_H
#define TESTS_QUOTED_QUOTED_H

#include <jansson.h>

/* New reference. What is no JSON fails the test. */
json_t *quoted(const char *words);

#endif
