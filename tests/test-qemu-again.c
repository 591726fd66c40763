/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Killed at whatever it changes, and told again: what the interrupted command has done, and the one
 * that was told again has ended for it, is no failure.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/faults/fault.h"

/* One of so many calls is tried. */
enum { MAX_CALLS = 200, STEP = 3 };

static struct lab *begin(void)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});

    write_generation(lab, 0, 1);
    write_generation(lab, 1, 1);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    write_generation(lab, 1, 2);
    does(lab, "create", "s2");
    return lab;
}

/* Did the first one get to its end, but for the words? Then the second one is a new one. */
static bool is_over(struct lab *lab, const char *name, bool there)
{
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");
    const json_t *s;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(doc, "snapshots"), i, s)
        found |= !strcmp(text(s, "name"), name);
    return found == there && !json_is_object(json_object_get(doc, "pending")) &&
           !json_object_get(doc, "deleting") && !json_object_get(doc, "creating");
}

/* How often what the first one had done was ended by the second. */
static int every_call(const char *words, const char *name, bool there, const char *note)
{
    int ended = 0;

    for (int at = 1; at < MAX_CALLS; at += STEP) {
        const struct fault f = {.what = "killed", .at = at, .set = "change"};
        struct lab *lab = begin();
        auto_result struct lab_result r = fault_run(lab, &f, words);
        const bool hit = fault_hit(lab, &f, &r), over = is_over(lab, name, there);
        auto_result struct lab_result again = fault_settled(lab, words); /* of its job, too */

        if (hit && !over) {
            cr_expect_eq(again.status, 0, "%s, killed after call %d: %d: %s%s", words, at,
                         again.status, again.out, again.err);
            ended += strstr(again.out, note) != NULL;
        }
        cr_expect(is_over(lab, name, there), "%s, killed after call %d: %s", words, at, again.out);
        does(lab, "check");
        holds(lab, 0, 2);
        holds(lab, 1, 2);
        turn_off(lab);
        lab_stop(lab);
        if (!hit)
            return ended;
    }
    cr_assert_fail("%s: it never ends", words);
    return 0;
}

Test(again, delete_that_was_killed_in_its_merges_ends_them)
{
    cr_expect_gt(every_call("delete s1", "s1", false, "an earlier command has deleted that"), 3);
}

Test(again, create_that_was_killed_before_its_record_has_taken_it)
{
    cr_expect_gt(every_call("create s3", "s3", true, "s3 was taken by the interrupted command"), 0);
}

/* In the one, between, and in the other, with its merges. */
Test(again, create_that_is_to_prune_goes_on_to_that)
{
    cr_expect_gt(every_call("create s3 --max-depth 2", "s3", true,
                            "s3 was taken by the interrupted command"),
                 3);
}

/* Only of what was interrupted. */
Test(again, what_has_ended_is_gone)
{
    struct lab *lab = begin();

    does(lab, "delete", "s1");
    json_decref(refuses(lab, 3, "delete", "s1"));
    json_decref(refuses(lab, 1, "create", "s2"));
    for (int i = 0; i < 2; i++) { /* something is pruned, and nothing */
        does(lab, "create", i ? "s4" : "s3", "--max-depth", i ? "9" : "2");
        json_decref(refuses(lab, 1, "create", i ? "s4" : "s3", "--max-depth", i ? "9" : "2"));
    }
    lab_stop(lab);
}

/* What somebody does in between is not told again: then it is another one. */
Test(again, what_something_else_came_after_is_not_told_again)
{
    static const char words[] = "create s3 --max-depth 2";
    bool marked = false;

    for (int at = 1; at < MAX_CALLS && !marked; at++) {
        const struct fault f = {.what = "killed", .at = at, .set = "change"};
        struct lab *lab = begin();
        auto_result struct lab_result r = fault_run(lab, &f, words);
        json_auto_t *doc = sidecar_of(lab, "vda.qcow2");

        marked = json_object_get(doc, "creating") && json_is_null(json_object_get(doc, "pending"));
        if (marked) {
            json_decref(refuses(lab, 1, "create", "s3"));
            does(lab, "create", "s4");
            json_decref(refuses(lab, 1, "create", "s3", "--max-depth", "2"));
        }
        lab_stop(lab);
    }
    cr_expect(marked);
}

/* It is not as if nothing had been: the first half is. */
Test(again, create_of_which_pruning_fails_can_be_told_again)
{
    static const char words[] = "create s3 --max-depth 2";
    struct lab *other = begin();
    int at = fault_count(other, "change", words);
    bool failed = false;

    lab_stop(other);
    for (; at > 1 && !failed; at--) {
        const struct fault f = {.what = "EIO", .at = at, .set = "change"};
        struct lab *lab = begin();
        auto_result struct lab_result r = fault_run(lab, &f, words);
        json_auto_t *doc = json_loads(r.out, 0, NULL);

        failed = r.status == 1 && strstr(r.out, "the snapshot is taken; prune");
        if (failed) {
            says(doc, "error.hint", "the same again goes on with that");
            does(lab, "create", "s3", "--max-depth", "2");
        }
        lab_stop(lab);
    }
    cr_expect(failed);
}

/* What would have been is told of what is undone no more. */
Test(again, an_undone_operation_is_not_told_of)
{
    bool undone = false;

    for (int at = 2; at < MAX_CALLS && !undone; at++) {
        const struct fault f = {.what = "killed", .at = at, .set = "change"};
        struct lab *lab = begin();
        does(lab, "qmp", "stop");
        auto_result struct lab_result r = fault_run(lab, &f, "create s3 --memory=live");
        auto_result struct lab_result repair = fault_free(lab, "repair");

        undone = strstr(repair.out, "\"undone\"");
        cr_expect(!undone || !strstr(repair.out, "stands still"), "%s", repair.out);
        lab_stop(lab);
    }
    cr_expect(undone);
}
