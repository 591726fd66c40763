/* SPDX-License-Identifier: GPL-2.0-or-later */
/* planted: what somebody else has left in the sidecar of a lab's first disk, vda.qcow2. */
#ifndef TESTS_CASES_PLANTED_H
#define TESTS_CASES_PLANTED_H

#include <jansson.h>
#include <stdbool.h>

#include "tests/lab/lab.h"

/* Make @doc, with @pending (taken) in it, the sidecar: as if it had been begun there, or in another
 * file (@copied). */
void plant(const struct lab *lab, json_t *doc, json_t *pending, bool copied);

/* What is pending in @doc was begun in the file @path, which it is written into next. */
void planted_sign(json_t *doc, const char *path);

/* For @pending: an operation that has come to its end but for the removal of @files. New reference.
 */
json_t *planted_cleanup(const char *operation, const char *const *files, size_t n);

/* The file @name in the lab's folder is user 12345's from now on. */
void give(const struct lab *lab, const char *name);

#endif
