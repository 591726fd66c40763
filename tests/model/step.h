/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step: one thing that is done to a machine, as a value that can be kept, printed and done
 * again to another machine.                                                           PURE
 */
#ifndef TESTS_MODEL_STEP_H
#define TESTS_MODEL_STEP_H

#include <stdint.h>

#include "tests/model/images.h"

enum { STEP_NAME = 16, STEP_NAMES = 3, STEP_ALL = -1, STEP_TEXT = 160 };

enum verb {
    STEP_WRITE,
    STEP_CREATE,
    STEP_REVERT,
    STEP_UNDO,
    STEP_DELETE,
    STEP_EDIT,
    STEP_PRUNE,
    STEP_COMMIT,
    STEP_STREAM,
    STEP_MIRROR,
    STEP_RUN,     /* the guest goes on or stops */
    STEP_RESTART, /* another QEMU on the same images */
    STEP_VERBS
};

enum step_flags {
    STEP_MEMORY = 1,
    STEP_NO_MEMORY = 2,
    STEP_DISCARD = 4,
    STEP_CHILDREN = 8,
    STEP_FORCE = 16,
    STEP_PIN = 32,
    STEP_UNPIN = 64,
    STEP_PAUSED = 128,
    STEP_RUNNING = 256,
    STEP_DRY_FIRST = 512, /* with --dry-run before it is done */
    STEP_INTERNAL = 1024,
    STEP_NO_RESET = 2048,
    STEP_KEEP_FILES = 4096, /* and then the user removes them */
    STEP_FINISH = 8192,     /* mirror: the copy is looked at, and removed */
};

struct step {
    enum verb verb;
    unsigned flags;
    int disk;                               /* STEP_ALL */
    int from, blocks, value;                /* write */
    char name[STEP_NAMES][STEP_NAME];       /* what it is about; "": no more */
    char fresh[STEP_NAME];                  /* --keep, the new name */
    char top[IMAGE_NAME], base[IMAGE_NAME]; /* a layer's file; "": not given */
    char file[IMAGE_NAME];                  /* mirror: the copy */
    const char *sync;                       /* mirror */
    int keep_last, max_depth;               /* prune; 0: not given */
};

/* "revert b --keep c", as one would type it. Returns @text. */
char *step_text(const struct step *s, char text[STEP_TEXT]);

/* ---- where they come from ---- */

struct model;
struct layout;

/* A number below @n, @n > 0; the same ones for the same @seed. */
unsigned step_random(uint64_t *seed, unsigned n);

/* What may be tried next on a machine like this. @number: no other step has it. */
struct step step_next(uint64_t *seed, int number, const struct model *m, const struct layout *l);

#endif
