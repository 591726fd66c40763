/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema: see schema.h. Here: the schema as a value.                     PURE
 *
 *     command ── arg-type ──> object ── members[].type ──> enum, builtin,
 *                              │  └── variants[].type ──> object   object, ...
 *     array ── element-type ──>│
 *     alternate ── members[].type ──> any
 *
 * Types are named by numbers that mean nothing from one QEMU to the next.
 */
#include "qmp/schema.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

/* Types looked at in one question: real ones need some hundred, a circle would never end. */
#define MAX_STEPS 10000

struct qmp_schema {
    json_t *entries; /* by name */
};

struct qmp_schema *qmp_schema_new(json_t *entries, struct qmp_error *err)
{
    json_auto_t *by_name = json_object();
    size_t i;
    json_t *entry;

    if (!json_is_array(entries)) {
        qmp_error_set(err, QMP_ERR_PROTOCOL, "the schema is not a list");
        return NULL;
    }
    json_array_foreach(entries, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));

        if (!name || !json_is_string(json_object_get(entry, "meta-type"))) {
            qmp_error_set(err, QMP_ERR_PROTOCOL, "entry %zu of the schema has no name or no type",
                          i);
            return NULL;
        }
        json_object_set(by_name, name, entry);
    }

    struct qmp_schema *s = mem_alloc(sizeof(*s));
    s->entries = json_incref(by_name);
    return s;
}

void qmp_schema_free(struct qmp_schema *s)
{
    if (!s)
        return;
    json_decref(s->entries);
    free(s);
}

static bool is(json_t *entry, const char *meta_type)
{
    const char *meta = json_string_value(json_object_get(entry, "meta-type"));

    return meta && !strcmp(meta, meta_type);
}

/* The entry that @holder's member @key names, or NULL. */
static json_t *follow(const struct qmp_schema *s, json_t *holder, const char *key)
{
    const char *name = json_string_value(json_object_get(holder, key));

    return name ? json_object_get(s->entries, name) : NULL;
}

static json_t *find_command(const struct qmp_schema *s, const char *name)
{
    json_t *entry = json_object_get(s->entries, name);

    return is(entry, "command") ? entry : NULL;
}

/* The one in a list of objects whose "name" is the @len bytes at @name. */
static json_t *find_named(json_t *list, const char *name, size_t len)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        json_t *n = json_object_get(item, "name");

        if (json_string_length(n) == len && !memcmp(json_string_value(n), name, len))
            return item;
    }
    return NULL;
}

static json_t *find_member(const struct qmp_schema *s, json_t *type, const char *path, int *steps);

/* The first of the types that @list's objects name in which @path leads somewhere. */
static json_t *find_in_any(const struct qmp_schema *s, json_t *list, const char *path, int *steps)
{
    size_t i;
    json_t *item, *found = NULL;

    json_array_foreach(list, i, item)
        if ((found = find_member(s, follow(s, item, "type"), path, steps)))
            return found;
    return NULL;
}

/* The member that @path leads to from @type, or NULL. */
static json_t *find_member(const struct qmp_schema *s, json_t *type, const char *path, int *steps)
{
    size_t len = strcspn(path, ".");

    if (--*steps < 0 || !type)
        return NULL;
    if (is(type, "array"))
        return find_member(s, follow(s, type, "element-type"), path, steps);
    if (is(type, "alternate"))
        return find_in_any(s, json_object_get(type, "members"), path, steps);

    json_t *member = find_named(json_object_get(type, "members"), path, len);
    json_t *found = member;
    if (member && path[len])
        found = find_member(s, follow(s, member, "type"), path + len + 1, steps);
    return found ? found : find_in_any(s, json_object_get(type, "variants"), path, steps);
}

/* The value called @value of the enumeration that @member has (a list of it will do). */
static json_t *find_value(const struct qmp_schema *s, json_t *member, const char *value)
{
    json_t *type = follow(s, member, "type");
    size_t i;
    json_t *v;

    for (int steps = 8; is(type, "array") && steps; steps--)
        type = follow(s, type, "element-type");
    if (json_object_get(type, "members") && is(type, "enum"))
        return find_named(json_object_get(type, "members"), value, strlen(value));
    json_array_foreach(json_object_get(type, "values"), i, v) /* up to QEMU 6.1 */
        if (json_is_string(v) && !strcmp(json_string_value(v), value))
            return v;
    return NULL;
}

static json_t *find(const struct qmp_schema *s, const char *command, const char *argument,
                    const char *value)
{
    int steps = MAX_STEPS;
    json_t *found = find_command(s, command);

    if (found && argument)
        found = find_member(s, follow(s, found, "arg-type"), argument, &steps);
    if (found && value)
        found = find_value(s, found, value);
    return found;
}

bool qmp_schema_has(const struct qmp_schema *s, const char *command, const char *argument,
                    const char *value)
{
    return find(s, command, argument, value);
}

bool qmp_schema_requires(const struct qmp_schema *s, const char *command, const char *argument)
{
    json_t *member = find(s, command, argument, NULL);

    return member && !json_object_get(member, "default");
}

bool qmp_schema_has_feature(const struct qmp_schema *s, const char *command, const char *argument,
                            const char *value, const char *feature)
{
    json_t *found = find(s, command, argument, value), *f;
    size_t i;

    json_array_foreach(json_object_get(found, "features"), i, f)
        if (json_is_string(f) && !strcmp(json_string_value(f), feature))
            return true;
    return false;
}
