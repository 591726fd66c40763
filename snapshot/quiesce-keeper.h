/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quiesce-keeper: the process that keeps the guest from staying frozen. See quiesce.h. */
#ifndef SNAPSHOT_QUIESCE_KEEPER_H
#define SNAPSHOT_QUIESCE_KEEPER_H

#include "qmp/agent.h"
#include "snapshot/quiesce.h"

/* What the keeper tells us, each in one packet; it comes from the same program. */
struct keeper_word {
    int64_t frozen_us; /* ENDED. First: there is nothing between the members that nobody wrote */
    enum { KEEPER_FROZEN, KEEPER_FAILED, KEEPER_ENDED } kind;
    int count;                    /* FROZEN: file systems */
    enum quiesce_outcome outcome; /* ENDED */
    struct qmp_error err;         /* FAILED; ENDED but for QUIESCE_HELD */
};

/* What we tell it, besides hanging up. */
#define KEEPER_THAW 't'

/* Start a keeper. Returns our end of the line to it, or -1. It is nobody's child. */
int keeper_start(const struct quiesce_options *o, struct qmp_error *err);

/* The keeper's whole life. @line is its end of the line. */
_Noreturn void keeper_live(int line, const struct quiesce_options *o);

/*
 * Thaw through @a and ask whether that helped, each within @ms. @at_us (may be NULL):
 * monotonic time of the thaw's answer.
 */
enum quiesce_outcome keeper_thaw(struct agent *a, int ms, int64_t *at_us, struct qmp_error *why);

/* Does the guest say that it is frozen? -1: it does not say. */
int keeper_is_frozen(struct agent *a, int ms, struct qmp_error *err);

#endif
