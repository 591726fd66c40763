/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A layer whose file was removed while QEMU has it open: what it holds goes with QEMU. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

TestSuite(qemu_lost, .timeout = 120);

/* base <- s1 <- s2, generations 1, 2, 3, and @file is gone. */
static struct lab *without(const char *file)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *path = lab_path(lab, file);

    write_generation(lab, 0, 1);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    does(lab, "create", "s2");
    write_generation(lab, 0, 3);
    cr_assert_eq(unlink(path), 0);
    return lab;
}

static void is_refused(struct lab *lab, const char *const *words, const char *file)
{
    json_auto_t *error = cases_run(lab, __LINE__, 1, words);

    says(error, "desc", file);
    says(error, "hint", "qrewind mirror vda FILE --pivot saves");
    holds(lab, 0, 3);
}

Test(qemu_lost, what_the_guest_has_is_not_left_and_can_be_saved)
{
    struct lab *lab = without("vda.s2.qcow2");
    auto_free char *saved = lab_path(lab, "saved.qcow2");

    is_refused(lab, WORDS("revert", "s1"), "vda.s2.qcow2 is not there any more");
    is_refused(lab, WORDS("revert", "s2"), "vda.s2.qcow2 is not there any more");
    is_refused(lab, WORDS("revert", "s2", "--keep", "was"), "vda.s2.qcow2 is not there any more");
    is_refused(lab, WORDS("create", "s3"), "vda.s2.qcow2 is not there any more");
    is_refused(lab, WORDS("create", "i1", "--internal"), "vda.s2.qcow2 is not there any more");

    json_auto_t *doc = tells(lab, "mirror", "vda", saved, "--pivot");
    cr_expect_eq(json_array_size(at(doc, "removed")), 0); /* it was gone before */
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    does(lab, "undo");
    holds(lab, 0, 3);
    turn_off(lab);
    image_holds(lab, "saved.qcow2", "qcow2", 3);
    lab_stop(lab);
}

Test(qemu_lost, it_counts_in_the_middle_too_where_it_would_be_closed)
{
    struct lab *lab = without("vda.s1.qcow2");
    auto_free char *saved = lab_path(lab, "saved.qcow2");

    is_refused(lab, WORDS("revert", "s1"), "vda.s1.qcow2 is not there any more");
    does(lab, "create", "s3");
    does(lab, "mirror", "vda", saved, "--pivot");
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    does(lab, "undo");
    holds(lab, 0, 3);
    lab_stop(lab);
}

Test(qemu_lost, who_says_so_gives_it_up)
{
    struct lab *lab = without("vda.s2.qcow2");

    does(lab, "revert", "s2", "--discard");
    holds(lab, 0, 2);
    turn_off(lab);
    lab_stop(lab);
}
