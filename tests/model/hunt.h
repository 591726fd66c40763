/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hunt: random sequences of steps on random machines, until one fails; then the shortest
 * sequence that still fails, in words.
 *
 * Every run is a process of its own, so that a crash or a hang is a failure like others.
 */
#ifndef TESTS_MODEL_HUNT_H
#define TESTS_MODEL_HUNT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Do @steps steps that follow from @seed. Returns NULL if all went well, else a report for
 * people, which the caller frees. *@done: how many steps were done.
 */
char *hunt(uint64_t seed, int steps, int *done);

#endif
