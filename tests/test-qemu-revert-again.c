/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-revert-again: revert to where the disks are already. What was before is kept. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(revert_again, .init = offline_enter, .fini = offline_leave, .timeout = 120);

static const char stays[] = "nothing was written since the last revert: the undo point of ";
static const char goes[] = " goes, for what there is now";

static void reads(int pattern)
{
    auto_free char *active = offline_active("-i base.qcow2", 0);

    offline_reads(active, pattern, "0", "1M");
}

static void writes(int pattern)
{
    auto_free char *active = offline_active("-i base.qcow2", 0);

    offline_write(active, pattern, "0", "1M");
}

/* QEMU 5.2 goes back to no disks alone inside of an image. */
static void skip_if_old(void)
{
    auto_result struct lab_result r = offline_run("qrewind -i base.qcow2 -n revert s1");

    if (r.status == 7) {
        offline_leave();
        cr_skip_test("%s", r.err);
    }
}

/* s1 holds 1, the disk shows 2. */
static void begin(const char *how)
{
    offline_image("base.qcow2", "16M", NULL);
    writes(1);
    offline_ok("qrewind -i base.qcow2 create s1%s", how);
    writes(2);
    skip_if_old();
}

static void is_kept(const char *how)
{
    begin(how);
    offline_ok("qrewind -i base.qcow2 revert s1");
    offline_fails(0, stays, "qrewind -i base.qcow2 -n revert s1");
    offline_fails(0, stays, "qrewind -i base.qcow2 revert s1");
    reads(1);
    offline_ok("qrewind -i base.qcow2 undo");
    reads(2);
}

Test(revert_again, nothing_written_the_undo_point_stays)
{
    is_kept("");
}

Test(revert_again, inside_the_image_too)
{
    is_kept(" --internal");
}

static void is_replaced(const char *how)
{
    begin(how);
    offline_ok("qrewind -i base.qcow2 revert s1");
    writes(3);
    offline_fails(0, goes, "qrewind -i base.qcow2 revert s1");
    reads(1);
    offline_ok("qrewind -i base.qcow2 undo");
    reads(3);
}

Test(revert_again, what_was_written_since_is_the_undo_point)
{
    is_replaced("");
}

Test(revert_again, inside_the_image_that_is_one_too)
{
    is_replaced(" --internal");
}

Test(revert_again, of_another_size_it_goes_back)
{
    begin("");
    offline_ok("qrewind -i base.qcow2 revert s1");
    auto_free char *active = offline_active("-i base.qcow2", 0);
    offline_ok("qemu-img resize -q %s 32M", active);
    offline_fails(0, goes, "qrewind -i base.qcow2 revert s1");
}

/* Whether the guest has written only it knows. */
Test(revert_again, of_a_vm_that_is_what_everybody_expects)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    auto_result struct lab_result first = lab_run(lab, "revert", "s1", NULL);
    cr_expect(first.status == 0 && !strstr(first.err, goes), "%s", first.err);
    auto_result struct lab_result again = lab_run(lab, "revert", "s1", NULL);
    cr_expect(again.status == 0 && !strstr(again.err, goes), "%s", again.err);
    lab_stop(lab);
}
