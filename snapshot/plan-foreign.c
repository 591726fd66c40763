/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-foreign: a revert leaves images with snapshots that others made in them.
 *
 *   base <- a [savevm] <- b (active)     ==>     base <- new (active)
 *                                                   \<- a [savevm] <- b
 *
 * Such a snapshot is known from the chains alone. From now on it would be in no list, though its
 * image stays: so it is recorded, as if we had made it.
 */
#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/plan-internal.h"

/* The layer that the tag @held of @disk is inside of; NULL: it is not known. Borrowed. */
static const char *inside(struct plan *p, const struct scene *s, const struct overlays *o,
                          const char *disk, const json_t *held)
{
    const struct graph_disk *d = graph_disk(s->graph, disk);
    auto_free char *file = internal_file(s->graph, s->chain, disk, held);

    if (d && !overlays_have(o, d) && !chain_active(&p->after, disk))
        chain_follow(&p->after, d);
    return chain_layer_by_file(&p->after, file);
}

static bool leaves(const struct plan *p, const struct overlays *o, const char *disk,
                   const char *layer)
{
    for (size_t i = 0; i < o->n; i++)
        if (same(o->list[i].disk->id, disk))
            return !chain_is_below(&p->after, layer, chain_active(&p->after, disk));
    return false;
}

static void record(struct plan *p, const struct scene *s, const struct overlays *o, json_t *found)
{
    json_t *disks = json_object_get(found, "disks"), *held;
    bool any = false;
    const char *disk;

    json_object_foreach(disks, disk, held) {
        const char *layer = inside(p, s, o, disk, held);

        if (!layer)
            return;
        json_object_set_new(held, "inside", json_string(layer));
        any = any || leaves(p, o, disk, layer);
    }
    if (!any)
        return;
    json_auto_t *one = json_pack("[O]", found);

    json_object_del(found, "current");
    internal_merge(chain_snapshots(&p->after), one);
}

void plan_internal_keep_foreign(struct plan *p, const struct scene *s, const struct overlays *o)
{
    json_auto_t *all = internal_foreign(s->graph, s->chain);
    json_t *found;
    size_t i;

    json_array_foreach(all, i, found) {
        const char *name = text(found, "name");

        /* a name that is none for a snapshot, or that one has */
        if (!chain_snapshot(&p->after, name) && !chain_check_name(name, NULL))
            record(p, s, o, found);
    }
}
