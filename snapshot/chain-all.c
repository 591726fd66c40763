/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chain-all: the part of chain.h that asks about all layers or all snapshots at once: one pass
 * over the document, where asking for each of them would be one pass for each.
 */
#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "snapshot/member.h"

json_t *chain_by_name(const struct chain *c)
{
    json_t *all = json_object(), *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        json_object_set(all, text(s, "name"), s);
    return all;
}

/* Add what @disks (an object of objects) have as @key to the keys of @set. */
static void collect(json_t *set, json_t *disks, const char *key)
{
    const char *name;
    json_t *entry;

    json_object_foreach(disks, name, entry)
        if (text(entry, key))
            json_object_set_new(set, text(entry, key), json_true());
}

json_t *chain_held(const struct chain *c, const char *key)
{
    json_t *set = json_object(), *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        collect(set, json_object_get(s, "disks"), key);
    return set;
}

json_t *chain_pinned(const struct chain *c)
{
    json_t *set = chain_held(c, "layer");

    collect(set, json_object_get(chain_undo(c), "disks"), "layer");
    return set;
}

json_t *chain_held_inside(const struct chain *c)
{
    json_t *set = chain_held(c, "inside");

    collect(set, json_object_get(chain_undo(c), "disks"), "inside");
    return set;
}

/* The layers that a disk, a snapshot or the undo point names. */
static json_t *named(const struct chain *c)
{
    json_t *set = chain_held(c, "layer");
    json_auto_t *inside = chain_held_inside(c);

    json_object_update(set, inside);
    collect(set, json_object_get(c->doc, "disks"), "active");
    collect(set, json_object_get(chain_undo(c), "disks"), "layer");
    return set;
}

/* How many layers build on each. */
static json_t *children(const struct chain *c)
{
    json_t *counts = json_object(), *layer;
    const char *id;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        const char *below = text(layer, "backing");

        if (below)
            json_object_set_new(
                counts, below,
                json_integer(json_integer_value(json_object_get(counts, below)) + 1));
    }
    return counts;
}

json_t *chain_kept(const struct chain *c)
{
    json_t *set = named(c), *n;
    json_auto_t *counts = children(c);
    const char *id;

    json_object_foreach(counts, id, n)
        if (json_integer_value(n) > 1)
            json_object_set_new(set, id, json_true());
    return set;
}

json_t *chain_useless(const struct chain *c)
{
    json_auto_t *needed = named(c), *counts = children(c);
    json_t *list = json_array(), *layer;
    const char *top;

    json_object_foreach(json_object_get(c->doc, "layers"), top, layer) {
        const char *id = json_object_get(counts, top) ? NULL : top;

        /* a layer that goes may have been the last one above its backing layer */
        while (id && !json_object_get(needed, id)) {
            const char *below = text(chain_layer(c, id), "backing");
            json_int_t left = json_integer_value(json_object_get(counts, below)) - 1;

            json_array_append_new(list, json_string(id));
            if (below)
                json_object_set_new(counts, below, json_integer(left));
            id = left ? NULL : below;
        }
    }
    return list;
}

json_t *chain_files(const struct chain *c)
{
    json_t *files = json_object(), *layer;
    const char *id;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer)
        json_object_set_new(files, text(layer, "file"), json_string(id));
    return files;
}

const char *chain_file_in(const struct chain *c, const json_t *files, const char *file)
{
    auto_free char *relative = chain_spell(c->folder, file);
    const char *id = text(files, relative);

    return id ? id : text(files, file);
}

json_t *chain_pins_of(const struct chain *c, const char *disk)
{
    json_t *pins = json_object(), *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s) {
        const char *layer = text(json_object_get(json_object_get(s, "disks"), disk), "layer");

        if (layer && !json_object_get(pins, layer))
            json_object_set_new(pins, layer, json_array());
        if (layer)
            json_array_append(json_object_get(pins, layer), json_object_get(s, "name"));
    }
    return pins;
}
