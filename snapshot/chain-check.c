/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain-check: see chain-check.h. */
#include "snapshot/chain-check.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"

static int bad(struct qmp_error *err, const char *what, const char *where)
{
    return qmp_error_set(err, QRW_ERR_INVALID, "%s%s%s", what, where ? ": " : "",
                         where ? where : "");
}

static bool is_text(const json_t *obj, const char *key)
{
    return json_is_string(json_object_get(obj, key));
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
    if (json_integer_value(version) > 1)
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                             "the sidecar has version %lld, this qrewind knows version 1",
                             (long long)json_integer_value(version));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *v = json_object_get(doc, members[i].key);

        if (members[i].or_null && (!v || json_is_null(v)))
            continue;
        if (!v || json_typeof(v) != members[i].type)
            return bad(err, "missing or of the wrong type", members[i].key);
    }
    return 0;
}

/* Every layer has a file and a format, and following `backing` ends. */
static int check_layers(json_t *layers, struct qmp_error *err)
{
    const size_t most = json_object_size(layers);
    const char *id;
    json_t *layer;

    json_object_foreach(layers, id, layer) {
        if (!is_text(layer, "file") || !is_text(layer, "format") ||
            !is_text_or_null(layer, "backing"))
            return bad(err, "a layer without file or format", id);
    }
    json_object_foreach(layers, id, layer) {
        size_t steps = 0;

        for (const json_t *at = layer; json_is_string(json_object_get(at, "backing"));) {
            at = json_object_get(layers, json_string_value(json_object_get(at, "backing")));
            if (!at)
                return bad(err, "its backing layer is not there", id);
            if (++steps > most)
                return bad(err, "layers back each other in a circle", id);
        }
    }
    return 0;
}

/* @disks maps disk names to objects whose @key names a layer. */
static int check_disks(json_t *disks, const char *key, const json_t *layers, const char *where,
                       struct qmp_error *err)
{
    const char *disk;
    json_t *entry;

    json_object_foreach(disks, disk, entry) {
        const char *layer = json_string_value(json_object_get(entry, key));

        if (!layer && is_text(entry, "tag"))
            continue;
        if (!layer || !json_object_get(layers, layer))
            return qmp_error_set(err, QRW_ERR_INVALID, "%s: disk %s: no such layer", where, disk);
    }
    return 0;
}

static int check_snapshots(const json_t *doc, struct qmp_error *err)
{
    const json_t *layers = json_object_get(doc, "layers");
    json_auto_t *names = json_object();
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(doc, "snapshots"), i, s) {
        const char *name = json_string_value(json_object_get(s, "name"));

        if (!name || !is_text_or_null(s, "parent") || !is_text(s, "created") ||
            !json_is_object(json_object_get(s, "disks")))
            return bad(err, "a snapshot without name, time or disks", name);
        if (json_object_get(names, name))
            return bad(err, "two snapshots have this name", name);
        json_object_set_new(names, name, json_true());
        if (check_disks(json_object_get(s, "disks"), "layer", layers, name, err))
            return -1;
    }
    json_array_foreach(json_object_get(doc, "snapshots"), i, s) {
        const char *parent = json_string_value(json_object_get(s, "parent"));

        if (parent && !json_object_get(names, parent))
            return bad(err, "its parent is not there",
                       json_string_value(json_object_get(s, "name")));
    }
    const char *current = json_string_value(json_object_get(doc, "current"));
    if (current && !json_object_get(names, current))
        return bad(err, "the current snapshot is not there", current);
    return 0;
}

int chain_check(const json_t *doc, struct qmp_error *err)
{
    if (!json_is_object(doc))
        return bad(err, "this is not a JSON object", NULL);
    if (check_shape(doc, err) || check_layers(json_object_get(doc, "layers"), err) ||
        check_snapshots(doc, err))
        return -1;

    const json_t *layers = json_object_get(doc, "layers");
    if (check_disks(json_object_get(doc, "disks"), "active", layers, "disks", err))
        return -1;
    json_t *undo = json_object_get(json_object_get(doc, "undo"), "disks");
    return undo ? check_disks(undo, "layer", layers, "undo", err) : 0;
}
