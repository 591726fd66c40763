/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that delete makes: tests/scene/operation.h tells how to read a row, and what is
 * checked of each without being said.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    {"the newest: the active layer and its base are one until the merge",
     "disk0: base* <- a", "delete s1",
     "disk0: base <- a"},
    {"a layer with one child is left to be merged",
     "disk0: base* <- a* <- b", "delete s2",
     "disk0: base*s1 <- a <- b"},
    {"a leaf of another branch goes, and its layer",
     "disk0: base* <- a; + base <- old*", "delete s2",
     "unlink old | disk0: base*s1 <- a"},
    {"a layer that two build on stays without a name",
     "disk0: base* <- a; + base <- old*", "delete s1",
     "disk0: base <- a; + base <- old*s2"},
    {"one of two snapshots of one layer",
     "disk0: base*one*two <- a", "delete one",
     "disk0: base*two <- a"},
    {"what an internal snapshot sees stays",
     "disk0: base* <- a^t1; inside t1", "delete s1",
     "'base stays as long as the internal snapshot t1, which needs it' | disk0: base <- a; inside "
     "t1: disk0"},
    {"of several disks",
     "disk0: base*s1 <- a; disk1: x*s1 <- y", "delete s1",
     "disk0: base <- a; disk1: x <- y"},
    {"several at once",
     "disk0: base* <- a* <- b* <- c", "delete s1 s3",
     "disk0: base <- a*s2 <- b <- c"},
    {"the undo point's layer stays",
     "disk0: base* <- a; + base <- old*~", "delete s2",
     "disk0: base*s1 <- a; + base*s1 <- old~"},
    {"the undo point, and its layer",
     "disk0: base* <- a; + base <- old~", "delete --undo",
     "unlink old | disk0: base*s1 <- a"},
    {"a snapshot and the undo point at once",
     "disk0: base* <- a; + base <- old*~", "delete s2 --undo",
     "unlink old | disk0: base*s1 <- a"},
    {"what the user made is not removed",
     "disk0: base* <- a; + base <- old*(theirs)", "delete s2",
     "keep old: not made by qrewind | disk0: base*s1 <- a"},
    {"the record only",
     "disk0: base* <- a; + base <- old*", "delete s2 --metadata",
     "keep old: asked for | disk0: base*s1 <- a"},
};

static const struct picture_case refusals[] = {
    {"no such snapshot",
     "disk0: base* <- a", "delete s9",
     "not-found: no snapshot 's9' (qrewind list shows the names)"},
    {"one of them is not there, and none is deleted",
     "disk0: base* <- a", "delete s1 s9",
     "not-found: no snapshot 's9' (qrewind list shows the names)"},
    {"there is no undo point",
     "disk0: base* <- a", "delete --undo",
     "not-found: there is no undo point"},
    {"nothing to delete",
     "disk0: base* <- a", "delete",
     "usage: which snapshot? NAME, or --undo"},
    {"an active layer that the sidecar does not know as such",
     "disk0[active=old]: base* <- new(unknown); + base <- old", "delete s1",
     "refused: disk disk0 runs on new, the sidecar says old (start the VM with old, or remove the "
     "sidecar if it is of another VM)"},
};
/* clang-format on */

Test(delete, takes_the_pin_and_what_nothing_keeps_then)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(delete, refuses_what_it_cannot_do)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}
