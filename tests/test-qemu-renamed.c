/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that were renamed while the VM was off, and that it was started with then. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/cases/cases.h"
#include "tests/cases/cure.h"

TestSuite(qemu_renamed, .timeout = 120);

static const struct lab_options one = {.disks = 1};

static void expect_found(struct lab *lab, int line, const char *expected)
{
    int status = -1;
    json_auto_t *doc = lab_json(lab, &status, "check", NULL);
    char *found = findings_of(doc);

    cr_expect_eq(status, *expected ? 9 : 0, "line %d: %d", line, status);
    cr_expect_str_eq(found, expected, "line %d: '%s', not '%s'", line, found, expected);
    free(found);
}
#define finds(lab, expected) expect_found(lab, __LINE__, expected)

/* base <- s1 (s2) <- s2, off, after @commands in its folder. */
static struct lab *off_after(const char *commands)
{
    struct lab *lab = tower(&one, 2);

    turn_off(lab);
    auto_result struct lab_result r = lab_exec(lab->folder, WORDS("sh", "-ec", commands));
    cr_assert_eq(r.status, 0, "%s: %s%s", commands, r.out, r.err);
    return lab;
}

/* The header above it was told: what QEMU has there is no stranger, and its snapshot is kept. */
Test(qemu_renamed, a_layer)
{
    struct lab *old = off_after("mv vda.s1.qcow2 new.qcow2; qemu-img rebase -u -f qcow2 -F qcow2 "
                                "-b $PWD/new.qcow2 vda.s2.qcow2");
    struct lab *lab = start_again(old, WORDS("vda.s2.qcow2"));

    finds(lab, "moved-file vda.s1.qcow2");
    does(lab, "repair");
    finds(lab, "");
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    lab_stop(lab);
    lab_stop(old);
}

/* No image leads to the record then: the hint does, as it stands there. */
Test(qemu_renamed, the_active_one)
{
    struct lab *old = off_after("mv vda.s2.qcow2 new.qcow2");
    struct lab *lab = start_again(old, WORDS("new.qcow2"));

    json_auto_t *error = refuses(lab, 1, "create", "s3");
    cure_works(lab, text(error, "hint"), "qrewind --sidecar");
    finds(lab, "");
    does(lab, "create", "s3");
    holds(lab, 0, 3);
    lab_stop(lab);
    lab_stop(old);
}
