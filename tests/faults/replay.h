/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay: what a power cut may leave on a file system.
 *
 * The shim (tests/faults/shim) recorded an operation: a line for each call that changes a file, and
 * a copy of the folder from before each. From that come the states of every moment:
 *
 *   names   a create, mkdir, rename, symlink, unlink or rmdir is there or not, each for itself,
 *           unless the folder was synced after it; a rename is done or not, never half
 *   data    what was synced is there; a file that was written to since is as it was at the sync or
 *           as it became, a new one is whole, half, empty, or zeros
 *
 * What an engine writes to images that were there is there: tests/test-qemu-kill-points.c is about
 * that; what a QEMU does, replay_watch() says. What qemu-img makes is a new file like another.
 * Locks are always whole.
 *
 *     replay_enter();
 *     ... make what is there before ...
 *     replay_record("-i a.qcow2 create s1");
 *     replay(try, arg);
 *     replay_leave();
 */
#ifndef TESTS_FAULTS_REPLAY_H
#define TESTS_FAULTS_REPLAY_H

#include <stdbool.h>

#include "tests/faults/tape.h"

struct replay_file {
    char name[TAPE_NAME]; /* as seen from the folder */
    char from[TAPE_PATH]; /* a copy of it */
    bool folder;
    enum { REPLAY_EMPTY, REPLAY_HALF, REPLAY_ZEROS, REPLAY_WHOLE } part;
};

/* One state: what is in a folder. */
struct replay_state {
    int point; /* the power was lost before this call; calls + 1: after the end */
    bool ended;
    struct replay_file files[TAPE_NAMES];
    int nfiles;
};

/* A folder to work in, in the working folder; and the way back, which removes it. */
void replay_enter(void);
void replay_leave(void);

/*
 * A QEMU that is started between "true" and "false" has a shim, too (disk.c). What it does to
 * images while an operation is recorded is then replayed as what the program does itself: it is
 * there once QEMU, or the program, has synced the file.
 */
void replay_watch(bool on);

/* Run "qrewind WORDS", which must succeed, and record it. Returns how many calls it made. */
int replay_record(const char *words);

/* The same, but call number @call fails. Returns the exit code. */
int replay_fail(const char *words, int call);

/* Of what was recorded the call in the middle of those that sync a file. */
int replay_middle_sync(void);

/* The last call that syncs a file, but for the sidecar; 0: there is none. */
int replay_last_sync(void);

/* The same as replay_record(), but it is killed after call number @call, and not recorded. */
void replay_kill(const char *words, int call);

typedef void replay_fn(const struct replay_state *s, void *arg);

/* Call @fn for each state of what was recorded, and for each once. What cannot be replayed fails
 * the test. */
void replay(replay_fn *fn, void *arg);

/* Make the working folder look like @s. */
void replay_lay_out(const struct replay_state *s);

/* The file called @name in @s, NULL: there is none. */
const struct replay_file *replay_file(const struct replay_state *s, const char *name);

/* What lies there, for whoever has to find out why. New string. */
char *replay_describe(const struct replay_state *s);

#endif
