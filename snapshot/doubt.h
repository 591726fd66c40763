/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doubt: after a crash somebody has to start QEMU again, on files of their choice. Where these are
 * not the ones that an interrupted operation had come to, settling it would lose data.   PURE
 */
#ifndef SNAPSHOT_DOUBT_H
#define SNAPSHOT_DOUBT_H

#include "snapshot/plan.h"

/* The VM runs on a file that was not whole when @p was interrupted: to go on from there would be
 * to give up what it lacks. Always QRW_ERR_UNKNOWN. */
int doubt_unfilled(const struct plan *p, struct qmp_error *err);

/* Is @file known not to be there any more? */
typedef bool doubt_gone_fn(const char *file, const void *arg);

/*
 * May @p be undone, back to @before, in the VM of @g? QRW_ERR_UNKNOWN where it has removed files
 * already: it does so after the switch of all disks, and the VM runs on a mixture.
 */
int doubt_way_back(const struct chain *before, const struct plan *p, const struct graph *g,
                   doubt_gone_fn *gone, const void *arg, struct qmp_error *err);

#endif
