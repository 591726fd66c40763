/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-check: see plan-check.h. */
#include "snapshot/plan-check.h"

#include <stdio.h>

#include "snapshot/error.h"
#include "snapshot/member.h"

bool plan_makes_file(const json_t *step)
{
    static const char *const kinds[] = {"overlay", "image", "copy", "reserve", "stream", "expect"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (same(text(step, "step"), kinds[i]))
            return true;
    return false;
}

static int bad(struct qmp_error *err, const char *where, const char *what)
{
    return qmp_error_set(err, QRW_ERR_INVALID, "pending: %s: %s", where, what);
}

static int check_command(const json_t *command, const char *where, bool late, struct qmp_error *err)
{
    const json_t *args = json_object_get(command, "arguments");

    if (!json_is_object(command))
        return bad(err, where, "a step that is no object");
    if (!text(command, "execute"))
        return bad(err, where, "it has no command");
    if (args && !json_is_object(args))
        return bad(err, where, "its arguments are no object");
    return plan_check_command(command, late, err);
}

/* What every step of a kind has, as text: who carries it out relies on that. */
static int check_members(const json_t *step, const char *kind, struct qmp_error *err)
{
    static const struct {
        const char *kind, *member;
    } members[] = {
        // clang-format off
        {"unlink",  "file"}, {"untag",   "file"}, {"untag",  "tag"},    {"migration", "file"},
        {"overlay", "file"}, {"image",   "file"}, {"expect", "file"},   {"flush",     "file"},
        {"reserve", "file"}, {"stream",  "file"}, {"rebase", "file"},   {"rebase",    "format"},
        {"copy",    "file"}, {"copy",    "part"}, {"copy", "source"},   {"copy",      "tag"},
        // clang-format on
    };
    const json_t *file;
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (same(members[i].kind, kind) && !text(step, members[i].member)) {
            char words[40];

            snprintf(words, sizeof(words), "it has no %s", members[i].member);
            return bad(err, kind, words);
        }
    json_array_foreach(json_object_get(step, "files"), i, file)
        if (same(kind, "sync") && !json_is_string(file))
            return bad(err, kind, "a file that is no text");
    return 0;
}

static int check_kind(const json_t *step, const char *where, bool late, struct qmp_error *err)
{
    const char *kind = text(step, "step");

    if (!json_is_object(step))
        return bad(err, where, "a step that is no object");
    if (!kind)
        return bad(err, where, "a step without a kind");
    if (check_members(step, kind, err))
        return -1;
    if (!same(kind, "qmp") && !same(kind, "job") && !same(kind, "migration"))
        return 0;
    if (same(kind, "job") && !text(json_object_get(step, "arguments"), "job-id"))
        return bad(err, kind, "it has no id");
    return check_command(step, kind, late || json_object_get(step, "again"), err);
}

static int check_kinds(const json_t *steps, const char *where, bool late, struct qmp_error *err)
{
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step)
        if (check_kind(step, where, late, err))
            return -1;
    return 0;
}

static int check_steps(const json_t *doc, const char *where, bool late, struct qmp_error *err)
{
    const json_t *steps = json_object_get(doc, where), *step;
    size_t i;

    if (!json_is_array(steps))
        return qmp_error_set(err, QRW_ERR_INVALID, "pending: no %s", where);
    if (check_kinds(steps, where, late, err))
        return -1;
    json_array_foreach(steps, i, step) {
        const json_t *undo = json_object_get(step, "undo");

        if (json_is_array(undo) ? check_kinds(undo, "undo", true, err)
                                : undo && check_command(undo, "undo", true, err))
            return -1;
    }
    return 0;
}

static int check_promise(const json_t *promise, struct qmp_error *err)
{
    const json_t *fact;
    size_t i;

    if (!json_is_array(promise))
        return qmp_error_set(err, QRW_ERR_INVALID, "pending: no promise");
    json_array_foreach(promise, i, fact)
        if (!text(fact, "job") && !text(fact, "saved") &&
            (!text(fact, "disk") || (!text(fact, "layer") && !text(fact, "tag"))))
            return bad(err, "promise", "it has no job, and no disk with a layer or a tag");
    return 0;
}

int plan_no_pending(const char *file, struct qmp_error *err)
{
    qmp_error_wrap(err, "%s", file);
    return qmp_error_hint(err, PLAN_GIVE_UP);
}

int plan_check(const json_t *doc, struct qmp_error *err)
{
    if (!text(doc, "operation") || !text(doc, "token"))
        return qmp_error_set(err, QRW_ERR_INVALID, "pending: no operation");
    if (check_steps(doc, "steps", false, err) || check_steps(doc, "cleanup", true, err))
        return -1;
    return check_promise(json_object_get(doc, "promise"), err);
}
