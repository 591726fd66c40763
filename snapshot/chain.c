/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain: see chain.h. What comes in is checked in chain-check.c, changes are in chain-change.c,
 * questions about all at once in chain-all.c. */
#include "snapshot/chain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/chain-check.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

void chain_init(struct chain *c, const char *folder, const char *vm_name, const char *uuid)
{
    *c = (struct chain){.folder = mem_strdup(folder)};
    c->doc = json_pack("{s:s, s:i, s:i, s:{s:s?, s:s?}, s:{}, s:{}, s:[], s:n, s:n, s:n}", "format",
                       "qrewind", "version", 1, "generation", 0, "vm", "name", vm_name, "uuid",
                       uuid, "disks", "layers", "snapshots", "current", "undo", "pending");
    if (!c->doc)
        abort();
}

int chain_own(struct chain *c, const char *folder, json_t *doc, struct qmp_error *err)
{
    if (chain_check(folder, doc, err)) {
        json_decref(doc);
        return -1;
    }
    *c = (struct chain){.doc = doc, .folder = mem_strdup(folder)};
    return 0;
}

int chain_take(struct chain *c, const char *folder, const json_t *doc, struct qmp_error *err)
{
    return chain_own(c, folder, json_deep_copy(doc), err);
}

void chain_copy(struct chain *to, const struct chain *from)
{
    *to = *from;
    to->folder = mem_strdup(from->folder);
    to->doc = json_deep_copy(from->doc);
}

void chain_done(struct chain *c)
{
    json_decref(c->doc);
    free(c->folder);
    memset(c, 0, sizeof(*c));
}

/* ---- looking ---- */

json_t *chain_snapshots(const struct chain *c)
{
    return json_object_get(c->doc, "snapshots");
}

json_t *chain_snapshot(const struct chain *c, const char *name)
{
    json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        if (same(text(s, "name"), name))
            return s;
    return NULL;
}

json_int_t chain_generation(const struct chain *c)
{
    return json_integer_value(json_object_get(c->doc, "generation"));
}

const char *chain_current(const struct chain *c)
{
    return json_string_value(json_object_get(c->doc, "current"));
}

json_t *chain_pending(const struct chain *c)
{
    json_t *p = json_object_get(c->doc, "pending");

    return json_is_object(p) ? p : NULL;
}

json_t *chain_layer(const struct chain *c, const char *id)
{
    return id ? json_object_get(json_object_get(c->doc, "layers"), id) : NULL;
}

char *chain_layer_file(const struct chain *c, const char *id)
{
    const char *file = text(chain_layer(c, id), "file");

    if (!file)
        return NULL;
    return graph_is_path(file) ? path_join(c->folder, file) : mem_strdup(file);
}

char *chain_memory_file(const struct chain *c, const json_t *memory)
{
    const char *file = text(memory, "file");

    return file ? path_join(c->folder, file) : NULL;
}

bool chain_memory_is_live(const json_t *memory)
{
    return same(text(memory, "method"), "live");
}

/* "a:b.qcow2" would read as the protocol "a". */
char *chain_spell(const char *folder, const char *file)
{
    char *relative = path_relative(folder, file);

    if (graph_is_path(relative) || !graph_is_path(file))
        return relative;
    char *clear = mem_printf("./%s", relative);
    free(relative);
    return clear;
}

const char *chain_layer_by_file(const struct chain *c, const char *file)
{
    auto_free char *relative = chain_spell(c->folder, file);
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        const char *name = text(layer, "file");

        if (same(name, relative) || same(name, file))
            return id;
    }
    return NULL;
}

const char *chain_active(const struct chain *c, const char *disk)
{
    return text(json_object_get(json_object_get(c->doc, "disks"), disk), "active");
}

bool chain_is_ours(const struct chain *c, const char *id)
{
    return json_is_true(json_object_get(chain_layer(c, id), "ours"));
}

bool chain_is_bare(const struct chain *c)
{
    const char *id;
    json_t *layer;

    if (json_array_size(chain_snapshots(c)) || chain_pending(c) ||
        json_is_object(json_object_get(c->doc, "undo")))
        return false;
    json_object_foreach(json_object_get(c->doc, "layers"), id, layer)
        if (chain_is_ours(c, id))
            return false;
    return !chain_has_outdated(c);
}

const char *chain_run_by(const struct chain *c, const char *id)
{
    const char *disk;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), disk, entry)
        if (same(text(entry, "active"), id))
            return disk;
    return NULL;
}

bool chain_is_active(const struct chain *c, const char *id)
{
    return chain_run_by(c, id) != NULL;
}

/* Is the layer @id what @snapshot has as @key of any disk? */
static bool has_layer(const json_t *snapshot, const char *key, const char *id)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), disk, held)
        if (same(text(held, key), id))
            return true;
    return false;
}

bool chain_undo_has(const struct chain *c, const char *id)
{
    return has_layer(chain_undo(c), "layer", id);
}

/* The names of all such snapshots, joined. New string, NULL: none. */
static char *names_of(const struct chain *c, const char *key, const char *id)
{
    char *names = NULL;
    json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s) {
        if (!has_layer(s, key, id))
            continue;
        char *more =
            names ? mem_printf("%s, %s", names, text(s, "name")) : mem_strdup(text(s, "name"));
        free(names);
        names = more;
    }
    return names;
}

