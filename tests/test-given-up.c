/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an operation that is taken back was to drop, and had removed in part: dropped all the same.
 */
#include "snapshot/given-up.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/operation.h"

#define DROPPED " is dropped, as it was to be: a part of it, in /vm/%s, was removed already"

/* clang-format off */
static const struct {
    const char *title, *picture, *command, *gone, *left, *rest, *what, *where;
} rows[] = {
    {"nothing is gone",
     "disk0: base* <- a* <- b; + a <- old~", "revert s1", "", NULL, NULL, NULL, NULL},
    {"a file is gone that the operation does not remove",
     "disk0: base* <- a* <- b; + a <- old~", "revert s1", "b", NULL, NULL, NULL, NULL},
    {"the older undo point",
     "disk0: base* <- a* <- b; + a <- old~", "revert s1", "old",
     "disk0: base*s1 <- a*s2 <- b", "unlink old", "the undo point", "old.qcow2"},
    {"of its layers the lower one is yet there",
     "disk0: base* <- a; + base <- x <- old~", "revert s1 --discard", "old",
     "disk0: base*s1 <- a", "unlink old, unlink x", "the undo point", "old.qcow2"},
    {"a tag that was the older undo point",
     "disk0: base* <- a^qrw-undo-1; inside qrw-undo-1", "revert s1", "a^qrw-undo-1",
     "disk0: base*s1 <- a", "untag a^qrw-undo-1", "the undo point", "a.qcow2"},
    {"the file of a snapshot in another branch",
     "disk0: base* <- a; + base <- x*s2; + base <- y*s3", "delete s2 s3", "x",
     "disk0: base*s1 <- a; + base*s1 <- y*s3", "unlink x", "snapshot s2", "x.qcow2"},
};
/* clang-format on */

static bool is_gone(const char *file, const char *tag, const void *arg)
{
    auto_free char *what = tag ? mem_printf("%s^%s", file, tag) : mem_strdup(file);
    auto_free char *name = picture_short("/vm", what);

    return !strcmp(name, arg);
}

/* "unlink a, untag b^t" */
static char *draw_rest(const struct plan *p)
{
    char *all = mem_strdup("");
    const json_t *step;
    size_t i;

    json_array_foreach(p->cleanup, i, step) {
        auto_free char *before = all;
        const char *tag = json_string_value(json_object_get(step, "tag"));

        all = mem_printf("%s%s%s %s%s%s", before, i ? ", " : "",
                         json_string_value(json_object_get(step, "step")),
                         json_string_value(json_object_get(step, "file")), tag ? "^" : "",
                         tag ? tag : "");
    }
    auto_free char *whole = all;
    return picture_short("/vm", whole);
}

Test(given_up, what_was_to_go_and_is_removed_in_part_is_dropped)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picture *p = picture_new(rows[i].picture);
        struct plan plan;
        char words[256];

        picture_plan_as(&plan, p, rows[i].command);
        json_auto_t *before = json_deep_copy(p->chain.doc);
        json_auto_t *cleanup = json_deep_copy(plan.cleanup);
        const json_t *notes = json_object_get(plan.result, "notes");
        const size_t told = json_array_size(notes);

        cr_expect_eq(given_up_drop(&p->chain, &plan, is_gone, rows[i].gone), rows[i].left != NULL,
                     "%s", rows[i].title);
        if (rows[i].left) {
            auto_free char *left = picture_draw(&p->chain), *rest = draw_rest(&plan);

            cr_expect_str_eq(left, rows[i].left, "%s: %s", rows[i].title, left);
            cr_expect_str_eq(rest, rows[i].rest, "%s: %s", rows[i].title, rest);
            snprintf(words, sizeof(words), "%s" DROPPED, rows[i].what, rows[i].where);
            cr_assert_eq(json_array_size(notes), told + 1);
            cr_expect_str_eq(json_string_value(json_array_get(notes, told)), words);
        } else {
            cr_expect(json_equal(before, p->chain.doc), "%s", rows[i].title);
            cr_expect(json_equal(cleanup, plan.cleanup), "%s", rows[i].title);
        }
        plan_done(&plan);
        picture_free(p);
    }
}
