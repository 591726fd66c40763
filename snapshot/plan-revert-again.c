/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-revert-again: revert to the snapshot that the last one went back to.
 *
 *   P* <- e (active, empty)            nothing to do: the undo point is what was before
 *     \\<- ... <- old  (undo point)
 *
 * So ends a revert that was killed after all was done, and is told again. To make the empty overlay
 * the undo point would throw away what the guest had written before the first one.
 *
 * With a VM nobody can tell whether the guest has written since, so that goes back once more.
 */
#include "snapshot/plan-revert.h"

#include "qmp/mem.h"
#include "snapshot/member.h"

/* Are the disks of @o those of the undo point, which the last revert to @name left? */
static bool is_again(const struct scene *s, const struct qrw_revert_args *args,
                     const struct overlays *o)
{
    const json_t *held = json_object_get(chain_undo(s->chain), "disks");

    if (!held || !args->name || !same(chain_current(s->chain), args->name))
        return false;
    for (size_t i = 0; i < o->n; i++)
        if (!json_object_get(held, o->list[i].disk->id))
            return false;
    return json_object_size(held) == o->n;
}

/* Does @d run on an overlay of ours on @layer, as large as that? */
static bool is_on(const struct chain *c, const struct graph_disk *d, const char *layer)
{
    const char *active = chain_layer_by_file(c, d->layers[0].file);

    return chain_is_ours(c, active) && d->nlayers > 1 &&
           same(text(chain_layer(c, active), "backing"), layer) &&
           d->layers[0].size == d->layers[1].size;
}

/* Does @d show what @held is, and nothing else? */
static bool shows(const struct scene *s, const struct graph_disk *d, const json_t *held)
{
    const char *tag = text(held, "tag"), *layer = text(held, "layer");

    if (!graph_is_off(s->graph) || d->layers[0].dead || !s->untouched || !(tag || layer))
        return false;
    return (tag || is_on(s->chain, d, layer)) && s->untouched(d->layers[0].file, tag);
}

bool revert_is_again(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
                     const struct overlays *o, const json_t *disks)
{
    const char *since = text(chain_undo(s->chain), "created");
    bool untouched = true;

    if (args->keep || args->discard || !is_again(s, args, o))
        return false;
    for (size_t i = 0; i < o->n && untouched; i++)
        untouched = shows(s, o->list[i].disk, json_object_get(disks, o->list[i].disk->id));
    auto_free char *undo = mem_printf("undo point%s%s", since ? " of " : "", since ? since : "");
    if (!untouched) {
        /* a guest that runs has always written, and who goes back again and again knows */
        if (graph_is_off(s->graph))
            plan_note(p, "the %s goes, for what there is now", undo);
        return false;
    }
    plan_note(p, "nothing was written since the last revert: the %s stays", undo);
    json_object_set_new(p->result, "snapshot", json_string(args->name));
    json_object_set_new(p->result, "undo", json_true());
    json_object_set_new(p->result, "method", json_string("disks"));
    return true;
}
