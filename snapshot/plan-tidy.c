/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tidy: merge one layer that lost its last pin with the one child that it has left.
 *
 *   below <- L <- C     down:  below <- L' (what C was)      C's data moves
 *                       up:    below <- C'                   L's data moves
 *
 * Whichever moves less; but what the user made is what the disk ends in again when nothing is
 * above it any more, so into that it goes down. In the running VM a job does it; layers of
 * branches that QEMU has not open are merged upwards by qemu-img, and the VM does not notice.
 */
#include "snapshot/plan-tidy.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-merge.h"

/* The one layer that builds on @id; NULL: none or several. */
static const char *only_child(const struct chain *c, const char *id)
{
    const char *key, *child = NULL;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), key, layer) {
        if (!text(layer, "backing") || strcmp(text(layer, "backing"), id))
            continue;
        if (child)
            return NULL;
        child = key;
    }
    return child;
}

const char *tidy_next(const struct chain *c, const char **child)
{
    const char *id;
    json_auto_t *kept = chain_kept(c);
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        if (!chain_is_loose(c, id) || json_object_get(kept, id))
            continue;
        const char *only = only_child(c, id);

        /* a snapshot inside of the child builds on the layer as well */
        if (!only || chain_is_seen_through(c, only))
            continue;
        *child = only;
        return id;
    }
    return NULL;
}

bool tidy_is_due(const struct chain *c)
{
    const char *child;

    return tidy_next(c, &child) != NULL;
}

char *tidy_held_by(const struct chain *c, const char *id)
{
    char *inside = chain_is_loose(c, id) ? chain_inside(c, id) : NULL;
    auto_free char *keeps = chain_keeps(c, id);
    const char *only = only_child(c, id);

    return inside || keeps || !only || !chain_is_loose(c, id) ? inside : chain_inside(c, only);
}

/* ---- in the running VM ---- */

/* Downwards only what has no branches of its own: their headers name @child. */
static bool goes_down(const struct chain *c, const char *layer, const char *child,
                      const struct graph_layer *up, const struct graph_layer *down)
{
    auto_free char *any = chain_other_child(c, child, NULL);

    return (up->allocated <= down->allocated || !chain_is_ours(c, layer)) &&
           (!any || only_child(c, child));
}

static int merge_live(struct plan *p, const struct scene *s, const struct graph_disk *d,
                      const char *layer, const char *child, bool up, struct qmp_error *err)
{
    auto_free char *lower = chain_layer_file(s->chain, layer);
    auto_free char *upper = chain_layer_file(s->chain, child);
    auto_free char *below =
        chain_layer_file(s->chain, text(chain_layer(s->chain, layer), "backing"));
    const struct graph_layer *l = graph_layer(d, lower), *u = graph_layer(d, upper);
    struct qrw_commit_args args = {.disk = d->id, .top = upper};

    if (!l || !u)
        return qmp_error_set(err, QRW_ERR_REFUSED, "disk %s has %s, but not %s above it", d->id,
                             lower, upper);
    if (up || !goes_down(s->chain, layer, child, u, l)) {
        args.base = below;
        return qrw_stream.plan(p, s, &args, err);
    }
    args.base = lower;
    return qrw_commit.plan(p, s, &args, err);
}

/* ---- on files that nobody has open ---- */

static int merge_idle(struct plan *p, const struct scene *s, const char *layer, const char *child)
{
    const char *below = text(chain_layer(s->chain, layer), "backing");
    auto_free char *upper = chain_layer_file(s->chain, child);
    auto_free char *lower = chain_layer_file(s->chain, layer);
    auto_free char *below_file = chain_layer_file(s->chain, below);

    plan_rebase(p, (struct plan_base){upper, text(chain_layer(s->chain, child), "format")},
                (struct plan_base){lower, text(chain_layer(s->chain, layer), "format")},
                (struct plan_base){below_file, text(chain_layer(s->chain, below), "format")});
    chain_set_backing(&p->after, child, below);
    chain_touch(&p->after, child);
    plan_collect(p, false);
    return 0;
}

static int plan_next(struct plan *p, const struct scene *s, const void *arguments,
                     struct qmp_error *err)
{
    const struct tidy_args *args = arguments;
    const char *child, *layer = tidy_next(s->chain, &child);

    if (!layer)
        return 0;
    auto_free char *file = chain_layer_file(s->chain, child);
    const struct graph_disk *d = graph_disk_with(s->graph, file);

    return d ? merge_live(p, s, d, layer, child, args->up, err) : merge_idle(p, s, layer, child);
}

const struct qrw_operation plan_tidy = {.name = "merge", .level = GRAPH_NODES, .plan = plan_next};
