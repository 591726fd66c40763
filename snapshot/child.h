/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* child: a process that works for us, and does not outlive us. */
#ifndef SNAPSHOT_CHILD_H
#define SNAPSHOT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Fork. Returns 0 in the child, which is to execute something at once; its pid in the parent, or
 * -1 with errno.
 *
 * The child has @std as its first three descriptors (-1: /dev/null; the others are ours, closed
 * when it executes), nothing blocked, and no handler: what we ignore it ignores, but SIGPIPE and
 * SIGTERM. The kernel kills it when the calling *thread* ends, however that comes: who calls this
 * waits for it, or stays. If we have ended already, it ends by itself.
 * @apart: in a session of its own, where no terminal reaches it.
 */
pid_t child_fork(const int std[3], bool apart);

/* @fd (taken, also -1) as a descriptor that is none of the child's first three. */
int child_high(int fd);

#endif
