/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * between: somebody between the program and QEMU's monitor, who counts the commands that pass
 * (not the questions), and kills the program at one of them, or makes QEMU refuse one.
 *
 *     struct between b = {.kill_at = 7};
 *     auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "s1"));
 */
#ifndef TESTS_BETWEEN_BETWEEN_H
#define TESTS_BETWEEN_BETWEEN_H

#include "tests/lab/lab.h"

struct between {
    const char *only;  /* count none but commands of this name; NULL: all */
    int kill_at;       /* SIGKILL instead of passing on this command, from 1 on; 0: never */
    bool interrupt;    /* SIGINT before it is passed on, and all goes on */
    bool answered;     /* pass it on, and kill when QEMU has answered it */
    const char *spoil; /* QEMU is not to know this command; NULL: none */
    int commands;      /* afterwards: how many there were */
};

/* Run "qrewind --json WORD…" (NULL at the end) to its end. */
struct lab_result between_run(struct lab *lab, struct between *b, const char *const *words);

#endif
