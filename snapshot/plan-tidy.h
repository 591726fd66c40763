/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-tidy: the merges that other operations leave to be done.         PURE */
#ifndef SNAPSHOT_PLAN_TIDY_H
#define SNAPSHOT_PLAN_TIDY_H

#include "snapshot/plan.h"

struct tidy_args {
    bool up; /* never write into the lower layer: somebody else builds on it */
};

/* Is a merge due? */
bool tidy_is_due(const struct chain *c);

/* The layer that is to be merged next, and the *@child that lies on it. NULL: none. */
const char *tidy_next(const struct chain *c, const char **child);

/* The internal snapshots, in the loose layer @id or the one above, that hold its merge up. New
 * string, NULL: there are none. */
char *tidy_held_by(const struct chain *c, const char *id);

/* Plans the next merge that is due. */
extern const struct qrw_operation plan_tidy;

#endif
