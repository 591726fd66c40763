/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * revert: go back to a snapshot in the running QEMU process.
 *
 *   P* <- ... <- old (active)     ==>     P* <- new (active)
 *                                          \\<- ... <- old     the undo point
 *
 * How the running QEMU gets there is in plan-revert-steps.c.
 *
 * undo: the same towards the layers that the last revert left. They are nobody's frozen
 * content: the overlay is committed into them at once and is gone.
 *
 * A snapshot inside of an image goes back inside of it (plan-internal-revert.c) if the disk
 * runs on that; else to a copy of what it showed (plan-revert-copy.c).
 */
#include "snapshot/plan.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/media.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/path.h"
#include "snapshot/plan-dead.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-live.h"
#include "snapshot/plan-memory.h"
#include "snapshot/plan-merge.h"
#include "snapshot/plan-overlay.h"
#include "snapshot/plan-revert.h"

static void way_done(struct way_back *w)
{
    json_decref(w->disks);
    json_decref(w->tags);
    for (size_t i = 0; w->targets && i < w->o.n; i++)
        free(w->targets[i]);
    free(w->targets);
    free(w->whole);
    overlays_done(&w->o);
}

/* ---- where to ---- */

static int find_snapshot(struct way_back *w, const char *name, struct qmp_error *err)
{
    const json_t *snapshot = chain_snapshot(w->s->chain, name);
    const json_t *memory = json_object_get(snapshot, "memory");

    if (!snapshot) {
        qmp_error_set(err, QRW_ERR_NOT_FOUND, "no snapshot '%s'", name);
        return qmp_error_hint(err, "qrewind list shows the names");
    }
    w->disks = json_copy(json_object_get(snapshot, "disks"));
    w->memory = json_is_object(memory) && !w->args->no_memory ? memory : NULL;
    w->live = chain_memory_is_live(w->memory);
    w->was_running = text(snapshot, "state") && !strcmp(text(snapshot, "state"), "running");
    return 0;
}

static int find_undo(struct way_back *w, struct qmp_error *err)
{
    const json_t *undo = chain_undo(w->s->chain);

    if (!undo) {
        qmp_error_set(err, QRW_ERR_NOT_FOUND, "there is nothing to undo");
        return qmp_error_hint(err, "the last revert leaves an undo point, unless --discard or "
                                   "--keep was given");
    }
    w->disks = json_copy(json_object_get(undo, "disks"));
    return 0;
}

int way_take_disk(struct way_back *w, const struct graph_disk *d, struct qmp_error *err)
{
    const struct scene *s = w->s;

    /* a QEMU that waits for the memory waits with the images too, and gives them away */
    if ((w->live ? plan_check_disk(s->graph, d, err) : plan_check_idle(s->graph, d, err)) ||
        chain_agrees(s->chain, d, err))
        return -1;
    overlays_add(&w->o, s, d);
    return 0;
}

static int find_disks(struct way_back *w, struct qmp_error *err)
{
    const struct scene *s = w->s;
    auto_free char *temporary = mem_printf("qrw-%s", s->token);
    const char *id;
    json_t *held;

    if (!s->files_reachable) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "QEMU's files are out of our reach: the overlays cannot be made");
        return qmp_error_hint(err, PLAN_REACH);
    }
    json_object_foreach(w->tags ? w->tags : w->disks, id, held) {
        const struct graph_disk *d = plan_snapshot_disk(s, id, err);

        if (!d)
            return -1;
        if (way_take_disk(w, d, err))
            return -1;
    }
    for (size_t i = 0; i < w->o.n; i++)
        overlays_name(&w->o, i, s, w->tags ? temporary : w->name);
    return w->o.n ? 0 : qmp_error_set(err, QRW_ERR_REFUSED, "%s has no disks", w->name);
}

/* What the disks show now is to be gone back to: its layers may not be lost with their nodes. Undo
 * gives it up. */
static int check_lost(const struct way_back *w, struct qmp_error *err)
{
    const struct chain *c = w->s->chain;

    for (size_t i = 0; i < w->o.n && w->args->name && !w->args->discard; i++) {
        const struct graph_disk *d = w->o.list[i].disk;
        const char *target = w->tags ? NULL : way_layer(w, i);

        for (size_t k = 0; k < d->nlayers; k++) {
            const char *id = chain_layer_by_file(c, d->layers[k].file);

            if (!(id && chain_is_below(c, id, target)) &&
                plan_check_lost(d, &d->layers[k], "; --discard gives it up", err))
                return -1;
        }
    }
    return 0;
}

/* ---- the record ---- */

static void record(struct plan *p, const struct way_back *w)
{
    for (size_t i = 0; i < w->o.n; i++) {
        const struct overlay *o = &w->o.list[i];
        const char *target = way_layer(w, i);
        const char *below = text(chain_layer(&p->after, target), "backing");
        auto_free char *file = chain_layer_file(&p->after, target);
        auto_free char *below_file = chain_layer_file(&p->after, below);

        if (w->settles) {
            chain_set_active(&p->after, o->disk->id, target);
            chain_touch(&p->after, target);
            plan_promise(p, o->disk->id, file, below_file, true);
            continue;
        }
        chain_set_active(&p->after, o->disk->id,
                         chain_add_layer(&p->after, o->file, "qcow2",
                                         chain_layer_size(&p->after, target), target, true));
        plan_promise(p, o->disk->id, o->file, file, true);
    }
    chain_set_current(&p->after, w->current);
}

