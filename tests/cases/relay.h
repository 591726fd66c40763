/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay: stands between the program and QEMU's monitor, and kills the program when it
 * has sent so many commands.
 *
 *     program ── relay.sock ──> relay ── monitor.sock ──> QEMU
 */
#ifndef TESTS_CASES_RELAY_H
#define TESTS_CASES_RELAY_H

#include "tests/cases/cases.h"

enum relay_mode {
    RELAY_BEFORE, /* QEMU never hears of the last command */
    RELAY_AFTER,  /* QEMU has done it, the program never hears of that */
};

/*
 * Run the program by way of the relay, with @words. It is killed at command number @at
 * (1: qmp_capabilities). Returns its exit status: 128 + SIGKILL, or its own where it
 * sends fewer. @last (4096 bytes) is the command that it was killed at.
 */
int relay_run(struct lab *lab, enum relay_mode mode, int at, char *last, const char *const *words);

#endif
