/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prune and edit: which snapshots go, why the others stay, and what is recorded of them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

static const struct lab_options one = {.disks = 1};

/* The names that are left, joined by a space. New string. */
static char *left(struct lab *lab)
{
    json_auto_t *list = tells(lab, "list");
    char *all = mem_strdup("");
    const json_t *s;
    size_t i;

    json_array_foreach(at(list, "snapshots"), i, s) {
        char *longer = mem_printf("%s%s%s", all, i ? " " : "", text(s, "name"));

        free(all);
        all = longer;
    }
    return all;
}

#define left_are(lab, expected)                                                                    \
    do {                                                                                           \
        auto_free char *left_ = left(lab);                                                         \
        cr_assert_str_eq(left_, expected);                                                         \
    } while (0)

/* Snapshots s1 … sN, as if one had been taken at each of the times. */
static struct lab *taken_at(const char *const *when)
{
    size_t n = 0;

    while (when[n])
        n++;
    struct lab *lab = tower(&one, (int)n);
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");
    auto_free char *file = lab_path(lab, "vda.qcow2.qrewind.json");
    for (size_t i = 0; i < n; i++)
        json_object_set_new(json_array_get(at(doc, "snapshots"), i), "created",
                            json_string(when[i]));
    cr_assert_eq(json_dump_file(doc, file, 0), 0);
    return lab;
}

static const char *const times[] = {
    "2026-01-05T10:00:00.000Z", "2026-02-03T10:00:00.000Z", "2026-02-04T09:00:00.000Z",
    "2026-02-04T10:10:00.000Z", "2026-02-04T10:50:00.000Z", NULL,
};

