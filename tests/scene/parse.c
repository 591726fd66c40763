/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse: a picture's line, taken apart; see internal.h. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/internal.h"

const char *picture_text(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

bool picture_flag(const json_t *thing, const char *flag)
{
    return json_object_get(json_object_get(thing, "flags"), flag) != NULL;
}

/* The text without blanks around it; changes it. */
static char *trim(char *s)
{
    char *end = s + strlen(s);

    while (end > s && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return s + strspn(s, " \n");
}

/* Cuts @s before @separator; returns what follows that, NULL: there is none. */
static char *cut(char *s, const char *separator)
{
    char *at = strstr(s, separator);

    if (!at)
        return NULL;
    *at = '\0';
    return at + strlen(separator);
}

/* "a, b=1" becomes {"a": "", "b": "1"}; only @known ones. */
static json_t *parse_flags(char *s, const char *known)
{
    json_t *flags = json_object();

    for (char *flag; s && (flag = strsep(&s, ","));) {
        char *value = cut(flag, "=");
        auto_free char *wanted = mem_printf(" %s ", trim(flag));

        cr_assert(strstr(known, wanted), "a picture has no flag '%s'", trim(flag));
        json_object_set_new(flags, trim(flag), json_string(value ? trim(value) : ""));
    }
    return flags;
}

static int64_t parse_size(const char *s)
{
    char *unit;
    long n = strtol(s, &unit, 10);

    return (int64_t)n << (*unit == 'G' ? 30 : *unit == 'M' ? 20 : *unit == 'k' ? 10 : 0);
}

/* "t1^m1!": internal snapshots, ! with memory. */
static json_t *parse_tags(char *s)
{
    json_t *tags = json_array();

    for (char *tag; s && (tag = strsep(&s, "^"));) {
        bool memory = cut(tag, "!") != NULL;

        json_array_append_new(tags, json_pack("{s:s, s:b}", "name", trim(tag), "memory", memory));
    }
    return tags;
}

/* "*", "*s1*s2"; a nameless star is "s1" at first, then "s2" ... */
static json_t *parse_pins(char *s, int *stars)
{
    json_t *pins = json_array();

    for (char *pin; s && (pin = strsep(&s, "*"));) {
        auto_free char *counted = mem_printf("s%d", ++*stars);

        json_array_append_new(pins, json_string(*pin ? pin : counted));
    }
    return pins;
}

static char *file_name(const char *folder, const char *name, const json_t *flags)
{
    const char *end = json_object_get(flags, "raw") ? "raw" : "qcow2";

    if (json_object_get(flags, "remote"))
        return mem_printf("nbd://host/%s", name);
    return name[0] == '/' ? mem_printf("%s.%s", name, end)
                          : mem_printf("%s/%s.%s", folder, name, end);
}

static json_t *parse_layer(const char *folder, char *s, int *stars)
{
    char *flag_text = cut(s, "(");
    json_auto_t *flags = NULL;
    char *undo = cut(s, "~");
    char *tags = cut(s, "^");
    char *pins = cut(s, "*");
    char *size = cut(s, ":");
    char *name = trim(s);

    if (flag_text)
        cr_assert(cut(flag_text, ")"), "a picture with '(' but no ')'");
    flags = parse_flags(flag_text, " raw remote relative json named theirs unknown corrupt ");
    auto_free char *file = file_name(folder, name, flags);
    return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:b, s:O}", "name", name, "file", file,
                     "format", json_object_get(flags, "raw") ? "raw" : "qcow2", "allocated",
                     (json_int_t)(size ? parse_size(size) : 1 << 20), "pins",
                     parse_pins(pins ? trim(pins) : NULL, stars), "tags", parse_tags(tags), "undo",
                     undo != NULL, "flags", flags);
}

static json_t *parse_layers(const char *folder, char *s, int *stars)
{
    json_t *layers = json_array();

    for (char *next; s; s = next) {
        next = cut(s, "<-");
        json_array_append_new(layers, parse_layer(folder, s, stars));
    }
    return layers;
}

static json_t *parse_disk(const char *folder, char *s, int *stars)
{
    char *layers = cut(s, ":");
    char *flag_text = cut(s, "[");
    json_t *flags;

    *stars = 0;
    if (flag_text)
        cr_assert(cut(flag_text, "]"), "a picture with '[' but no ']'");
    flags = parse_flags(flag_text, " removable cd empty read-only direct no-flush zeroes filter "
                                   "nodeless legacy active bitmaps encrypted ");
    return json_pack("{s:s, s:o, s:o, s:[]}", "id", trim(s), "flags", flags, "layers",
                     json_object_get(flags, "empty") ? json_array()
                                                     : parse_layers(folder, layers, stars),
                     "more");
}

static json_t *parse_job(char *s)
{
    char *type = cut(s, " "), *status = type ? cut(type, " ") : NULL;
    char *error = status ? cut(status, " ") : NULL;

    cr_assert(status, "a job has an id, a type and a status");
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s*}", "id", s, "type", type, "status", status,
                     "current-progress", 1, "total-progress", 2, "error", error);
}

json_t *picture_parse(const char *folder, const char *line)
{
    json_t *disks = json_array(), *jobs = json_array(), *words = json_object();
    json_t *inside = json_array();
    auto_free char *copy = mem_strdup(line);
    int stars = 0;

    for (char *rest = copy, *part; (part = strsep(&rest, ";"));) {
        json_t *last = json_array_get(disks, json_array_size(disks) - 1);

        part = trim(part);
        if (part[0] == '+')
            json_array_append_new(json_object_get(last, "more"),
                                  parse_layers(folder, part + 1, &stars));
        else if (!strncmp(part, "job ", 4))
            json_array_append_new(jobs, parse_job(part + 4));
        else if (!strncmp(part, "inside ", 7))
            json_array_append_new(inside, json_string(part + 7));
        else if (!strncmp(part, "migration ", 10))
            json_object_set_new(words, "migration", json_string(part + 10));
        else if (!strncmp(part, "live ", 5))
            json_object_set_new(words, "live", json_string(part + 5));
        else if (!strncmp(part, "QEMU ", 5))
            json_object_set_new(words, "QEMU", json_string(part + 5));
        else if (!strcmp(part, "paused") || !strcmp(part, "inmigrate") ||
                 !strcmp(part, "out of reach"))
            json_object_set_new(words, part, json_true());
        else
            json_array_append_new(disks, parse_disk(folder, part, &stars));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "disks", disks, "jobs", jobs, "inside", inside,
                     "words", words);
}
