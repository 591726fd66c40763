/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-memory: the guest's memory, in an image of its own.              PURE
 *
 * QEMU's snapshot-save writes RAM and device state into the nodes it is told to; told
 * only of one small image that no device uses, it needs nothing of the disks, and the
 * state can be loaded back into the same process (qmp-facts (j)).
 */
#ifndef SNAPSHOT_PLAN_MEMORY_H
#define SNAPSHOT_PLAN_MEMORY_H

#include "snapshot/plan-overlay.h"
#include "snapshot/plan.h"

/* Can memory be saved, and later be loaded again? QRW_ERR_UNSUPPORTED, QRW_ERR_REFUSED. */
int plan_memory_check(const struct scene *s, struct qmp_error *err);

/* The same without a file of its own. */
int plan_memory_there(const struct scene *s, struct qmp_error *err);

/* Is there a guest that could take the memory @memory (NULL: none)? Without a VM only the disks go
 * back, and a note says how it is loaded. */
bool plan_memory_wanted(struct plan *p, const struct scene *s, const json_t *memory,
                        const char *snapshot);

/* Where the memory of the snapshot @name goes: beside the first of the overlays @o. New string. */
char *plan_memory_name(const struct scene *s, const struct overlays *o, const char *name,
                       bool live);

/* Make @file (permissions like @like) and add it as a node: while the guest still runs. */
void plan_memory_file(struct plan *p, const struct scene *s, const char *file, const char *like);

/* Save into it; the guest is stopped. */
void plan_memory_save(struct plan *p, const struct scene *s, const char *tag);

/* The record of it for the snapshot; @live: saved by plan-live.h. New reference. */
json_t *plan_memory_record(const struct plan *p, const struct scene *s, const char *file,
                           const char *tag, bool live);

/* May the guest be reset? QRW_ERR_UNSUPPORTED: that would end this QEMU (5.2 with -no-reboot). */
int plan_check_reset(const struct scene *s, struct qmp_error *err);

/* Does @memory (a snapshot's record) fit this VM? QRW_ERR_UNSUPPORTED. */
int plan_memory_fits(const struct scene *s, const json_t *memory, struct qmp_error *err);

/*
 * Before a memory is loaded, while the disks are as they were: stop the guest. One that stands
 * still runs for an instant, from a reset on (@resets), where that matters:
 *   - a flash device writes what was loaded into it to its image when the guest runs next, and QEMU
 *     (5.2 to 11.1) crashes then if it was loaded twice; who stands still may not have run since;
 *   - if it goes on with @another memory than it has now, machine_keeps_code(): left stopped it
 *     would be in a run state (restore-vm) out of which QEMU dies of a migration;
 *   - powered off, or asleep, it would not go on with what is loaded: it is reset only.
 */
void plan_memory_ready(struct plan *p, const struct scene *s, bool another, bool resets);

/* Add the file of @memory as a node, and load it: the guest is stopped. */
void plan_memory_open(struct plan *p, const struct scene *s, const json_t *memory);
void plan_memory_load(struct plan *p, const struct scene *s, const json_t *memory);

/*
 * The last steps of every way back: a reset (@resets), where no memory was loaded that fits the
 * disks; the guest goes on, if it shall @go; and with memory @loaded the network hears
 * where it is now. Without a VM there is nobody to go on.
 */
void plan_go_on(struct plan *p, const struct scene *s, bool resets, bool go, bool loaded);

/* Let the result say whether the guest runs then; where there is one. */
void plan_say_running(struct plan *p, const struct scene *s, bool running);

#endif
