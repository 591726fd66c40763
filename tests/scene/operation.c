/* SPDX-License-Identifier: GPL-2.0-or-later */
/* operation: see operation.h. What every plan must hold to is in rules.c. */
#include "tests/scene/operation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/command.h"
#include "tests/scene/internal.h"
#include "tests/scene/rules.h"

/* The scene as deep as the operation looks. */
static struct scene scene_for(const struct picture *p, const struct command *c)
{
    struct scene s = p->scene;

    s.graph = c->op->level == GRAPH_NODES ? &p->graph : &p->shallow;
    if (!c->op->needs_machine || !c->op->needs_machine(&c->args, s.graph))
        s.machine = NULL;
    return s;
}

static int make(struct plan *plan, const struct scene *s, const struct command *c,
                struct qmp_error *err)
{
    plan_init(plan, c->op->name, s);
    return c->op->plan(plan, s, &c->args, err);
}

void picture_plan_as(struct plan *plan, const struct picture *p, const char *command)
{
    struct qmp_error err = {0};
    struct command c;

    command_parse(&c, command);
    struct scene s = scene_for(p, &c);
    cr_assert_eq(make(plan, &s, &c, &err), 0, "%s: %s", command, err.desc);
    command_done(&c);
}

/* ---- the plan as a line ---- */

/* A separator unless nothing is there yet. */
static void comma(FILE *out, long begin)
{
    if (ftell(out) > begin)
        fputs(", ", out);
}

static void print_value(FILE *out, const json_t *value)
{
    auto_free char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    fputs(json_is_string(value) ? json_string_value(value) : dump, out);
}

/* Members as " key=value", without those that rules.c holds to one value. */
static void print_members(FILE *out, json_t *obj, const char *prefix)
{
    const char *key;
    json_t *value;

    json_object_foreach(obj, key, value) {
        auto_free char *path = mem_printf("%s%s", prefix, key);

        if (rules_fix(path, value))
            continue;
        if (json_is_object(value)) {
            auto_free char *deeper = mem_printf("%s.", path);

            print_members(out, value, deeper);
        } else {
            fprintf(out, " %s=", path);
            print_value(out, value);
        }
    }
}

static void print_command(FILE *out, const json_t *step)
{
    const json_t *action, *actions;
    json_t *args = json_object_get(step, "arguments");
    size_t i;

    fputs(picture_text(step, "execute"), out);
    actions = json_object_get(args, "actions");
    if (!actions)
        print_members(out, args, "");
    json_array_foreach(actions, i, action) {
        fprintf(out, "%s %s", i ? " +" : "", picture_text(action, "type"));
        print_members(out, json_object_get(action, "data"), "");
    }
    const char *then = picture_text(step, "then");
    if (then && strcmp(then, "finalize") != 0)
        fprintf(out, " then %s", then);
}

static void print_overlay(FILE *out, const json_t *step)
{
    const char *format = picture_text(step, "backing_format");

    fprintf(out, "overlay %s on %s", picture_text(step, "file"), picture_text(step, "backing"));
    if (strcmp(format, "qcow2"))
        fprintf(out, " (%s)", format);
    cr_expect_eq(json_integer_value(json_object_get(step, "size")), PICTURE_SIZE);
}

/* "convert /home/me/x.part/disk0 of a base as raw compressed" */
static void print_convert(FILE *out, const json_t *step)
{
    const json_t *layer;
    size_t i;

    fprintf(out, "convert %s of", picture_text(step, "file"));
    json_array_foreach(json_object_get(step, "layers"), i, layer)
        fprintf(out, "%s %s%s", i ? " on" : "", picture_text(layer, "file"),
                strcmp(picture_text(layer, "format"), "qcow2") ? " (raw)" : "");
    if (picture_text(step, "tag"))
        fprintf(out, " at %s", picture_text(step, "tag"));
    if (strcmp(picture_text(step, "format"), "qcow2"))
        fprintf(out, " as %s", picture_text(step, "format"));
    if (json_object_get(step, "compress"))
        fputs(" compressed", out);
}

static void print_step(FILE *out, const json_t *step)
{
    const char *kind = picture_text(step, "step");
    const json_t *file;
    size_t i;

    if (json_object_get(step, "execute")) {
        print_command(out, step);
    } else if (!strcmp(kind, "overlay")) {
        print_overlay(out, step);
    } else if (!strcmp(kind, "convert")) {
        print_convert(out, step);
    } else {
        fputs(kind, out);
        if (picture_text(step, "file"))
            fprintf(out, " %s", picture_text(step, "file"));
        json_array_foreach(json_object_get(step, "files"), i, file)
            fprintf(out, " %s",
                    json_is_string(file) ? json_string_value(file) : picture_text(file, "name"));
        if (picture_text(step, "like"))
            fprintf(out, " like %s", picture_text(step, "like"));
    }
}

