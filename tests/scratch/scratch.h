/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scratch: an empty folder for a test to work in.
 *
 *     TestSuite(image, .init = scratch_enter, .fini = scratch_leave);
 */
#ifndef TESTS_SCRATCH_SCRATCH_H
#define TESTS_SCRATCH_SCRATCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Make a folder in $TMPDIR and go there; leave it and remove all that is in it. */
void scratch_enter(void);
void scratch_leave(void);

/* Skip the test when we are not root. (Criterion calls no .fini then: this cleans up.) */
void scratch_needs_root(void);

/* The folder's absolute name. */
const char *scratch_folder(void);

/* Make or replace a file. Fails the test when that fails. */
void scratch_write(const char *path, const void *bytes, size_t len);

/* Run @fn in a child process and wait: what it returned (0 to 127). */
int scratch_child(int (*fn)(void));

/* The same as a user without privileges; the caller must be root. */
int scratch_child_as(uid_t user, gid_t group, int (*fn)(void));

#endif
