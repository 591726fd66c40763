/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault: run the program with the shim (tests/faults/shim/shim.c), so that at one of the calls
 * that it makes it dies, QEMU dies, or the call fails.
 *
 *     struct fault f = {.what = "kill", .at = 7, .set = "change"};
 *     auto_result struct lab_result r = fault_run(lab, &f, "create s1");
 */
#ifndef TESTS_FAULTS_FAULT_H
#define TESTS_FAULTS_FAULT_H

#include "tests/lab/lab.h"

enum fault_victim { FAULT_CLIENT, FAULT_QEMU, FAULT_BOTH, FAULT_VICTIMS };
enum { FAULT_MOMENTS = 2, FAULT_KILLS = FAULT_VICTIMS * FAULT_MOMENTS };

extern const char *const fault_victims[FAULT_VICTIMS];

struct fault {
    const char *what; /* "kill", "killed", "short", an errno's name; NULL: none, only look */
    int at;           /* at which call, from 1 on */
    const char *set;  /* "change": of those that change something; "all"; those of a name */
    bool stays;       /* calls of that name fail from then on */
    bool alone;       /* the verb is of no VM: no --socket */
    enum fault_victim victim;
    const char *log;  /* a file that gets a line for each call; NULL: none */
    const char *keep; /* a folder for files that lose their name; NULL: none */
};

/* Kill number @n, from 0 on: all victims and moments at the first call, then at the next one. */
struct fault fault_kill(int n);

/* Run "qrewind --json WORDS", parted by blanks, to its end. */
struct lab_result fault_run(struct lab *lab, const struct fault *f, const char *words);

/* Was it in time for @f, which kills? @r is what came of it. */
bool fault_hit(const struct lab *lab, const struct fault *f, const struct lab_result *r);

/* The same without a fault. */
struct lab_result fault_free(struct lab *lab, const char *words);

/* The same until no job of what was begun before runs any more: looked at again whenever one has
 * changed its state. News from before only make for a look too many. */
struct lab_result fault_settled(struct lab *lab, const char *words);
/* Does @r say that one still does? */
bool fault_waits(const struct lab_result *r);

/* The same to see which calls of @set there are: "create pwrite fsync ", a blank after each. New
 * string. */
char *fault_calls(struct lab *lab, const char *set, const char *words);

/* How many. */
int fault_count(struct lab *lab, const char *set, const char *words);

#endif