Test(prune, keeps_what_a_rule_keeps_and_merges_the_rest)
{
    static const struct {
        const char *words[7], *left;
    } cases[] = {
        {{"prune", "--keep-last", "2"}, "s4 s5"},
        {{"prune", "--keep-hourly", "2"}, "s3 s5"},
        {{"prune", "--keep-daily", "2"}, "s2 s5"},
        {{"prune", "--keep-monthly", "2"}, "s1 s5"},
        {{"prune", "--keep-yearly", "5"}, "s5"},
        {{"prune", "--keep-last", "1", "--keep-daily", "3"}, "s1 s2 s5"},
        {{"prune", "--keep-last", "9"}, "s1 s2 s3 s4 s5"},
        {{"prune", "--max-depth", "3"}, "s4 s5"},
        {{"prune", "--max-depth", "6"}, "s1 s2 s3 s4 s5"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab *lab = taken_at(times);

        json_decref(cases_run(lab, __LINE__, 0, cases[i].words));
        left_are(lab, cases[i].left);
        holds(lab, 0, 6);
        is_tidy(lab);
        turn_off(lab);
        lab_stop(lab);
    }
}

Test(prune, gives_a_reason_for_each_that_stays)
{
    struct lab *lab = taken_at(times);

    does(lab, "edit", "s1", "--pin");
    json_auto_t *doc = tells(lab, "prune", "--keep-last", "1", "--keep-daily", "2");
    left_are(lab, "s1 s2 s5");
    says(doc, "kept.0.name", "s5");
    says(doc, "kept.0.why", "last");
    says(doc, "kept.1.name", "s2");
    says(doc, "kept.1.why", "daily");
    says(doc, "kept.2.name", "s1");
    says(doc, "kept.2.why", "pinned");
    lab_stop(lab);
}

Test(prune, a_dry_run_tells_what_would_go)
{
    struct lab *lab = tower(&one, 3);
    auto_free char *state = state_of(lab);
    json_auto_t *doc = tells(lab, "prune", "--keep-last", "1", "--dry-run");

    cr_expect(mentions(at(doc, "deleted"), "s1"));
    cr_expect(mentions(at(doc, "deleted"), "s2"));
    says(doc, "kept.0.name", "s3");
    unchanged(lab, state);
    lab_stop(lab);
}

Test(prune, never_a_pinned_one_however_deep)
{
    struct lab *lab = tower(&one, 4);

    does(lab, "edit", "s1", "--pin");
    does(lab, "edit", "s2", "--pin");
    json_auto_t *doc = tells(lab, "prune", "--max-depth", "2");
    left_are(lab, "s1 s2");
    says(doc, "notes.0", "stays 3 layers deep");
    cr_expect_eq(json_array_size(at(doc, "kept")), 2);
    says(doc, "kept.1.name", "s2");
    says(doc, "kept.1.why", "pinned");
    /* nor the one that is just being taken */
    json_auto_t *more = tells(lab, "create", "s5", "--max-depth", "2");
    says(more, "notes.0", "stays 4 layers deep");
    cr_expect_eq(json_array_size(at(more, "deleted")), 0);
    says(more, "kept.2.name", "s5");
    says(more, "kept.2.why", "just taken");
    left_are(lab, "s1 s2 s5");
    lab_stop(lab);
}

Test(prune, a_dry_run_of_what_makes_a_chain_too_deep_names_whom_that_costs)
{
    struct lab *lab = tower(&one, 4);
    json_auto_t *would = tells(lab, "--dry-run", "create", "s5", "--max-depth", "3");
    json_auto_t *did = tells(lab, "create", "s5", "--max-depth", "3");

    cr_expect(json_array_size(at(did, "deleted")) > 0);
    cr_expect(json_equal(at(would, "deleted"), at(did, "deleted")));
    says(would, "notes.0", "then pruned, so that no chain is deeper than 3");
    lab_stop(lab);
}

Test(prune, snapshots_on_other_branches_too)
{
    struct lab *lab = tower(&one, 2);

    does(lab, "revert", "s1", "--keep", "old");
    does(lab, "create", "new");
    does(lab, "prune", "--keep-last", "1");
    left_are(lab, "new");
    holds(lab, 0, 1);
    is_tidy(lab);
    lab_stop(lab);
}

/* ---- edit ---- */

Test(edit, a_name_changes_wherever_it_stands)
{
    struct lab *lab = tower(&one, 2);

    does(lab, "edit", "s1", "--name", "first", "--description", "as it came");
    does(lab, "edit", "s2", "--name", "now");
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.0.name", "first");
    says(list, "snapshots.0.description", "as it came");
    says(list, "snapshots.1.parent", "first");
    says(list, "current", "now");
    does(lab, "revert", "first");
    holds(lab, 0, 1);
    does(lab, "edit", "now", "--name", "again");
    does(lab, "undo");
    json_auto_t *current = tells(lab, "current");
    says(current, "current", "again");
    holds(lab, 0, 3);
    lab_stop(lab);
}

Test(edit, a_dry_run_tells_what_would_be_recorded)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *state = state_of(lab);
    json_auto_t *doc = tells(lab, "-n", "edit", "s1", "--name", "x", "--pin", "--description", "d");
    json_auto_t *expected = json_pack("[{s:s, s:s, s:s, s:s, s:b}]", "step", "record", "snapshot",
                                      "s1", "name", "x", "description", "d", "pinned", 1);

    cr_expect(json_equal(at(doc, "plan"), expected));
    auto_result struct lab_result r = lab_run(lab, "-n", "edit", "s1", "--name", "x", NULL);
    cr_expect_str_eq(r.out, "record       s1  name=x\n");
    auto_result struct lab_result same = lab_run(lab, "-n", "edit", "s1", "--unpin", NULL);
    cr_expect_str_eq(same.err, "nothing to do\n");
    unchanged(lab, state);
    lab_stop(lab);
}

Test(edit, pins_and_unpins)
{
    struct lab *lab = tower(&one, 1);

    does(lab, "edit", "s1", "--pin");
    json_auto_t *pinned = tells(lab, "show", "s1");
    cr_expect(json_is_true(at(pinned, "snapshot.pinned")));
    does(lab, "edit", "s1", "--unpin");
    json_auto_t *free_again = tells(lab, "show", "s1");
    cr_expect(json_is_false(at(free_again, "snapshot.pinned")));
    lab_stop(lab);
}

Test(edit, touches_neither_images_nor_the_machine)
{
    struct lab *lab = tower(&one, 2);

    does(lab, "edit", "s1", "--name", "x");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    cr_expect(has_file(lab, "vda.s1.qcow2"));
    lab_stop(lab);
}
