/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay: what a power cut may leave on a file system.
 *
 * The shim (tests/faults/shim) recorded an operation: a line for each call that changes a file, and
 * a copy of the folder from before each. From that come the states of every moment:
 *
 *   names   a create, rename, symlink or unlink is there or not, each for itself, unless the folder
 *           was synced after it; a rename is done or not, never half
 *   data    what was synced is there; a file that was written to since is as it was at the sync or
 *           as it became, a new one is whole, half, empty, or zeros
 *
 * What QEMU writes is there: tests/test-qemu-kill-points.c is about that. Locks are always whole.
 */
#ifndef TESTS_FAULTS_REPLAY_H
#define TESTS_FAULTS_REPLAY_H

#include <stdbool.h>

enum { REPLAY_NAMES = 32 };

/* One state: a folder's files. */
struct replay_state {
    int point; /* the power was lost before this call; calls + 1: after the end */
    bool ended;
    struct replay_file {
        const char *name; /* NULL: no such file */
        char from[256];   /* a copy of it */
        enum { REPLAY_EMPTY, REPLAY_HALF, REPLAY_ZEROS, REPLAY_WHOLE } part;
    } files[REPLAY_NAMES];
};

typedef void replay_fn(const struct replay_state *s, void *arg);

/*
 * Call @fn for each state, and for each once. @log is what the shim wrote, @taken/N the copies of
 * the folder @root before call N, one more at the end. Returns how many there are; what cannot be
 * replayed fails the test.
 */
int replay(const char *root, const char *log, const char *taken, replay_fn *fn, void *arg);

/* Make the working folder look like @s. */
void replay_lay_out(const struct replay_state *s);

#endif
