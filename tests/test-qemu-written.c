/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-written: what somebody has written to a frozen layer does not go with it unasked. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(written, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define Q "qrewind -i base.qcow2 "

static const char grown[] = "it has grown since it was frozen: was a VM started on it?";

/* The disk was gone back to s1, and then the VM was started on base.s2.qcow2 again. */
static void begin(void)
{
    offline_tower();
    offline_ok(Q "revert s1");
    offline_write("base.s2.qcow2", 9, "1M", "1M");
}

Test(written, an_undo_point_that_is_one_no_more_stays)
{
    begin();
    offline_fails(1, grown, Q "revert s2");
    offline_fails(1, "qrewind undo goes back to it", Q "delete --undo");
    offline_fails(1, grown, Q "-n revert s2");
    offline_reads("base.s2.qcow2", 9, "1M", "1M");
}

Test(written, and_can_be_gone_back_to)
{
    begin();
    offline_ok(Q "undo");
    offline_reads("base.s2.qcow2", 9, "1M", "1M");
    offline_ok(Q "revert s2");
    offline_reads("base.s2.qcow2", 9, "1M", "1M");
}

Test(written, unless_it_is_taken_as_it_is)
{
    begin();
    offline_ok(Q "repair --yes");
    offline_ok(Q "delete --undo");
    offline_files("base.qcow2 base.qcow2.qrewind.json base.s1-2.qcow2 base.s1.qcow2");
}

Test(written, or_forgotten_with_the_file_left)
{
    begin();
    offline_ok(Q "delete --undo --metadata");
    offline_ok(Q "revert s2");
    offline_reads("base.s2.qcow2", 9, "1M", "1M");
}

/* A snapshot is not of what is in there, which nobody is to find out later. */
Test(written, create_says_so_of_an_undo_point)
{
    offline_tower();
    offline_ok(Q "revert s1");
    offline_sh(Q "create s3 2>said; ! grep 'undo point' said; " Q "delete s3");
    offline_write("base.s2.qcow2", 9, "1M", "1M");
    offline_sh(Q
               "create s3 2>said; grep 'undo point is in .*/base.s2.qcow2, and it has grown' said; "
               "rm said; " Q "undo");
    offline_reads("base.s2.qcow2", 9, "1M", "1M");
}

Test(written, and_so_it_does_while_a_vm_runs)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *undo = lab_path(lab, "vda.s1.qcow2");
    static const char *const names[] = {"s2", "s3"};

    does(lab, "create", "s1");
    does(lab, "revert", "s1");
    for (int i = 0; i < 2; i++) {
        auto_result struct lab_result r = lab_run(lab, "create", names[i], NULL);

        cr_expect_eq(r.status, 0, "%s", r.err);
        cr_expect_eq(strstr(r.err, "the undo point is in") != NULL, i == 1, "%s", r.err);
        if (!i)
            offline_write(undo, 9, "1M", "1M");
    }
    lab_stop(lab);
}

Test(written, the_end_of_a_branch_too)
{
    offline_tower();
    offline_ok(Q "revert s1 --keep was");
    offline_write("base.s2.qcow2", 9, "1M", "1M");
    offline_fails(1, grown, Q "delete was");
    offline_reads("base.s2.qcow2", 9, "1M", "1M");
}

/* Nobody knows whether that was meant: whoever gets what lies on it is told. */
Test(written, what_lies_on_a_layer_that_was_written_to)
{
    offline_tower();
    offline_sh(Q "export s2 before 2>said && ! grep frozen said");
    offline_write("base.qcow2", 9, "64k", "64k");
    offline_sh(Q "export s2 after 2>said && grep 'base.qcow2: it has grown since it was frozen' "
                 "said");
    offline_sh(Q "revert s1 2>said && grep 'it has grown since it was frozen' said");
    offline_sh(Q "undo 2>said && grep 'it has grown since it was frozen' said");
    offline_ok(Q "repair --yes");
    offline_sh(Q "revert s1 2>said && ! grep frozen said");
}
