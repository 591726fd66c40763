/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-again: the same command again, after one that was killed.                        PURE
 *
 * Who tells it again has not heard how it ended. What was meant may be done by now, by the settling
 * that goes before everything, or but for the merges that follow a delete: then there is no
 * snapshot of that name, or one already, and nothing is wrong with that.
 */
#ifndef SNAPSHOT_PLAN_AGAIN_H
#define SNAPSHOT_PLAN_AGAIN_H

#include "snapshot/plan.h"

/* As long as merges are due, the document after @p remembers what it deletes; and what it creates,
 * until the prune that follows ("prunes" in its result) has ended. @tidies: it may leave merges, or
 * is one. */
void again_mark(struct plan *p, bool tidies);

/* What @c remembers of @operation: that, and what would be the result. Borrowed, NULL: nothing. */
json_t *again_marked(const struct chain *c, const char *operation);

/* The prune that spares the snapshot @spare has ended, merges included. Was that to come? */
bool again_ended(struct chain *c, const char *spare);

/*
 * Has @earlier, the result of what was settled or again_marked(), done what @args of the same
 * operation ask for, and is that so in @c? Its result, with a note that says so. New reference,
 * NULL: no.
 */
json_t *again_deleted(const void *args, const json_t *earlier, const struct chain *c);
json_t *again_created(const void *args, const json_t *earlier, const struct chain *c);

#endif
