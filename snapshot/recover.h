/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recover: what became of an operation whose client died.               PURE
 *
 * The journal says what was meant, the graph what is; no step counter is needed.
 */
#ifndef SNAPSHOT_RECOVER_H
#define SNAPSHOT_RECOVER_H

#include "snapshot/plan.h"

enum recover_verdict {
    RECOVER_FINISH, /* the goal is reached: clean up and record it */
    RECOVER_ATTACH, /* a job still runs, or waits for a decision: go on with it */
    RECOVER_FORGET, /* a copy ended as a copy: nothing to record, nothing to take back */
    RECOVER_DROP,   /* the disks have switched, but the memory is not saved: merge them again */
    RECOVER_REPEAT, /* tags are to go from images, and none comes back: remove the rest */
    RECOVER_DOUBT,  /* QEMU runs on a file that was still being filled when we saw it last */
    RECOVER_UNDO,   /* it is not reached: take back what was begun */
};

enum recover_verdict recover_decide(const struct plan *p, const struct graph *g);

/* What is done at most when @p is settled by @verdict, as steps, in that order. New reference. */
json_t *recover_steps(const struct plan *p, enum recover_verdict verdict);

#endif
