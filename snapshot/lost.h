/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lost: a layer whose file is gone for good, and what can still be had.  PURE
 *
 *   base* <- s1* <- (s2)            an empty overlay in the place of s2 shows what s1 does: then
 *                                   QEMU can open the chain, and go back to what needs no s2
 */
#ifndef SNAPSHOT_LOST_H
#define SNAPSHOT_LOST_H

#include "snapshot/chain.h"

/* The snapshots that show what lies in layer @id, oldest first. New reference. */
json_t *lost_needed_by(const struct chain *c, const char *id);

/* Does what a snapshot (or the undo point) has as @held show something else since layer @top, and
 * what lies below it, was merged down into @onto? */
bool lost_by_merge(const struct chain *c, const json_t *held, const char *top, const char *onto);

/*
 * Layer @i of @d, if QEMU has it on a lower one than is recorded, or on none, and something lies
 * inside of it that sees what was between: its id. NULL: no.
 */
const char *lost_cut_off(const struct chain *c, const struct graph_disk *d, size_t i);

/*
 * The lowest layer that QEMU has of @d, if it is frozen and something is recorded below it: its id.
 * If it has not grown since, its header has lost that; else it may have been merged into it. NULL:
 * it is none, or something is pending.
 */
const char *lost_stripped(const struct chain *c, const struct graph_disk *d);

/*
 * The command, to paste, that goes back from the active layer @id, which cannot be opened, to the
 * last snapshot; @discard: it gives that layer up, else it is the undo point. New string; NULL: it
 * is no active layer, or there is none. No VM may run.
 */
char *lost_way_back(const struct chain *c, const char *id, bool discard);

/*
 * Where nothing but the undo point needs layer @id: words with a command, to paste, that gives that
 * up; @live: of a VM that runs. What was @written to since it was frozen is left. New string, NULL:
 * something else does.
 */
char *lost_give_up(const struct chain *c, const char *id, bool live, bool written);

/* The same where snapshots need it, and no disk runs on it: the command deletes these. */
char *lost_delete(const struct chain *c, const char *id, bool live);

/*
 * What to do where layer @id is not there, and no copy of it is: words with a command to paste,
 * which nobody runs unasked. New string; NULL: nothing helps, for it builds on nothing or every
 * snapshot needs it. Whether what it builds on is there has to be seen.
 */
char *lost_cure(const struct chain *c, const char *id);

#endif
