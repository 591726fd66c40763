/* SPDX-License-Identifier: GPL-2.0-or-later */
/* planners: every operation planned over what an input says; nothing is carried out. */
#ifndef TESTS_FUZZ_PLANNERS_H
#define TESTS_FUZZ_PLANNERS_H

#include "snapshot/plan.h"

/*
 * Plan all that can be planned: each plan survives the journal, and its document is as good
 * as the one before; each refusal has words.
 */
void planners_run(const struct graph *g, const struct chain *c, const struct machine *m);

#endif
