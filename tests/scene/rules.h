/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules: what holds for every plan of every operation; operation.h lists it. */
#ifndef TESTS_SCENE_RULES_H
#define TESTS_SCENE_RULES_H

#include "tests/scene/command.h"

void rules_check(const struct plan *plan, const struct scene *s, const struct command *c);

/* Has the member at @path of a command always this value, so that it need not be told? */
bool rules_fix(const char *path, const json_t *value);

#endif
