/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tape: what a recorded operation did to a folder, call by call: which names came and went, which
 * files were written to, and what of it was synced.
 *
 * A folder in the folder may be made, renamed and removed like a file; it has no folders in it.
 * What is there without a call of the program's another program has made.
 */
#ifndef TESTS_FAULTS_TAPE_H
#define TESTS_FAULTS_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
    TAPE_NAMES = 40,
    TAPE_INODES = 256,
    TAPE_CHANGES = 10,
    TAPE_NAME = 128,
    TAPE_PATH = 256,
    TAPE_ROOT = 0, /* the inode of the folder itself */
    NOBODY = -1
};

struct tape_name {
    int folder; /* an inode */
    char *name;
};

/* Which file has a name; an index into inodes, or NOBODY. */
struct tape_space {
    int of[TAPE_NAMES];
};

/* A name that comes, goes, or both: a rename. */
struct tape_change {
    int from, to, inode;
};

struct tape_inode {
    char last[TAPE_PATH];   /* while no name leads to it: a copy of it */
    char synced[TAPE_PATH]; /* a copy of it as it was synced, or as it was at first; "": never */
    bool dirty, lock, folder;
    bool settled;            /* of what QEMU did to it last, that was to sync it */
    struct timespec written; /* as it was seen last */
};

struct tape {
    const char *root, *taken; /* copies of the folder: TAKEN/N is from before call N */
    bool live;                /* what a QEMU has written is there when it has synced it */
    int point;                /* the call that is next */
    struct tape_name names[TAPE_NAMES];
    struct tape_inode inodes[TAPE_INODES];
    int ninodes;
    struct tape_space now, durable;
    struct tape_change changes[TAPE_CHANGES]; /* that no folder was synced after */
    int nchanges;
};

/* Everything in TAKEN/1 is on the disk. */
void tape_begin(struct tape *t, const char *root, const char *taken, bool live);
void tape_done(struct tape *t);

/* Come to call number @point. */
void tape_reach(struct tape *t, int point);

/* The call is done; @a and @b are its paths. */
void tape_take(struct tape *t, const char *call, const char *a, const char *b);

/* QEMU does to the image @path what @request says: "reading", "writing", "allocating", "syncing".
 */
void tape_hear(struct tape *t, const char *request, const char *path);

/* Make @change in @s. */
void tape_apply(struct tape_space *s, const struct tape_change *change);

/* The path of name @i in @s, from the folder on; false: none leads there. */
bool tape_path(const struct tape *t, const struct tape_space *s, int i, char path[TAPE_NAME]);

/* Where a copy of inode @i is, as it is now. */
void tape_copy(const struct tape *t, int i, char path[TAPE_PATH]);

#endif
