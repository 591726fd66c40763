/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-revert-steps: how a running QEMU gets from where it is to older layers.
 *
 * The nodes are opened while the guest runs. Then it is stopped; a fresh overlay goes on
 * top of the active layer, and its backing is changed to the layer that the snapshot pins.
 * So every disk switches at once, and up to the reset or the loading of the memory
 * everything can be taken back.
 */
#include "snapshot/plan-revert.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/plan-live.h"
#include "snapshot/plan-memory.h"
#include "snapshot/plan-merge.h"
#include "snapshot/plan-spelling.h"

const char *way_layer(const struct way_back *w, size_t i)
{
    return text(json_object_get(w->disks, w->o.list[i].disk->id), "layer");
}

/* Is it where the engine has the disk, as its active layer is dead? Nothing can be put on it while
 * another node has it as its backing. */
static bool is_root(const struct graph_disk *d, const struct graph_layer *l)
{
    return d->layers[0].dead && l == &d->layers[1];
}

/* Open the layer @id, @file, on the node @below; NULL: on nothing, or (@whole) on what its header
 * says. Its node: new string. */
static char *open_file(struct plan *p, struct way_back *w, const struct graph_disk *d,
                       const char *id, char *file, const char *below, bool whole)
{
    const char *format = text(chain_layer(&p->after, id), "format");
    char *node = mem_printf("qrw-%s-b%u", w->s->token, w->opened++);
    /* like the disk's: after an undo it is the one that the guest writes to */
    json_t *options =
        overlay_options(&(struct overlay){.disk = d, .file = file, .node = node}, NULL);

    json_object_set_new(options, "driver", json_string(format));
    json_object_set_new(options, "read-only", json_true());
    json_object_set_new(json_object_get(options, "file"), "auto-read-only", json_true());
    if (whole || !strcmp(format, "raw"))
        json_object_del(options, "backing");
    else if (below)
        json_object_set_new(options, "backing", json_string(below));
    plan_qmp(p, "blockdev-add", options, overlay_undo(node));
    return node;
}

/* The node of layer @id, opened where the graph of @d has none, or none that a layer @above it may
 * use. New string. */
static char *open_layer(struct plan *p, struct way_back *w, const struct graph_disk *d,
                        const char *id, bool above)
{
    const json_t *layer = chain_layer(&p->after, id);
    auto_free char *file = chain_layer_file(&p->after, id);
    const struct graph_layer *present = graph_layer(d, file);
    const char *backing = text(layer, "backing");

    if (present && present->node && !(above && is_root(d, present)))
        return mem_strdup(present->node);

    auto_free char *below = backing ? open_layer(p, w, d, backing, true) : NULL;
    return open_file(p, w, d, id, file, below, false);
}

/* The node that overlay @at goes on. */
static int open_target(struct plan *p, struct way_back *w, size_t at, struct qmp_error *err)
{
    const struct overlay *o = &w->o.list[at];
    const char *id = way_layer(w, at);
    auto_free char *file = chain_layer_file(&p->after, id);
    const struct graph_layer *present = graph_layer(o->disk, file);
    const enum opening how =
        present && present->node ? OPEN_EACH : plan_opening(w->s, &p->after, o->disk, id, o->file);

    if (present && plan_check_spelling(w->s, o->disk, present, o->file, err))
        return -1;
    if (how == OPEN_NOT)
        return plan_refuse_opening(o->disk, file, err);
    w->whole[at] = how == OPEN_WHOLE;
    w->targets[at] = w->whole[at] ? open_file(p, w, o->disk, id, file, NULL, true)
                                  : open_layer(p, w, o->disk, id, false);
    return 0;
}

static void make_overlays(struct plan *p, struct way_back *w)
{
    for (size_t i = 0; i < w->o.n; i++) {
        auto_free char *base = chain_layer_file(&p->after, way_layer(w, i));
        char *format = mem_strdup(text(chain_layer(&p->after, way_layer(w, i)), "format"));
        const struct graph_layer *present = graph_layer(w->o.list[i].disk, base);
        struct graph_layer recorded = {.file = base,
                                       .spelling = base,
                                       .format = format,
                                       .size = chain_layer_size(&p->after, way_layer(w, i))};

        plan_need_free(p, w->o.list[i].file);
        plan_overlay(p, w->o.list[i].file, present ? present : &recorded);
        w->o.list[i].size = present ? present->size : recorded.size;
        free(format);
    }
}

static int add_nodes(struct plan *p, struct way_back *w, struct qmp_error *err)
{
    for (size_t i = 0; i < w->o.n; i++)
        if (open_target(p, w, i, err))
            return -1;
    for (size_t i = 0; i < w->o.n; i++) {
        auto_free char *file_node = mem_printf("%sf", w->o.list[i].node);

        plan_qmp(p, "blockdev-add", overlay_options(&w->o.list[i], file_node),
                 overlay_undo(w->o.list[i].node));
    }
    return 0;
}

/* Overlay @i again with every option, since reopening resets those that are not given. */
static json_t *reopen_options(const struct way_back *w, size_t i, const char *backing)
{
    auto_free char *file_node = mem_printf("%sf", w->o.list[i].node);
    json_t *options = overlay_options(&w->o.list[i], file_node);

    json_object_set_new(options, "file", json_string(file_node));
    json_object_set_new(options, "backing", json_string(backing));
    return options;
}

static json_t *overlay_files(const struct way_back *w)
{
    json_t *files = json_array();

    for (size_t i = 0; i < w->o.n; i++)
        json_array_append_new(files, json_string(w->o.list[i].file));
    return files;
}

