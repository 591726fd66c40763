/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that prune makes: tests/scene/operation.h tells how to read a row, and what is
 * checked of each without being said. Which times the rules keep is in test-qemu-prune.c;
 * snapshots of a picture are all of one hour.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    {"the newest stay, and each says why",
     "disk0: base* <- a* <- b* <- c", "prune --keep-last 2",
     "keep s3: last, keep s2: last | disk0: base <- a*s2 <- b*s3 <- c"},
    {"none has to go",
     "disk0: base* <- a* <- b", "prune --keep-last 5",
     "keep s2: last, keep s1: last | disk0: base*s1 <- a*s2 <- b"},
    {"one of an hour is one of a day, a week, a month and a year",
     "disk0: base* <- a* <- b", "prune --keep-yearly 9",
     "keep s2: yearly | disk0: base <- a*s2 <- b"},
    {"branches too, and the files that nobody needs then",
     "disk0: base* <- a; + base <- old*", "prune --keep-last 1",
     "keep s2: last | disk0: base <- a; + base <- old*s2"},
    {"internal ones count like the others",
     "disk0: base* <- a^t1; inside t1", "prune --keep-last 1",
     "keep t1: last, 'base stays as long as the internal snapshot t1, which needs it' | disk0: base "
     "<- a; inside t1: disk0"},
    {"the deepest chain decides, and the oldest go",
     "disk0: base* <- a* <- b* <- c; disk1: x", "prune --max-depth 2",
     "keep s3: within the depth | disk0: base <- a <- b*s3 <- c; disk1: x"},
    {"what was there before cannot be merged away",
     "disk0: old <- base* <- a", "prune --max-depth 1",
     "'the chain stays 2 layers deep: the rest is pinned or was there before' | disk0: old <- "
     "base <- a"},
    {"branches do not make a chain deeper",
     "disk0: base* <- a; + base <- b* <- c* <- d*", "prune --max-depth 2",
     "keep s1: within the depth, keep s2: within the depth, keep s3: within the depth, "
     "keep s4: within the depth | disk0: base*s1 <- a; + base*s1 <- b*s2 <- c*s3 <- d*s4"},
    {"nor do internal ones",
     "disk0: old <- base <- a^t1; inside t1", "prune --max-depth 1",
     "keep t1: makes no chain deeper, 'the chain stays 3 layers deep: the rest is pinned or was "
     "there before' | disk0: old <- base <- a; inside t1: disk0"},
    {"both rules",
     "disk0: base* <- a* <- b* <- c", "prune --keep-last 2 --max-depth 2",
     "keep s3: last | disk0: base <- a <- b*s3 <- c"},
};

static const struct picture_case refusals[] = {
    {"no rule", "disk0: base* <- a", "prune",
     "usage: prune needs a rule, or it would delete everything (for example: --keep-last 3 "
     "--keep-daily 7)"},
    {"another active layer than recorded",
     "disk0[active=old]: base* <- new(unknown); + base <- old", "prune --keep-last 1",
     "refused: disk disk0 runs on new, the sidecar says old (start the VM with old, or remove the "
     "sidecar if it is of another VM)"},
};
/* clang-format on */

Test(prune, drops_what_no_rule_keeps)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(prune, refuses_what_it_cannot_do)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}
