/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain-check: see chain-check.h. */
#include "snapshot/chain-check.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/graph.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

static int bad(struct qmp_error *err, const char *what, const char *where)
{
    return qmp_error_set(err, QRW_ERR_INVALID, "%s%s%s", what, where ? ": " : "",
                         where ? where : "");
}

static bool is_text_or_null(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);

    return !v || json_is_null(v) || json_is_string(v);
}

static int check_shape(const json_t *doc, struct qmp_error *err)
{
    static const struct {
        const char *key;
        json_type type;
        bool or_null;
    } members[] = {
        // clang-format off
        {"generation", JSON_INTEGER, false}, {"disks",   JSON_OBJECT, false},
        {"layers",     JSON_OBJECT,  false}, {"vm",      JSON_OBJECT, true},
        {"snapshots",  JSON_ARRAY,   false}, {"current", JSON_STRING, true},
        {"undo",       JSON_OBJECT,  true},  {"pending", JSON_OBJECT, true},
        // clang-format on
    };
    const char *format = json_string_value(json_object_get(doc, "format"));
    const json_t *version = json_object_get(doc, "version");

    if (!format || strcmp(format, "qrewind"))
        return bad(err, "this is not a qrewind sidecar", NULL);
    if (!json_is_integer(version) || json_integer_value(version) < 1)
        return bad(err, "no version", NULL);
    if (json_integer_value(version) > 1) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the sidecar has version %lld, this qrewind knows version 1",
                      (long long)json_integer_value(version));
        return qmp_error_hint(err, "a newer qrewind has made it: use that one");
    }
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *v = json_object_get(doc, members[i].key);

        if (members[i].or_null && (!v || json_is_null(v)))
            continue;
        if (!v || json_typeof(v) != members[i].type)
            return bad(err, "missing or of the wrong type", members[i].key);
    }
    /* it is counted on: a save a microsecond for centuries, and no overflow */
    if ((json_integer_value(json_object_get(doc, "generation")) >> 53) != 0)
        return bad(err, "not a number of saves", "generation");
    return 0;
}

/* Following @key from each of @things (an object of objects) to the next ends. Each is
 * looked at once, however long the way: a document can have very many. */
static int check_links(const json_t *things, const char *key, const char *missing,
                       const char *circle, struct qmp_error *err)
{
    json_auto_t *good = json_object();
    const char *name, *at;
    json_t *thing;

    json_object_foreach((json_t *)things, name, thing) {
        size_t steps = 0;

        for (at = name; at && !json_object_get(good, at);) {
            if (!json_object_get(things, at))
                return bad(err, missing, name);
            if (steps++ > json_object_size(things))
                return bad(err, circle, name);
            at = text(json_object_get(things, at), key);
        }
        for (at = name; at && !json_object_get(good, at);) {
            json_object_set_new(good, at, json_true());
            at = text(json_object_get(things, at), key);
        }
    }
    return 0;
}

/* A raw image has no room for a name: what was put on it by that word would show another image's
 * header for the first sector. */
static int raw_on(const json_t *layers, const char *id, struct qmp_error *err)
{
    const json_t *layer = json_object_get(layers, id);
    const char *below = text(json_object_get(layers, text(layer, "backing")), "file");

    return qmp_error_set(err, QRW_ERR_INVALID,
                         "%s: recorded as raw, which builds on nothing, and on %s: one of both is "
                         "wrong",
                         text(layer, "file"), below ? below : "what is not there");
}

/* Every layer has a format and a file of its own, however that is spelled. */
static int check_layers(json_t *layers, const char *folder, struct qmp_error *err)
{
    json_auto_t *files = json_object();
    const char *id;
    json_t *layer;

    json_object_foreach(layers, id, layer) {
        const char *file = text(layer, "file");

        if (!file || !text(layer, "format") || !is_text_or_null(layer, "backing"))
            return bad(err, "a layer without file or format", id);
        if (json_integer_value(json_object_get(layer, "size")) < 0)
            return bad(err, "a layer of less than nothing", id);
        if (text(layer, "backing") && !strcmp(text(layer, "format"), "raw"))
            return raw_on(layers, id, err);
        auto_free char *path = graph_is_path(file) ? path_join(folder, file) : mem_strdup(file);
        if (json_object_get(files, path))
            return bad(err, "two layers have this file", file);
        json_object_set_new(files, path, json_true());
    }
    return check_links(layers, "backing", "its backing layer is not there",
                       "layers back each other in a circle", err);
}

