/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lie: a document in which one value at a time is something else. */
#ifndef TESTS_SCENE_LIE_H
#define TESTS_SCENE_LIE_H

#include <jansson.h>
#include <stddef.h>

/*
 * The next variant of @truth, NULL: there are no more. @at begins at 0. Every member and
 * element, at whatever depth, is left out once, and is once each kind of value that it should
 * not be.
 */
json_t *lie_next(const json_t *truth, size_t *at);

#endif
