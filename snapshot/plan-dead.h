/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-dead: what planners make of an active layer that no engine opens (vm-dead.h).     PURE */
#ifndef SNAPSHOT_PLAN_DEAD_H
#define SNAPSHOT_PLAN_DEAD_H

#include "snapshot/plan.h"

/* QRW_ERR_REFUSED: a part of @snapshot (or the undo point; NULL: nothing) lies inside of one. */
int plan_dead_check_inside(const struct scene *s, const json_t *snapshot, struct qmp_error *err);

/* QRW_ERR_REFUSED: in @p->after is nothing any more that could be gone back to instead. */
int plan_dead_check_way(const struct plan *p, const struct scene *s, struct qmp_error *err);

/* Is @held of @disk inside of one whose file is there? It stays then, whatever is recorded. */
bool plan_dead_has(const struct scene *s, const char *disk, const json_t *held);

/* Is the active layer of @d one whose file is gone? */
bool plan_dead_is_gone(const struct graph_disk *d);

#endif