/* @disks maps disk names to objects whose @key names a layer, or @tagged ones to a tag, which
 * may say what layer it is inside. */
static int check_disks(json_t *disks, const char *key, bool tagged, const json_t *layers,
                       const char *where, struct qmp_error *err)
{
    const char *disk;
    json_t *entry;

    json_object_foreach(disks, disk, entry) {
        const char *layer = text(entry, key), *stem = text(entry, "stem");

        if (stem && (!*stem || strchr(stem, '/')))
            return qmp_error_set(err, QRW_ERR_INVALID, "%s: disk %s: its stem is no file name",
                                 where, disk);
        if (!layer && tagged && text(entry, "tag")) {
            layer = text(entry, "inside");
            if (!layer)
                continue;
        }
        if (!layer || !json_object_get(layers, layer))
            return qmp_error_set(err, QRW_ERR_INVALID, "%s: disk %s: no such layer", where, disk);
    }
    return 0;
}

static int check_snapshot(const json_t *s, const json_t *layers, struct qmp_error *err)
{
    const json_t *memory = json_object_get(s, "memory");
    json_t *disks = json_object_get(s, "disks");
    const char *name = text(s, "name");

    if (!name || !is_text_or_null(s, "parent") || !text(s, "created") || !json_is_object(disks))
        return bad(err, "a snapshot without name, time or disks", name);
    /* in a file of its own, or inside of one of the disks */
    if (memory && !json_is_null(memory) &&
        (!text(memory, "tag") || (!text(memory, "file") && !text(memory, "disk"))))
        return bad(err, "its memory has no file or tag", name);
    return check_disks(disks, "layer", true, layers, name, err);
}

static int check_snapshots(const json_t *doc, struct qmp_error *err)
{
    json_auto_t *all = json_object();
    const char *current = text(doc, "current");
    json_t *s;
    size_t i;

    json_array_foreach(json_object_get(doc, "snapshots"), i, s) {
        if (check_snapshot(s, json_object_get(doc, "layers"), err))
            return -1;
        if (json_object_get(all, text(s, "name")))
            return bad(err, "two snapshots have this name", text(s, "name"));
        json_object_set(all, text(s, "name"), s);
    }
    if (check_links(all, "parent", "its parent is not there",
                    "snapshots descend from each other in a circle", err))
        return -1;
    if (current && !json_object_get(all, current))
        return bad(err, "the current snapshot is not there", current);

    const char *before = text(json_object_get(doc, "undo"), "current");
    if (before && !json_object_get(all, before))
        return bad(err, "undo: its snapshot is not there", before);
    return 0;
}

static int check_undo(const json_t *undo, const json_t *layers, struct qmp_error *err)
{
    json_t *disks = json_object_get(undo, "disks");

    if (!json_is_object(undo))
        return 0;
    if (!json_is_object(disks))
        return bad(err, "undo without disks", NULL);
    return check_disks(disks, "layer", true, layers, "undo", err);
}

int chain_check(const char *folder, const json_t *doc, struct qmp_error *err)
{
    json_t *layers = json_object_get(doc, "layers");

    if (!json_is_object(doc))
        return bad(err, "this is not a JSON object", NULL);
    if (check_shape(doc, err) || check_layers(layers, folder, err) || check_snapshots(doc, err) ||
        check_disks(json_object_get(doc, "disks"), "active", false, layers, "disks", err))
        return -1;
    return check_undo(json_object_get(doc, "undo"), layers, err);
}
