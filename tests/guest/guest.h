/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest: a lab with a real Linux in it (see tests/guest/init), up after some seconds.
 *
 *     struct guest *g = guest_start(&(struct guest_options){.disks = 2, .modern = true});
 *     struct lab_result r = lab_run(g->lab, "create", "s1", NULL);
 *     long at = guest_position(g);
 *     …
 *     lab_kill(g->lab);
 *     guest_check_disk("/path/of/vda.qcow2", &last);
 *     guest_stop(g);
 *
 * Each disk has an ext4 file system, to whose file "log" the guest writes the lines
 * 1, 2, 3, … for ever, some twenty a second, the same on all disks.
 */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H

#include "tests/lab/lab.h"

struct guest_options {
    int disks;
    enum lab_bus bus;
    bool modern;
    bool relative;
    const char *format;      /* "qcow2" (NULL) or "raw" */
    const char *const *args; /* more arguments for QEMU, NULL at the end; may be NULL */

    /* The same machine as this guest's, which has ended, on its images "vdX@suffix": it waits for
     * a memory (-incoming defer). NULL: it boots. */
    const struct guest *after;
    const char *suffix;
};

struct guest {
    struct lab *lab;
    char *agent; /* the guest agent's socket, a path */
    int console; /* connected to the guest's serial line */
    char *text;  /* what came from there and was not looked at yet */
    size_t len;
};

/* Start it; one that boots is waited for until it says that it is ready. */
struct guest *guest_start(const struct guest_options *options);

/* NULL is fine. */
void guest_stop(struct guest *g);

/* Wait until the console says a line that begins with @begin; the caller frees the line. */
char *guest_wait(struct guest *g, const char *begin);

/* Wait until the guest tells how far it is; while it runs it does so every half second. */
long guest_position(struct guest *g);

/* Wait until it is beyond @line; returns where it is. */
long guest_beyond(struct guest *g, long line);

/* A connection to its agent, to be closed with close(), and a question that must be answered. */
int guest_agent_open(const struct guest *g);
void guest_agent_answers(int connection, long id);

/*
 * Look at a disk of a guest that is not running: replay the journal in a copy, then
 * the file system must be clean, and the log without a gap. Returns NULL and the last
 * line of the log in *@last (may be NULL), or what is wrong, which the caller frees.
 */
char *guest_check_disk(const char *image, const char *format, long *last);

#endif
