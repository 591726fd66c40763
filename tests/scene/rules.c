/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules: see rules.h. */
#include "tests/scene/rules.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/plan-disk.h"
#include "tests/schema/schema.h"
#include "tests/scene/internal.h"
#include "tests/scene/operation.h"

/* ---- the commands ---- */

static void add_command(json_t *list, const json_t *step);

/* @undo: a command, steps, or nothing. */
static void add_undo(json_t *list, const json_t *undo)
{
    const json_t *step;
    size_t i;

    add_command(list, undo);
    json_array_foreach(undo, i, step)
        add_command(list, step);
}

static void add_command(json_t *list, const json_t *step)
{
    json_t *execute = json_object_get(step, "execute");

    if (execute)
        json_array_append_new(list, json_pack("{s:O, s:O*}", "execute", execute, "arguments",
                                              json_object_get(step, "arguments")));
}

json_t *picture_commands(const struct plan *plan)
{
    json_auto_t *steps = plan_preview(plan);
    json_t *list = json_array();
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step) {
        add_command(list, step);
        add_undo(list, json_object_get(step, "undo"));
    }
    return list;
}

/* "7.2" is 70200. */
static int version_number(const char *release)
{
    int major = 0, minor = 0;

    sscanf(release, "%d.%d", &major, &minor);
    return major * 10000 + minor * 100;
}

/* The plan made for @release, as a client of that release would: each command is known there. */
static void check_schema(const char *release, const struct scene *scene, const struct command *c)
{
    struct qmp_error err = {0};
    struct scene s = *scene;
    struct plan plan;
    const json_t *command;
    size_t i;

    s.qemu = release;
    s.version = version_number(release);
    plan_init(&plan, c->op->name, &s);
    if (c->op->plan(&plan, &s, &c->args, &err)) {
        cr_expect_eq(err.kind, QRW_ERR_UNSUPPORTED, "%s: %s", release, err.desc);
    } else {
        json_auto_t *commands = picture_commands(&plan);

        json_array_foreach(commands, i, command) {
            auto_free char *wrong = schema_check(release, command);

            cr_expect(!wrong, "%s: %s", release, wrong);
        }
    }
    plan_done(&plan);
}

bool rules_fix(const char *path, const json_t *value)
{
    /* clang-format off */
    static const struct {
        const char *path, *value;
    } fixed[] = {
        {"auto-dismiss", "false"}, {"driver",       "\"qcow2\""}, {"discard", "\"unmap\""},
        {"backing",      "null"},  {"file.discard", "\"unmap\""}, {"file.driver", "\"file\""},
        {"auto-finalize", "false"},
    };
    /* clang-format on */
    auto_free char *text = json_dumps(value, JSON_ENCODE_ANY);

    if (!strcmp(path, "job-id"))
        return true;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (!strcmp(fixed[i].path, path) && !strcmp(fixed[i].value, text))
            return true;
    return false;
}

static bool is_of_snapshots(const json_t *step)
{
    return !strncmp(picture_text(step, "execute"), "snapshot-", 9);
}

/* Block jobs name their disk, those of the memory have one name: only one can run. One that would
 * end by itself waits until what it wrote is on the disk; those of snapshots end and stay. */
static void check_job(const struct plan *plan, const json_t *step)
{
    const char *id = picture_text(json_object_get(step, "arguments"), "job-id");
    const char *disk = picture_text(step, "disk");
    const char *then = picture_text(step, "then");
    const json_t *dismiss = json_object_get(json_object_get(step, "arguments"), "auto-dismiss");
    const json_t *finalize = json_object_get(json_object_get(step, "arguments"), "auto-finalize");
    auto_free char *safe = disk ? plan_safe_name(disk) : NULL;
    auto_free char *wanted = disk ? mem_printf("qrw-%s-%s", plan->operation, safe) : NULL;

    if (disk)
        cr_expect(is_of_snapshots(step) ||
                      (then && !strcmp(then, "finalize") == json_is_false(finalize)),
                  "%s", id);
    if (disk)
        cr_expect(!strcmp(id, wanted) && (json_is_false(dismiss) || is_of_snapshots(step)),
                  "law 3: %s", id);
    else
        cr_expect(!strncmp(id, "qrw-save", 8) || !strncmp(id, "qrw-load", 8), "%s", id);
}

static void check_node(const json_t *args)
{
    const char *name = picture_text(args, "node-name");
    const json_t *file = json_object_get(args, "file");

    cr_expect(!strncmp(name, "qrw-t-", 6) && strlen(name) <= 31, "%s", name);
    cr_expect(picture_text(args, "driver"), "law 6: no format probing");
    if (!json_is_string(file)) /* a node, which is open */
        cr_expect_str_eq(picture_text(file, "driver"), "file");
}

static void check_steps(const struct plan *plan)
{
    const json_t *step;
    size_t i;

    json_array_foreach(plan->steps, i, step) {
        const char *execute = picture_text(step, "execute");

        if (!strcmp(picture_text(step, "step"), "job"))
            check_job(plan, step);
        if (execute && !strcmp(execute, "blockdev-add"))
            check_node(json_object_get(step, "arguments"));
    }
}

/* ---- the plan as a value ---- */

static void expect_same(const json_t *a, const json_t *b, const char *what)
{
    auto_free char *text_a = json_dumps(a, 0), *text_b = json_dumps(b, 0);

    cr_expect(json_equal(a, b), "%s: %s, not %s", what, text_b, text_a);
}

/* Made again from the same, it is the same, and what it was made from has not changed. */
static void check_purity(const struct plan *plan, const struct scene *s, const struct command *c)
{
    json_auto_t *document = json_deep_copy(s->chain->doc);
    json_auto_t *first = plan_to_json(plan), *second = NULL;
    struct plan again;

    plan_init(&again, c->op->name, s);
    cr_assert_eq(c->op->plan(&again, s, &c->args, NULL), 0);
    second = plan_to_json(&again);
    expect_same(first, second, "the same plan");
    expect_same(document, s->chain->doc, "the document before");
    plan_done(&again);
}

static void check_journal(const struct plan *plan)
{
    json_auto_t *written = plan_to_json(plan), *read = NULL;
    struct qmp_error err = {0};
    struct chain after = {0};
    struct plan back;

    cr_assert_eq(chain_take(&after, plan->after.folder, plan->after.doc, &err), 0,
                 "the document afterwards: %s", err.desc);
    chain_done(&after);
    cr_assert_eq(plan_from_json(&back, written, plan->after.folder, &err), 0, "%s", err.desc);
    read = plan_to_json(&back);
    expect_same(written, read, "the journal");
    plan_done(&back);
}

void rules_check(const struct plan *plan, const struct scene *s, const struct command *c)
{
    for (const char *const *release = schema_releases; *release; release++)
        check_schema(*release, s, c);
    check_steps(plan);
    check_purity(plan, s, c);
    check_journal(plan);
    /* before 6.0 no graph and no job shows that memory was loaded */
    if (json_array_size(plan->promise) && s->version >= 60000)
        cr_expect_neq(plan_holds(plan, s->graph, NULL), 0, "%s promises what there is already",
                      plan->operation);
}
