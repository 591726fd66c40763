/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile: a monitor, a process of its own, that does harm to the real program.
 *
 *     TestSuite(hostile, .init = hostile_enter, .fini = hostile_leave);
 *
 *     struct hostile h = {.before = "disk0: a <- b", .twist = twice};
 *     struct hostile_end end = hostile_run(&h, "list", NULL);
 *     cr_expect_eq(end.code, 0, "%s", end.err);
 *     hostile_end_done(&end);
 *
 * It plays a picture (tests/scene/picture.h) of images that lie in the scratch folder, and are
 * open as QEMU would have them. What it would say to a greeting, or in answer to a command, the
 * twist may say in another way; what is true the lie may change before it is said.
 *
 * Every run is checked: the program ends by itself, in time and with one of its exit codes; it
 * took little memory; nothing that it printed steers a terminal; and no file of another folder,
 * "outside", was touched. A run for which one of these is not so fails the test.
 */
#ifndef TESTS_HOSTILE_HOSTILE_H
#define TESTS_HOSTILE_HOSTILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct hostile;

/* Send @message, a line with its end, to @fd: see hostile_send(). */
typedef void hostile_twist_fn(int fd, const char *message, const struct hostile *h);

/* Change @reply, the "return" of @command (NULL: the greeting), which is the caller's. Returns it
 * or another. */
typedef json_t *hostile_lie_fn(const char *command, json_t *reply, const struct hostile *h);

struct hostile {
    const char *before;      /* the picture */
    const char *turn, *then; /* once the command @turn came it is @then; may be NULL */
    hostile_twist_fn *twist;
    int at; /* only the Nth message is twisted; 0: all; 1: the greeting, 2: qmp_capabilities' … */
    hostile_lie_fn *lie;
    size_t cut;             /* hang up after so many bytes; 0: do not */
    const char *text, *key; /* the twist's and the lie's own */
    const char *timeout;    /* the program's, longer below valgrind; NULL: 0.02 */
    json_t *replies[2];     /* hostile_run()'s own */
};

struct hostile_end {
    int code;
    char *out, *err;
    size_t sent; /* by the monitor, bytes */
    unsigned messages;
};

/* An empty scratch folder, with a folder "outside". */
void hostile_enter(void);
void hostile_leave(void);

/* Empty the folder but for "outside", and make the images of @h and its sidecar. */
void hostile_set(const struct hostile *h);

/* Run the program, its words ended by NULL, on the folder as it is. */
struct hostile_end hostile_run(struct hostile *h, ...) __attribute__((sentinel));
void hostile_end_done(struct hostile_end *end);

/* hostile_set(), and a run of each of the verbs: those that look, and those that act on disk0. */
void hostile_try_all(struct hostile *h);

/* Send bytes; the process ends when nobody listens any more. */
void hostile_send(int fd, const void *bytes, size_t n);

/* From one byte at which to hang up to the next: 1, but under valgrind, where a run takes a second,
 * some more. */
size_t hostile_step(void);

/* The table: what was tried so far, under @title; counts anew. On stdout. */
void hostile_tell(const char *title);

#endif
