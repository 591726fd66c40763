/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * given-up: what an interrupted operation was to drop, and had removed a part of before it was
 * taken back: in another QEMU, which was started on what the disks ran on before.       PURE
 */
#ifndef SNAPSHOT_GIVEN_UP_H
#define SNAPSHOT_GIVEN_UP_H

#include "snapshot/plan.h"

/* Is @file known not to be there, or, if @tag is not NULL, to be without that? */
typedef bool given_up_fn(const char *file, const char *tag, const void *arg);

/*
 * Drop from @c, which is to stay as it is, those snapshots, and that undo point, which @p was to
 * drop and of which its cleanup has removed a file or a tag. Layers that nothing needs then are
 * dropped, too. Returns false: there are none. Else the cleanup of @p is the rest of their files
 * and tags, and its notes tell of them.
 */
bool given_up_drop(struct chain *c, struct plan *p, given_up_fn *gone, const void *arg);

#endif
