/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that edit makes: tests/scene/operation.h tells how to read a row, and what is
 * checked of each without being said. A picture shows names, so the rest is looked at.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    {"another name, for everything that names it",
     "disk0: base* <- a* <- b", "edit s2 --name new",
     "disk0: base*s1 <- a*new <- b"},
    {"its own name",
     "disk0: base* <- a", "edit s1 --name s1",
     "disk0: base*s1 <- a"},
    {"an internal one keeps its tag",
     "disk0: a^t1; inside t1", "edit t1 --name new",
     "disk0: a; inside new as t1: disk0"},
};

static const struct picture_case refusals[] = {
    {"no such snapshot", "disk0: base* <- a", "edit s9 --pin",
     "not-found: no snapshot 's9' (qrewind list shows the names)"},
    {"one that lies in the image alone has no record",
     "disk0: base*^t1 <- a^t2", "edit t2 --pin",
     "refused: 't2' was not made by qrewind: there is no record of it to change"},
    {"a name that another has", "disk0: base* <- a* <- b", "edit s1 --name s2",
     "refused: there is a snapshot 's2' already"},
    {"no name", "disk0: base* <- a", "edit s1 --name a/b",
     "refused: a snapshot's name has no '/' and no control characters"},
    {"nothing", "disk0: base* <- a", "edit s1",
     "usage: nothing to change: --name, --description, --pin or --unpin"},
    {"both", "disk0: base* <- a", "edit s1 --pin --unpin",
     "usage: --pin and --unpin exclude each other"},
};
/* clang-format on */

Test(edit, changes_the_record_alone)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(edit, refuses_what_makes_no_sense)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

Test(edit, pins_unpins_and_describes)
{
    static const struct {
        const char *command, *key;
        bool expected;
    } cases[] = {{"edit s1 --pin", "pinned", true}, {"edit s1 --unpin", "pinned", false}};
    struct picture *p = picture_new("disk0: base* <- a");
    struct plan plan;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        picture_plan_as(&plan, p, cases[i].command);
        const json_t *s = chain_snapshot(&plan.after, "s1");
        cr_expect_eq(json_is_true(json_object_get(s, cases[i].key)), cases[i].expected);
        plan_done(&plan);
    }
    picture_plan_as(&plan, p, "edit s1 --description why");
    const json_t *s = chain_snapshot(&plan.after, "s1");
    cr_expect_str_eq(json_string_value(json_object_get(s, "description")), "why");
    plan_done(&plan);
    picture_free(p);
}
