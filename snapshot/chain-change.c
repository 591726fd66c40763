/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain-change: the part of chain.h that changes the document. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

static void set(json_t *obj, const char *key, json_t *value)
{
    if (json_object_set_new(obj, key, value))
        abort();
}

static json_t *string_or_null(const char *s)
{
    return s ? json_string(s) : json_null();
}

void chain_set_loose(struct chain *c, const char *id, bool loose)
{
    json_t *layer = chain_layer(c, id);

    if (loose)
        set(layer, "loose", json_true());
    else
        json_object_del(layer, "loose");
}

void chain_loosen(struct chain *c, const char *id)
{
    if (chain_layer(c, id) && !chain_pinned_by(c, id))
        chain_set_loose(c, id, true);
}

void chain_set_undo(struct chain *c, json_t *undo)
{
    set(c->doc, "undo", undo ? undo : json_null());
}

void chain_set_current(struct chain *c, const char *name)
{
    set(c->doc, "current", string_or_null(name));
}

/* "L4" where there are L1 to L3; ids from outside can be anything. New string. */
static char *fresh_id(const json_t *layers)
{
    for (size_t n = json_object_size(layers) + 1;; n++) {
        char *id = mem_printf("L%zu", n);

        if (!json_object_get(layers, id))
            return id;
        free(id);
    }
}

const char *chain_add_layer(struct chain *c, const char *file, const char *format, int64_t size,
                            const char *backing, bool ours)
{
    auto_free char *relative = chain_spell(c->folder, file);
    json_t *layers = json_object_get(c->doc, "layers");
    auto_free char *fresh = fresh_id(layers);
    json_t *layer = json_pack("{s:s, s:s, s:I, s:o}", "file", relative, "format", format, "size",
                              (json_int_t)size, "backing", string_or_null(backing));
    if (ours)
        set(layer, "ours", json_true());
    set(layers, fresh, layer);
    return json_object_iter_key(json_object_iter_at(layers, fresh));
}

void chain_set_active(struct chain *c, const char *disk, const char *layer)
{
    json_t *disks = json_object_get(c->doc, "disks");
    json_t *entry = json_object_get(disks, disk);

    if (!entry) {
        set(disks, disk, json_object());
        entry = json_object_get(disks, disk);
    }
    set(entry, "active", json_string(layer));
}

void chain_set_backing(struct chain *c, const char *layer, const char *backing)
{
    json_t *entry = chain_layer(c, layer);

    if (!entry)
        return;
    if (strcmp(text(entry, "backing") ?: "", backing ?: "")) /* its header is written to */
        chain_touch(c, layer);
    set(entry, "backing", string_or_null(backing));
}

void chain_move(struct chain *c, const char *folder)
{
    const char *id;
    json_t *layer, *s;
    size_t i;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);
        auto_free char *relative = chain_spell(folder, file);

        set(layer, "file", json_string(relative));
    }
    json_array_foreach(chain_snapshots(c), i, s) {
        json_t *memory = json_object_get(s, "memory");
        auto_free char *file = chain_memory_file(c, memory);

        if (!file)
            continue;
        auto_free char *relative = chain_spell(folder, file);
        set(memory, "file", json_string(relative));
    }
    chain_respell_left(c, folder);
    free(c->folder);
    c->folder = mem_strdup(folder);
}

void chain_touch(struct chain *c, const char *layer)
{
    json_object_del(chain_layer(c, layer), "fingerprint");
    json_object_del(chain_layer(c, layer), "sha256");
}

void chain_follow(struct chain *c, const struct graph_disk *d)
{
    json_auto_t *files = chain_files(c);
    const char *below = NULL;

    for (size_t i = d->nlayers - graph_is_loop(d); i-- > 0;) {
        const struct graph_layer *l = &d->layers[i];
        const char *id = chain_file_in(c, files, l->file);

        if (!id) {
            id = chain_add_layer(c, l->file, l->format, l->size, below, false);
            set(files, text(chain_layer(c, id), "file"), json_string(id));
        }
        chain_set_backing(c, id, below);
        set(chain_layer(c, id), "size", json_integer(l->size));
        below = id;
    }
    if (!chain_active(c, d->id)) {
        auto_free char *stem = chain_stem(c, d);

        chain_set_active(c, d->id, below);
        set(json_object_get(json_object_get(c->doc, "disks"), d->id), "stem", json_string(stem));
    }
    chain_set_active(c, d->id, below);
    if (d->nameless && d->qdev)
        set(json_object_get(json_object_get(c->doc, "disks"), d->id), "qdev", json_string(d->qdev));
}

void chain_move_pins(struct chain *c, const char *from, const char *to)
{
    json_t *s, *held;
    const char *disk;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        json_object_foreach(json_object_get(s, "disks"), disk, held)
            if (same(text(held, "layer"), from))
                set(held, "layer", json_string(to));
}

void chain_drop_layer(struct chain *c, const char *id)
{
    json_object_del(json_object_get(c->doc, "layers"), id);
}

static void rename_in(json_t *obj, const char *key, const char *name, const char *fresh)
{
    if (same(text(obj, key), name))
        set(obj, key, json_string(fresh));
}

/* @obj's @key names one of @gone: it names the nearest ancestor that stays. */
static void pass_on(json_t *obj, const char *key, const json_t *gone)
{
    const char *name = text(obj, key);

    if (!name || !json_object_get(gone, name))
        return;
    while (name && json_object_get(gone, name))
        name = text(json_object_get(gone, name), "parent");
    set(obj, key, string_or_null(name));
}

void chain_drop_snapshots(struct chain *c, const json_t *gone)
{
    json_auto_t *stay = json_array();
    json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s) {
        if (json_object_get(gone, text(s, "name")))
            continue;
        pass_on(s, "parent", gone);
        json_array_append(stay, s);
    }
    pass_on(c->doc, "current", gone);
    pass_on(chain_undo(c), "current", gone);
    json_array_clear(chain_snapshots(c));
    json_array_extend(chain_snapshots(c), stay);
}

void chain_drop_snapshot(struct chain *c, const char *name)
{
    json_t *snapshot = chain_snapshot(c, name);
    json_auto_t *gone = json_object();

    if (!snapshot)
        return;
    json_object_set(gone, name, snapshot);
    chain_drop_snapshots(c, gone);
}

void chain_rename_snapshot(struct chain *c, const char *name, const char *fresh)
{
    auto_free char *old = mem_strdup(name); /* it may be the very string that is replaced */
    json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s) {
        rename_in(s, "parent", old, fresh);
        rename_in(s, "name", old, fresh);
    }
    rename_in(c->doc, "current", old, fresh);
    rename_in(chain_undo(c), "current", old, fresh);
}

json_t *chain_record(const struct chain_record *r)
{
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:s?, s:b, s:o, s:o, s:b}", "name", r->name,
                     "id", r->id, "parent", r->parent, "created", r->created, "description",
                     r->description ? r->description : "", "kind", r->kind, "state", r->state,
                     "quiesced", r->quiesced, "disks", r->disks ? r->disks : json_object(),
                     "memory", r->memory ? r->memory : json_null(), "pinned", 0);
}

void chain_add_snapshot(struct chain *c, json_t *snapshot)
{
    json_object_set(c->doc, "current", json_object_get(snapshot, "name"));
    json_array_append_new(chain_snapshots(c), snapshot);
}
