/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema: hold a command against a recorded schema.
 */
#include "tests/schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

const char *const schema_releases[] = {"5.2", "7.2", "10.0", "11.1", NULL};

enum { MAX_RELEASES = 4 };

const json_t *schema_load(const char *release)
{
    static json_t *files[MAX_RELEASES];
    auto_free char *path = mem_printf("tests/schema/%s.json", release);
    json_error_t e;
    size_t i = 0;

    while (schema_releases[i] && strcmp(schema_releases[i], release))
        i++;
    if (schema_releases[i] && !files[i])
        files[i] = json_load_file(path, 0, &e);
    if (!schema_releases[i] || !files[i]) {
        fprintf(stderr, "%s: no such schema, or not in the source folder\n", path);
        abort();
    }
    return files[i];
}

const json_t *schema_greeting(const char *release)
{
    return json_object_get(schema_load(release), "greeting");
}

static const char *command_type(const char *release, const char *command)
{
    const json_t *commands = json_object_get(schema_load(release), "commands");

    return json_string_value(json_object_get(commands, command));
}

bool schema_has(const char *release, const char *command)
{
    return command_type(release, command) != NULL;
}

/* One check: the types of the release, and the words about where we are. */
struct check {
    const json_t *types;
    char *wrong; /* the first thing found */
};

static bool complain(struct check *c, const char *where, const char *what)
{
    if (!c->wrong)
        c->wrong = mem_printf("%s %s", where, what);
    return false;
}

static bool check_value(struct check *c, const char *where, const char *type, const json_t *v);

/* Is the JSON type of @v one that @type can be? Enough to pick from an alternate. */
static bool fits(const struct check *c, const char *type, const json_t *v)
{
    const json_t *t = json_object_get(c->types, type);

    if (json_object_get(t, "members"))
        return json_is_object(v);
    if (json_object_get(t, "array"))
        return json_is_array(v);
    if (json_object_get(t, "enum") || !strcmp(type, "str"))
        return json_is_string(v);
    return !strcmp(type, "any") || (!strcmp(type, "int") && json_is_integer(v)) ||
           (!strcmp(type, "number") && json_is_number(v)) ||
           (!strcmp(type, "boolean") && json_is_boolean(v)) ||
           (!strcmp(type, "null") && json_is_null(v));
}

static bool check_enum(struct check *c, const char *where, const json_t *values, const json_t *v)
{
    const json_t *value;
    size_t i;

    json_array_foreach(values, i, value) {
        const char *name = json_string_value(value);

        if (!strcmp(name + strspn(name, "!"), json_string_value(v)))
            return name[0] != '!' || complain(c, where, "has a deprecated value");
    }
    return complain(c, where, "has an unknown value");
}

/*
 * Check the members of @v that @type (and its variant) names, and put those that
 * are known into @known.
 */
static bool check_members(struct check *c, const char *where, const char *type, const json_t *v,
                          json_t *known)
{
    const json_t *t = json_object_get(c->types, type);
    const char *tag = json_string_value(json_object_get(t, "tag"));
    const char *variant;
    const char *name;
    json_t *m;

    json_object_foreach(json_object_get(t, "members"), name, m) {
        const char *mark = json_string_value(m);
        const json_t *member = json_object_get(v, name);
        auto_free char *path = mem_printf("%s.%s", where, name);

        json_object_set_new(known, name, json_true());
        if (!member && mark[0] != '?')
            return complain(c, path, "is missing");
        if (!member)
            continue;
        if (strchr(mark, '!'))
            return complain(c, path, "is deprecated");
        if (!check_value(c, path, mark + strspn(mark, "?"), member))
            return false;
    }
    variant = tag ? json_string_value(json_object_get(v, tag)) : NULL;
    variant = variant ? json_string_value(json_object_get(json_object_get(t, "variants"), variant))
                      : NULL;
    return !variant || check_members(c, where, variant, v, known);
}

static bool check_object(struct check *c, const char *where, const char *type, const json_t *v)
{
    json_auto_t *known = json_object();
    const char *name;
    json_t *m;

    if (!check_members(c, where, type, v, known))
        return false;
    json_object_foreach((json_t *)v, name, m)
        if (!json_object_get(known, name)) {
            auto_free char *path = mem_printf("%s.%s", where, name);

            return complain(c, path, "is unknown");
        }
    return true;
}

static bool check_value(struct check *c, const char *where, const char *type, const json_t *v)
{
    const json_t *t = json_object_get(c->types, type);
    const json_t *choices = json_object_get(t, "one-of");
    const json_t *item;
    size_t i;

    json_array_foreach(choices, i, item)
        if (fits(c, json_string_value(item), v))
            return check_value(c, where, json_string_value(item), v);
    if (choices || !fits(c, type, v))
        return complain(c, where, "has the wrong type");
    if (json_object_get(t, "members"))
        return check_object(c, where, type, v);
    if (json_object_get(t, "enum"))
        return check_enum(c, where, json_object_get(t, "enum"), v);
    json_array_foreach(v, i, item) {
        auto_free char *path = mem_printf("%s[%zu]", where, i);

        if (!check_value(c, path, json_string_value(json_object_get(t, "array")), item))
            return false;
    }
    return true;
}

char *schema_check(const char *release, const json_t *command)
{
    struct check c = {.types = json_object_get(schema_load(release), "types")};
    const char *name = json_string_value(json_object_get(command, "execute"));
    json_auto_t *none = json_object();
    const json_t *args = json_object_get(command, "arguments");
    const char *type;

    if (!name)
        name = json_string_value(json_object_get(command, "exec-oob"));
    type = name ? command_type(release, name) : NULL;
    if (!type)
        return mem_printf("%s: no such command", name ? name : "(none)");
    if (type[0] == '!')
        return mem_printf("%s is deprecated", name);
    /* A device has the properties that it has; the schema does not know them. */
    if (strcmp(name, "device_add"))
        check_value(&c, name, type, args ? args : none);
    return c.wrong;
}