const char *chain_pinned_by(const struct chain *c, const char *id)
{
    const json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        if (has_layer(s, "layer", id))
            return text(s, "name");
    return NULL;
}

char *chain_other_child(const struct chain *c, const char *id, const char *known)
{
    const char *key;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), key, layer)
        if (same(text(layer, "backing"), id) && !same(key, known))
            return chain_layer_file(c, key);
    return NULL;
}

char *chain_pins(const struct chain *c, const char *id)
{
    return names_of(c, "layer", id);
}

char *chain_inside(const struct chain *c, const char *id)
{
    return names_of(c, "inside", id);
}

bool chain_is_seen_through(const struct chain *c, const char *id)
{
    auto_free char *names = chain_inside(c, id);

    return names || has_layer(chain_undo(c), "inside", id);
}

char *chain_keeps(const struct chain *c, const char *id)
{
    const char *key;
    json_t *value;
    int children = 0;

    if (chain_is_active(c, id))
        return mem_strdup("active");
    if (chain_undo_has(c, id) || has_layer(chain_undo(c), "inside", id))
        return mem_strdup("undo");

    auto_free char *names = chain_pins(c, id);
    if (names)
        return mem_printf("pinned by %s", names);
    auto_free char *inside = chain_inside(c, id);
    if (inside)
        return mem_printf("holds the internal snapshot %s", inside);
    json_object_foreach(json_object_get(c->doc, "layers"), key, value)
        children += same(text(value, "backing"), id);
    return children > 1 ? mem_printf("shared by %d layers", children) : NULL;
}

int chain_agrees(const struct chain *c, const struct graph_disk *d, struct qmp_error *err)
{
    const char *recorded = chain_active(c, d->id);
    const struct graph_layer *top = graph_active(d);
    const char *actual = top ? chain_layer_by_file(c, top->file) : NULL;

    if (!recorded || same(recorded, actual))
        return 0;

    auto_free char *meant = chain_layer_file(c, recorded);
    auto_free char *names = actual ? chain_pins(c, actual) : NULL;
    const bool beneath = actual && !d->removable && chain_is_below(c, actual, recorded);
    if (names)
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s runs on %s, which holds snapshot %s", d->id,
                      top->file, names);
    else
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s runs on %s, the sidecar says %s", d->id,
                      top ? top->file : "nothing", meant);
    if (beneath)
        return qmp_error_hint(err,
                              "if the VM was started with an old image, stop it and start it with "
                              "%s; if another tool has merged that into this one, never start it "
                              "with that again: qrewind check tells more",
                              meant);
    if (names)
        return qmp_error_hint(err,
                              "the VM was started with an old image: stop it and start it "
                              "with %s",
                              meant);
    /* to start the VM with what is below would lose what the guest wrote since */
    if (!actual && graph_layer(d, meant))
        return qmp_error_hint(err,
                              "something was put on top of that behind our back, or lies there "
                              "since a merge: qrewind check tells more, and qrewind repair "
                              "records it");
    if (d->removable)
        return qmp_error_hint(err, CHAIN_PUT_IN, meant);
    return qmp_error_hint(err, "start the VM with %s, or remove the sidecar if it is of another VM",
                          meant);
}

bool chain_is_below(const struct chain *c, const char *id, const char *top)
{
    while (top && strcmp(top, id))
        top = text(chain_layer(c, top), "backing");
    return top != NULL;
}

bool chain_is_loose(const struct chain *c, const char *id)
{
    return json_is_true(json_object_get(chain_layer(c, id), "loose"));
}

json_t *chain_undo(const struct chain *c)
{
    json_t *undo = json_object_get(c->doc, "undo");

    return json_is_object(undo) ? undo : NULL;
}

int64_t chain_layer_size(const struct chain *c, const char *layer)
{
    return json_integer_value(json_object_get(chain_layer(c, layer), "size"));
}

char *chain_stem(const struct chain *c, const struct graph_disk *d)
{
    const char *stem = text(json_object_get(json_object_get(c->doc, "disks"), d->id), "stem");

    if (stem && strncmp(stem, "json:", 5) != 0) /* as older ones were called */
        return mem_strdup(stem);
    if (graph_has_folder(d->layers[0].file) && !stem)
        return path_stem(d->layers[0].file);
    /* what has no file name is called as the disk is */
    char *id = mem_strdup(d->id);
    for (char *at = id; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
            *at = '_';
    return id;
}

int chain_check_name(const char *name, struct qmp_error *err)
{
    size_t n = strlen(name);

    if (!n || n > 128)
        return qmp_error_set(err, QRW_ERR_REFUSED, "a snapshot's name has 1 to 128 bytes");
    for (const unsigned char *s = (const unsigned char *)name; *s; s++)
        if (*s < 0x20 || *s == 0x7f || *s == '/')
            return qmp_error_set(err, QRW_ERR_REFUSED,
                                 "a snapshot's name has no '/' and no control characters");
    json_auto_t *utf8 = json_string(name);
    if (!utf8)
        return qmp_error_set(err, QRW_ERR_REFUSED, "a snapshot's name is UTF-8");
    return 0;
}