/* The nodes of the layers that the disks no longer run on. */
static void close_nodes(struct plan *p, const struct way_back *w)
{
    for (size_t i = 0; i < w->o.n; i++) {
        const struct graph_disk *d = w->o.list[i].disk;

        for (size_t k = 0; k < d->nlayers; k++) {
            const char *id = chain_layer_by_file(&p->after, d->layers[k].file);

            if (w->whole[i] || !id ||
                !chain_is_below(&p->after, id, chain_active(&p->after, d->id)))
                plan_cleanup_nodes(p, &d->layers[k]);
        }
    }
}

/* ---- */

void way_end(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
             const char *name, const struct overlays *o, bool loaded)
{
    const char *reset = args->no_reset || graph_is_off(s->graph) ? "disks" : "reset";

    plan_collect(p, false);
    plan_internal_forget(p, s); /* each revert leaves one undo point only */
    if (!loaded)
        overlays_note_flash(p, o);
    json_object_set_new(p->result, "snapshot", json_string(name));
    json_object_set_new(p->result, "undo", json_boolean(chain_undo(&p->after) != NULL));
    json_object_set_new(p->result, "method", json_string(loaded ? "memory" : reset));
}

static int plan_way(struct plan *p, struct way_back *w, struct qmp_error *err)
{
    if (!plan_memory_wanted(p, w->s, w->memory, w->name)) {
        w->memory = NULL;
        w->live = false;
    }
    if (plan_check_keep(w->s, w->args->keep, err) ||
        (!w->memory && !w->args->no_reset && plan_check_reset(w->s, err)) ||
        (w->live && plan_live_awaited(w->s, w->name, err)) || find_disks(w, err) ||
        check_lost(w, err) || (w->memory && plan_memory_fits(w->s, w->memory, err)))
        return -1;
    if (w->memory)
        media_compare(p, w->s->graph, w->memory, w->name);
    if (w->args->name)
        overlays_note_others(p, w->s, &w->o, w->args->name);
    if (revert_is_again(p, w->s, w->args, &w->o, w->disks))
        return 0;
    if (way_keep_others(p, w, err))
        return -1;
    w->targets = mem_alloc((w->o.n + 1) * sizeof(*w->targets));
    w->whole = mem_alloc((w->o.n + 1) * sizeof(*w->whole));
    if (w->tags)
        way_copy(p, w);
    if (way_steps(p, w, err))
        return -1;
    way_keep_present(p, w);
    record(p, w);
    plan_internal_keep_foreign(p, w->s, &w->o);
    if (w->tags && w->args->name && chain_snapshot(&p->after, w->args->name))
        chain_set_current(&p->after, w->args->name);
    close_nodes(p, w);
    way_end(p, w->s, w->args, w->name, &w->o, w->memory);
    return 0;
}

/* Back to an internal snapshot, or undo point. */
static int plan_inside(struct plan *p, struct way_back *w, struct qmp_error *err)
{
    json_auto_t *snapshot = w->settles ? json_incref(chain_undo(w->s->chain))
                                       : internal_find(w->s->graph, w->s->chain, w->args->name);

    if (plan_dead_check_inside(w->s, snapshot, err))
        return -1;
    if (internal_is_active(w->s->graph, w->s->chain, snapshot))
        return w->settles ? plan_internal_undo(p, w->s, w->args, err)
                          : plan_internal_revert(p, w->s, w->args, err);
    w->settles = true;
    return way_check_tags(w, snapshot, err) ? -1 : plan_way(p, w, err);
}

static int check_args(const struct qrw_revert_args *args, struct qmp_error *err)
{
    if (args->keep && args->discard)
        return qmp_error_set(err, QMP_ERR_USAGE, "--keep and --discard exclude each other");
    if (args->paused && args->running)
        return qmp_error_set(err, QMP_ERR_USAGE, "--paused and --running exclude each other");
    return 0;
}

static int plan(struct plan *p, const struct scene *s, const void *arguments, struct qmp_error *err)
{
    const struct qrw_revert_args *args = arguments;
    __attribute__((cleanup(way_done))) struct way_back w = {
        .s = s,
        .args = args,
        .name = args->name,
        .current = chain_snapshot(s->chain, args->name) ? args->name : NULL};

    if (check_args(args, err))
        return -1;
    if (plan_is_internal(s, args->name))
        return plan_inside(p, &w, err);
    return find_snapshot(&w, args->name, err) ? -1 : plan_way(p, &w, err);
}

static int plan_undo_point(struct plan *p, const struct scene *s, const void *arguments,
                           struct qmp_error *err)
{
    __attribute__((cleanup(way_done))) struct way_back w = {
        .s = s,
        .args = arguments,
        .name = "undo",
        .current = text(chain_undo(s->chain), "current"),
        .settles = true};

    if (check_args(arguments, err))
        return -1;
    if (internal_is(chain_undo(s->chain)))
        return plan_inside(p, &w, err);
    return find_undo(&w, err) ? -1 : plan_way(p, &w, err);
}

/* Inside the images the disks alone go back by way of the present memory, too. */
static bool revert_needs_machine(const void *arguments, const struct graph *g)
{
    return !((const struct qrw_revert_args *)arguments)->no_memory || graph_has_tags(g);
}

static bool undo_needs_machine(const void *arguments, const struct graph *g)
{
    return graph_has_tags(g);
}

const struct qrw_operation qrw_revert = {.name = "revert",
                                         .level = GRAPH_NODES,
                                         .plan = plan,
                                         .needs_machine = revert_needs_machine,
                                         .resets = true,
                                         .leaves = true,
                                         .tidies = true};
const struct qrw_operation qrw_undo = {.name = "undo",
                                       .level = GRAPH_NODES,
                                       .plan = plan_undo_point,
                                       .needs_machine = undo_needs_machine,
                                       .resets = true,
                                       .leaves = true,
                                       .tidies = true};
