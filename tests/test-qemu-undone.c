/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk fills up in the middle of an operation, for good: what was begun is undone, and that
 * cannot be noted. The exit code is 5 then, because `pending` stands, the words say so, and repair
 * settles it.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/faults/fault.h"
#include "tests/faults/picture.h"

static bool is_pending(const struct machine *m)
{
    json_auto_t *doc = picture_sidecar(m);

    return json_is_object(json_object_get(doc, "pending"));
}

/* What repair has made of it must be what the words said. */
static bool is_undone(struct machine *m, const struct lab_result *r)
{
    json_auto_t *doc = json_loads(r->out, 0, NULL), *repaired = tells(m->lab, "repair");
    const bool undone = !strcmp(text(repaired, "settled"), "undone");

    says(doc, "error.hint", "repair settles it");
    says(doc, "error.context", undone ? "it is undone" : "it is done");
    return undone;
}

/* From the call @at on nothing new fits on the disk. Was it undone, and not noted? */
static bool fills_up(const struct row *row, int at, const char *before)
{
    const struct fault f = {.what = "ENOSPC", .at = at, .set = "change", .stays = true};
    bool undone = false;
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    auto_result struct lab_result r = fault_run(m.lab, &f, words);
    cr_expect_eq(is_pending(&m), r.status == 5, "exit %d: %s%s", r.status, r.out, r.err);
    if (r.status == 5)
        undone = is_undone(&m, &r);
    if (r.status == 1 || undone) {
        auto_free char *why = NULL;
        auto_free char *after = picture(&m, true, &why);

        cr_expect(!why, "call %d: %s", at, why);
        cr_expect_str_eq(after, before);
    }
    machine_stop(&m);
    return undone;
}

/* The calls that need room on the disk, of which the shim tells in @log: bits. */
static uint64_t calls_for_room(const char *log)
{
    FILE *lines = fopen(log, "re");
    uint64_t calls = 0;
    char name[16];

    cr_assert(lines, "%s", log);
    for (int n; fscanf(lines, "%d %15s%*[^\n]", &n, name) == 2;)
        if (n < 64 && (!strcmp(name, "create") || !strcmp(name, "pwrite")))
            calls |= UINT64_C(1) << n;
    fclose(lines);
    return calls;
}

/* It must be undone without a note for some of the calls. */
static void fills_up_somewhere(const struct row *row)
{
    struct machine m;
    char *why;
    bool unnoted = false;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m), *log = lab_path(m.lab, "calls");
    auto_free char *before = picture(&m, true, &why);
    const struct fault look = {.set = "change", .log = log};
    auto_result struct lab_result r = fault_run(m.lab, &look, words);
    cr_assert(!why && !r.status, "%s: %s%s", words, r.out, r.err);
    uint64_t calls = calls_for_room(log);
    machine_stop(&m);
    for (int at = 1; at < 64; at++)
        if (calls >> at & 1)
            unnoted |= fills_up(row, at, before);
    cr_expect(unnoted, "%s: was never undone without a note", row->title);
}

Test(undone, what_cannot_be_noted_is_settled_by_repair)
{
    static const struct row cases[] = {
        {"create", 1, true, false, "w1; create s1; w2", "create s2"},
        {"revert", 1, true, false, "w1; create s1; w2", "revert s1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        fills_up_somewhere(&cases[i]);
}
