/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk fills up in the middle of an operation, for good: what was begun is undone, and that
 * cannot be noted. The exit code is 5 then, because `pending` stands, the words say so, and repair
 * settles it.
 */
#include <criterion/criterion.h>
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

/* It must be undone without a note for some of the calls that need room on the disk. */
static void fills_up_somewhere(const struct row *row)
{
    struct machine m;
    char *why;
    bool unnoted = false;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    auto_free char *before = picture(&m, true, &why);
    cr_assert(!why, "%s", why);
    auto_free char *calls = fault_calls(m.lab, "change", words);
    char *rest = calls;
    machine_stop(&m);
    for (int at = 1; *rest; at++) {
        const char *call = strsep(&rest, " ");

        if (!strcmp(call, "create") || !strcmp(call, "pwrite"))
            unnoted |= fills_up(row, at, before);
    }
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
