/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain-disks: which disk of a VM is which in the document. */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "snapshot/member.h"

static const json_t *disks(const struct chain *c)
{
    return json_object_get(c->doc, "disks");
}

/* The document that what is under way was to come to; NULL: nothing is. */
static json_t *goal_of(const struct chain *c)
{
    return json_object_get(chain_pending(c), "after");
}

/* The recorded disk whose @key is @value. */
static const char *disk_with(const struct chain *c, const char *key, const char *value)
{
    const char *id;
    json_t *entry;

    json_object_foreach((json_t *)disks(c), id, entry)
        if (value && same(text(entry, key), value))
            return id;
    return NULL;
}

static const char *by_image(const struct chain *c, const struct graph_disk *d)
{
    return disk_with(c, "active", d->nlayers ? chain_layer_by_file(c, d->layers[0].file) : NULL);
}

static const char *by_place(const struct chain *c, const struct graph_disk *d)
{
    return disk_with(c, "qdev", d->qdev);
}

static const char *by_name(const struct chain *c, const struct graph_disk *d)
{
    return json_object_get(disks(c), d->id) ? d->id : NULL;
}

/* What graph_disk() finds it by, too. */
static const char *by_alias(const struct chain *c, const struct graph_disk *d)
{
    const char *const aliases[] = {d->drive, d->node, d->qdev};

    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (aliases[i] && json_object_get(disks(c), aliases[i]))
            return aliases[i];
    return NULL;
}

/* Has @snapshot, or the undo point, recorded @layer, or one above it, for disk @id? */
static bool leads_to(const struct chain *c, const json_t *snapshot, const char *id,
                     const char *layer)
{
    const json_t *held = json_object_get(json_object_get(snapshot, "disks"), id);

    return chain_is_below(c, layer, text(held, "layer"));
}

const char *chain_disk_of(const struct chain *c, const char *layer)
{
    const char *id;
    json_t *entry, *s;
    size_t i;

    json_object_foreach((json_t *)disks(c), id, entry) {
        if (chain_is_below(c, layer, text(entry, "active")) ||
            leads_to(c, chain_undo(c), id, layer))
            return id;
        json_array_foreach(chain_snapshots(c), i, s)
            if (leads_to(c, s, id, layer))
                return id;
    }
    return NULL;
}

/* Started with an old image, or something was put on top of the active one. */
static const char *by_chain(const struct chain *c, const struct graph_disk *d)
{
    for (size_t i = 0; i < d->nlayers; i++) {
        const char *layer = chain_layer_by_file(c, d->layers[i].file);

        if (layer)
            return i ? disk_with(c, "active", layer) : chain_disk_of(c, layer);
    }
    return NULL;
}

/* By @rule, in what an operation under way was to come to, else in what there was before it. */
static const char *found_by(const char *(*rule)(const struct chain *c, const struct graph_disk *d),
                            const struct chain *goal, const struct chain *c,
                            const struct graph_disk *d)
{
    const char *name = goal->doc ? rule(goal, d) : NULL;

    return name ? name : rule(c, d);
}

json_t *chain_disk_names(const struct chain *c, const struct graph *g)
{
    static const char *(*const rules[])(const struct chain *c, const struct graph_disk *d) = {
        by_image, by_place, by_name, by_chain, by_alias};
    json_auto_t *taken = json_object();
    json_t *names = json_object();
    struct chain goal = {0};

    if (goal_of(c))
        chain_take(&goal, c->folder, goal_of(c), NULL);
    for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++)
        for (size_t i = 0; i < g->ndisks; i++) {
            const struct graph_disk *d = &g->disks[i];
            const char *name =
                json_object_get(names, d->id) ? NULL : found_by(rules[r], &goal, c, d);

            if (!name || json_object_get(taken, name))
                continue;
            json_object_set_new(taken, name, json_true());
            json_object_set_new(names, d->id, json_string(name));
        }
    chain_done(&goal);
    return names;
}

static void rename_key(json_t *obj, const char *from, const char *to)
{
    json_t *value = json_incref(json_object_get(obj, from));

    json_object_del(obj, from);
    if (value)
        json_object_set_new(obj, to, value);
}

/* A memory inside of a disk's image names it. */
static void rename_value(json_t *obj, const char *from, const char *to)
{
    if (same(text(obj, "disk"), from))
        json_object_set_new(obj, "disk", json_string(to));
}

static void rename_disk(json_t *doc, const char *from, const char *to)
{
    json_t *s;
    size_t i;

    rename_key(json_object_get(doc, "disks"), from, to);
    rename_key(json_object_get(json_object_get(doc, "undo"), "disks"), from, to);
    json_array_foreach(json_object_get(doc, "snapshots"), i, s) {
        rename_key(json_object_get(s, "disks"), from, to);
        rename_value(json_object_get(s, "memory"), from, to);
        rename_key(
            json_object_get(json_object_get(json_object_get(s, "memory"), "places"), "disks"), from,
            to);
    }
}

/* In what is under way, too. */
static void rename_everywhere(struct chain *c, const char *from, const char *to)
{
    json_t *fact;
    size_t i;

    rename_disk(c->doc, from, to);
    rename_disk(goal_of(c), from, to);
    rename_key(json_object_get(chain_pending(c), "new"), from, to);
    json_array_foreach(json_object_get(chain_pending(c), "promise"), i, fact)
        rename_value(fact, from, to);
}

static bool is_known(const struct chain *c, const char *disk)
{
    return json_object_get(disks(c), disk) ||
           json_object_get(json_object_get(goal_of(c), "disks"), disk);
}

/* A name that no disk has, for the one called @disk, which another takes. New string. */
static char *free_name(const struct chain *c, const json_t *taken, const char *disk)
{
    char *name = NULL;

    for (int i = 2; !name || is_known(c, name) || json_object_get(taken, name); i++) {
        free(name);
        name = mem_printf("%s-%d", disk, i);
    }
    return name;
}

void chain_rename_disks(struct chain *c, const json_t *moves)
{
    json_auto_t *taken = json_object(), *all = json_deep_copy(moves);
    const char *from;
    json_t *to;

    json_object_foreach((json_t *)moves, from, to)
        json_object_set_new(taken, json_string_value(to), json_true());
    json_object_foreach(taken, from, to) {
        if (json_object_get(moves, from) || !is_known(c, from))
            continue;
        auto_free char *name = free_name(c, taken, from);
        json_object_set_new(all, from, json_string(name));
    }
    json_object_foreach(all, from, to) {
        auto_free char *way = mem_printf("\t%s", json_string_value(to));

        rename_everywhere(c, from, way); /* names may be exchanged */
    }
    json_object_foreach(all, from, to) {
        auto_free char *way = mem_printf("\t%s", json_string_value(to));

        rename_everywhere(c, way, json_string_value(to));
    }
}
