/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-revert-keep: what becomes of the present state: the undo point, or a snapshot (--keep).
 *
 *   vda: P* <- a        revert P --keep k        vda: P*P <- a*k    P <- new (active)
 *   vdb: b              ==================>      vdb: b*k <- new (active)
 *
 * A disk that is no part of the snapshot gets an overlay on what it shows, at the same instant:
 * it goes back to where it is.
 */
#include "snapshot/plan-revert.h"

#include "snapshot/member.h"
#include "snapshot/plan-dead.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-internal.h"

int plan_check_keep(const struct scene *s, const char *keep, struct qmp_error *err)
{
    if (!keep)
        return 0;
    if (chain_snapshot(s->chain, keep) || plan_is_internal(s, keep))
        return qmp_error_set(err, QRW_ERR_REFUSED, "there is a snapshot '%s' already", keep);
    return chain_check_name(keep, err);
}

static int add_disk(struct way_back *w, const struct graph_disk *d, struct qmp_error *err)
{
    if (way_take_disk(w, d, err) || plan_check_lost(d, graph_active(d), NULL, err))
        return qmp_error_wrap(err, "--keep");
    overlays_name(&w->o, w->o.n - 1, w->s, w->args->keep);
    return 0;
}

/* Disks that there is no easy overlay for stay out, as does all that a copy cannot go on in. */
static bool can_keep(const struct way_back *w, const struct graph_disk *d)
{
    return !w->settles && !d->encrypted && graph_has_folder(d->layers[0].file);
}

int way_keep_others(struct plan *p, struct way_back *w, struct qmp_error *err)
{
    const size_t n = w->o.n;

    for (size_t i = 0; w->args->keep && i < w->s->graph->ndisks; i++) {
        const struct graph_disk *d = &w->s->graph->disks[i];

        if (graph_skip_reason(d) || overlays_have(&w->o, d))
            continue;
        if (!can_keep(w, d))
            plan_note(p, "disk %s is no part of %s either", d->id, w->args->keep);
        else if (add_disk(w, d, err))
            return -1;
    }
    for (size_t i = 0; i < w->o.n; i++)
        chain_follow(&p->after, w->o.list[i].disk);
    for (size_t i = n; i < w->o.n; i++) {
        const char *id = w->o.list[i].disk->id;

        json_object_set_new(w->disks, id, json_pack("{s:s}", "layer", chain_active(&p->after, id)));
    }
    return 0;
}

/* What the disks show now: pinned under a name, or kept for one undo. */
static json_t *present_layers(const struct plan *p, const struct way_back *w)
{
    json_t *disks = json_object();

    for (size_t i = 0; i < w->o.n; i++) {
        const char *id = w->o.list[i].disk->id;

        json_object_set_new(disks, id, json_pack("{s:s}", "layer", chain_active(&p->after, id)));
    }
    return disks;
}

/* What is there no more can only be given up. */
static bool is_gone(const struct way_back *w)
{
    for (size_t i = 0; i < w->o.n; i++)
        if (plan_dead_is_gone(w->o.list[i].disk))
            return true;
    return false;
}

void way_keep_present(struct plan *p, const struct way_back *w)
{
    json_t *undo = NULL;

    if (w->args->keep) {
        plan_record(p, w->s, w->args->keep, "external", NULL, present_layers(p, w), NULL);
        if (!graph_is_off(w->s->graph))
            plan_note(p, "%s holds the disks only: going back to it means a reset", w->args->keep);
    } else if (!w->args->discard && !is_gone(w)) {
        undo = json_pack("{s:o, s:s?, s:s}", "disks", present_layers(p, w), "current",
                         chain_current(w->s->chain), "created", w->s->now);
    }
    chain_set_undo(&p->after, undo);
}