static void print_steps(FILE *out, const struct plan *p)
{
    const long begin = ftell(out);
    const json_t *entry;
    size_t i;

    json_array_foreach(p->needs, i, entry) {
        const json_t *bytes = json_object_get(entry, "bytes");

        comma(out, begin);
        fprintf(out, "need %s", picture_text(entry, "need"));
        if (picture_text(entry, "file"))
            fprintf(out, " %s", picture_text(entry, "file"));
        if (bytes)
            fprintf(out, " %lldM", (long long)json_integer_value(bytes) >> 20);
    }
    json_array_foreach(p->steps, i, entry) {
        comma(out, begin);
        print_step(out, entry);
    }
}

static void print_promise(FILE *out, const struct plan *p)
{
    const long begin = ftell(out);
    const json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact) {
        const char *backing = picture_text(fact, "backing");

        comma(out, begin);
        if (picture_text(fact, "job")) {
            fprintf(out, "%s ended well", picture_text(fact, "job"));
            continue;
        }
        if (picture_text(fact, "saved")) {
            fprintf(out, "%s is saved", picture_text(fact, "saved"));
            continue;
        }
        if (picture_text(fact, "tag")) {
            const char *layer = picture_text(fact, "layer");

            fprintf(out, "%s has %stag %s%s%s", picture_text(fact, "disk"),
                    json_is_true(json_object_get(fact, "there")) ? "" : "no ",
                    picture_text(fact, "tag"), layer ? " in " : "", layer ? layer : "");
            continue;
        }
        fprintf(out, "%s %s %s", picture_text(fact, "disk"),
                json_is_true(json_object_get(fact, "top")) ? "shows" : "has",
                picture_text(fact, "layer"));
        fprintf(out, backing ? " on %s" : " alone", backing);
    }
}

static void print_aftermath(FILE *out, const struct plan *p)
{
    const long begin = ftell(out);
    const json_t *entry;
    size_t i;

    json_array_foreach(p->cleanup, i, entry) {
        comma(out, begin);
        print_step(out, entry);
    }
    json_array_foreach(json_object_get(p->result, "kept"), i, entry) {
        comma(out, begin);
        fprintf(out, "keep %s: %s", picture_text(entry, "name"), picture_text(entry, "why"));
    }
    json_array_foreach(json_object_get(p->result, "notes"), i, entry) {
        comma(out, begin);
        fprintf(out, "'%s'", json_string_value(entry));
    }
}

static void print_document(FILE *out, const struct plan *p)
{
    auto_free char *picture = picture_draw(&p->after);

    fputs(picture, out);
}

static char *describe(const struct plan *p)
{
    static void (*const sections[])(FILE * out, const struct plan *p) = {
        print_steps, print_promise, print_aftermath, print_document};
    auto_free char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        const long before = ftell(out);

        if (before)
            fputs(" | ", out);
        const long begin = ftell(out);
        sections[i](out, p);
        if (ftell(out) == begin)
            fseek(out, before, SEEK_SET);
    }
    fclose(out);
    text[size] = '\0';
    return picture_short(p->after.folder, text);
}

static char *describe_error(const char *folder, const struct qmp_error *err)
{
    auto_free char *text = mem_printf("%s: %s%s%s%s", qrw_error_kind_name(err->kind), err->desc,
                                      err->hint[0] ? " (" : "", err->hint, err->hint[0] ? ")" : "");

    return picture_short(folder, text);
}

char *picture_plan(const struct picture *p, const char *command)
{
    struct qmp_error err = {0};
    struct command c;
    struct plan plan;
    char *text;

    command_parse(&c, command);
    struct scene s = scene_for(p, &c);
    if (make(&plan, &s, &c, &err)) {
        text = describe_error(p->chain.folder, &err);
    } else {
        rules_check(&plan, &s, &c);
        text = describe(&plan);
    }
    plan_done(&plan);
    command_done(&c);
    return text;
}

void picture_cases(const struct picture_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct picture *p = picture_new(cases[i].picture);
        auto_free char *plan = picture_plan(p, cases[i].command);

        cr_expect_str_eq(plan, cases[i].plan, "%s\n  %s\n  %s\n  is   %s\n  not  %s",
                         cases[i].title, cases[i].picture, cases[i].command, plan, cases[i].plan);
        picture_free(p);
    }
}
