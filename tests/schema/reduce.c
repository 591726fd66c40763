/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema: from query-qmp-schema's return (150 to 250 kB) to the form of schema.h.
 */
#include <string.h>

#include "qmp/mem.h"
#include "tests/schema/schema.h"

struct reduction {
    json_t *by_name; /* the entries */
    json_t *types;   /* the result */
};

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static bool is_deprecated(const json_t *o)
{
    json_t *feature;
    size_t i;

    json_array_foreach(json_object_get(o, "features"), i, feature)
        if (!strcmp(json_string_value(feature), "deprecated"))
            return true;
    return false;
}

static json_t *marked(const json_t *o, const char *type)
{
    return json_sprintf("%s%s%s", json_object_get(o, "default") ? "?" : "",
                        is_deprecated(o) ? "!" : "", type);
}

static const char *take(struct reduction *r, const char *name);

static json_t *reduce_object(struct reduction *r, const json_t *entry)
{
    json_t *result = json_object(), *members = json_object(), *variants = json_object(), *m;
    size_t i;

    json_array_foreach(json_object_get(entry, "members"), i, m)
        json_object_set_new(members, text(m, "name"), marked(m, take(r, text(m, "type"))));
    json_array_foreach(json_object_get(entry, "variants"), i, m)
        json_object_set_new(variants, text(m, "case"), json_string(take(r, text(m, "type"))));
    json_object_set_new(result, "members", members);
    if (json_object_get(entry, "tag")) {
        json_object_set(result, "tag", json_object_get(entry, "tag"));
        json_object_set(result, "variants", variants);
    }
    json_decref(variants);
    return result;
}

/* QEMU 5.2 has only "values"; later ones say in "members" what is deprecated. */
static json_t *reduce_enum(const json_t *entry)
{
    json_t *values, *m;
    size_t i;

    if (!json_object_get(entry, "members"))
        return json_pack("{s:O}", "enum", json_object_get(entry, "values"));
    values = json_array();
    json_array_foreach(json_object_get(entry, "members"), i, m)
        json_array_append_new(values, marked(m, text(m, "name")));
    return json_pack("{s:o}", "enum", values);
}

static json_t *reduce_alternate(struct reduction *r, const json_t *entry)
{
    json_t *types = json_array(), *m;
    size_t i;

    json_array_foreach(json_object_get(entry, "members"), i, m)
        json_array_append_new(types, json_string(take(r, text(m, "type"))));
    return json_pack("{s:o}", "one-of", types);
}

/* Put the type into the result, once. Returns its name; of a builtin type, its JSON type. */
static const char *take(struct reduction *r, const char *name)
{
    const json_t *entry = json_object_get(r->by_name, name);
    const char *meta = text(entry, "meta-type");
    json_t *reduced = NULL;

    if (!strcmp(meta, "builtin"))
        return text(entry, "json-type")[0] == 's' ? "str" : text(entry, "json-type");
    if (json_object_get(r->types, name))
        return name;
    json_object_set_new(r->types, name, json_null()); /* types may refer to themselves */
    if (!strcmp(meta, "object"))
        reduced = reduce_object(r, entry);
    else if (!strcmp(meta, "enum"))
        reduced = reduce_enum(entry);
    else if (!strcmp(meta, "alternate"))
        reduced = reduce_alternate(r, entry);
    else if (!strcmp(meta, "array"))
        reduced = json_pack("{s:s}", "array", take(r, text(entry, "element-type")));
    json_object_set_new(r->types, name, reduced);
    return name;
}

json_t *schema_reduce(json_t *greeting, json_t *entries)
{
    struct reduction r = {.by_name = json_object(), .types = json_object()};
    json_t *commands = json_object(), *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
        json_object_set(r.by_name, text(entry, "name"), entry);
    json_array_foreach(entries, i, entry)
        if (!strcmp(text(entry, "meta-type"), "command"))
            json_object_set_new(commands, text(entry, "name"),
                                marked(entry, take(&r, text(entry, "arg-type"))));
    json_decref(r.by_name);
    return json_pack("{s:O, s:o, s:o}", "greeting", greeting, "commands", commands, "types",
                     r.types);
}
