/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live: machines whose memory can be saved while they run, and what is to be seen of that.
 */
#ifndef TESTS_CASES_LIVE_H
#define TESTS_CASES_LIVE_H

#include "tests/lab/lab.h"

/*
 * Start it, running. NULL: this QEMU or this host does not let it, and the program has said so
 * and changed nothing.
 */
struct lab *live_start(struct lab_options o);

/* Can it, as it runs? */
bool live_can(struct lab *lab);

/* What query-status says. Valid until the next call. */
const char *live_status(struct lab *lab);

/* The settings of migrations that a save changes: text to compare. */
char *live_settings(struct lab *lab);

#endif