/*
 * Back out of the switch: an overlay that nothing was written to is committed away. One that is
 * larger than the disk was is made as small first, since a commit lets its base grow; it does not
 * let it shrink. To let a smaller one grow would hide what the disk holds there.
 */
static json_t *undo_switch(const struct way_back *w)
{
    json_t *parts = json_array();

    for (size_t i = 0; i < w->o.n; i++) {
        const struct overlay *o = &w->o.list[i];
        const json_int_t size = o->disk->layers[0].size;

        if (o->size > size)
            json_array_append_new(parts, json_pack("{s:s, s:s, s:{s:s, s:I}}", "step", "qmp",
                                                   "execute", "block_resize", "arguments",
                                                   "node-name", o->node, "size", size));
    }
    for (size_t i = 0; i < w->o.n; i++) {
        const struct graph_disk *d = w->o.list[i].disk;
        json_t *args = plan_job_arguments("back", d, w->o.list[i].node, 0);

        json_object_set_new(args, "base-node", json_string(d->node));
        json_array_append_new(parts, json_pack("{s:s, s:s, s:o, s:s, s:s}", "step", "job",
                                               "execute", "block-commit", "arguments", args, "disk",
                                               d->id, "then", "complete"));
    }
    return parts;
}

static void reopen(struct plan *p, const struct way_back *w, json_t *files)
{
    json_t *there = json_array(), *back = json_array();

    for (size_t i = 0; i < w->o.n; i++) {
        json_array_append_new(there, reopen_options(w, i, w->targets[i]));
        json_array_append_new(back, reopen_options(w, i, w->o.list[i].disk->node));
    }
    if (w->s->version >= OLDEST_WITH_REOPEN) {
        plan_qmp(p, "blockdev-reopen", json_pack("{s:O}", "options", there),
                 json_pack("{s:s, s:{s:O}}", "execute", "blockdev-reopen", "arguments", "options",
                           back));
        plan_undo_if_active(p, files);
    } else {
        for (size_t i = 0; i < w->o.n; i++) {
            plan_qmp(p, "x-blockdev-reopen", json_incref(json_array_get(there, i)),
                     json_pack("{s:s, s:O}", "execute", "x-blockdev-reopen", "arguments",
                               json_array_get(back, i)));
            plan_undo_if_active(p, files);
        }
    }
    json_decref(there);
    json_decref(back);
}

/* A node of -drive is there as long as something uses it, and the way back needs it. Before the
 * switch this would be moved to the overlay. */
static void hold(struct plan *p, const struct way_back *w)
{
    for (size_t i = 0; i < w->o.n; i++) {
        auto_free char *node = mem_printf("%s-was", w->o.list[i].node);

        plan_qmp(p, "blockdev-add",
                 json_pack("{s:s, s:s, s:b, s:s}", "driver", "raw", "node-name", node, "read-only",
                           1, "file", w->o.list[i].disk->node),
                 overlay_undo(node));
        plan_cleanup_node(p, node);
    }
}

/* What comes after the reopening that may fail? */
static bool may_go_back(const struct way_back *w)
{
    return w->memory || w->settles || (w->s->version < OLDEST_WITH_REOPEN && w->o.n > 1);
}

/* To merge the overlay away again would write to what is below: that it is not, the next engine
 * sees. */
static bool leaves_dead(const struct way_back *w)
{
    for (size_t i = 0; i < w->o.n; i++)
        if (w->o.list[i].disk->layers[0].dead)
            return true;
    return false;
}

static void switch_disks(struct plan *p, struct way_back *w)
{
    json_auto_t *files = overlay_files(w);

    /* while QEMU waits for a memory no job runs: this cannot be taken back */
    overlays_switch(p, &w->o, false, w->live || leaves_dead(w) ? NULL : undo_switch(w));
    plan_undo_if_active(p, files);
    if (!w->live && may_go_back(w))
        hold(p, w);
    reopen(p, w, files);
}

/* Commit the empty overlays into the layers that the undo point left: these go on. */
static void settle_into_targets(struct plan *p, const struct way_back *w)
{
    for (size_t i = 0; i < w->o.n; i++) {
        const struct overlay *o = &w->o.list[i];
        json_t *args = plan_job_arguments(p->operation, o->disk, o->node, 0);

        json_object_set_new(args, "base-node", json_string(w->targets[i]));
        plan_job(p, "block-commit", args, o->disk->id, "complete");
        plan_cleanup_node(p, o->node);
        plan_cleanup_file(p, o->file);
    }
}

int way_steps(struct plan *p, struct way_back *w, struct qmp_error *err)
{
    const struct qrw_revert_args *args = w->args;
    bool runs = w->s->graph->running;
    bool go = args->running || (!args->paused && (w->memory ? w->was_running : runs));

    make_overlays(p, w);
    if (add_nodes(p, w, err))
        return -1;
    if (w->memory && !w->live)
        plan_memory_open(p, w->s, w->memory);
    for (size_t i = 0; i < w->o.n; i++)
        plan_sync(p, w->o.list[i].file);
    if (w->memory && !w->live)
        plan_memory_ready(p, w->s, go, true);
    else if (runs)
        plan_qmp(p, "stop", NULL, json_pack("{s:s}", "execute", "cont"));
    switch_disks(p, w);
    if (w->settles)
        settle_into_targets(p, w);
    if (w->live)
        plan_live_load(p, w->s, w->memory);
    else if (w->memory)
        plan_memory_load(p, w->s, w->memory);
    plan_go_on(p, w->s, !w->memory && !args->no_reset, go, w->memory);
    return 0;
}
