/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the sidecar lies when images were renamed, and what a VM is to be started on. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_place, .init = offline_enter, .fini = offline_leave, .timeout = 120);

static void tower_of_images(void)
{
    offline_image("a.qcow2", "16M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_write("a.s2.qcow2", 7, "0", "64k");
}

Test(qemu_place, offline_it_is_said_what_to_start_the_vm_on)
{
    offline_image("a.qcow2", "16M", NULL);
    auto_result struct lab_result create = offline_run("qrewind -i a.qcow2 create s1");
    cr_expect(strstr(create.err, "/a.s1.qcow2 now: start QEMU with that, no more with a.qcow2"),
              "%s", create.err);
    auto_result struct lab_result dry = offline_run("qrewind -i a.qcow2 create -n s2");
    cr_expect(!strstr(dry.err, "start QEMU"), "%s", dry.err);
    auto_result struct lab_result edit = offline_run("qrewind -i a.qcow2 edit s1 --pin");
    cr_expect_str_empty(edit.err);
    auto_result struct lab_result revert = offline_run("qrewind -i a.qcow2 revert s1");
    cr_expect(
        strstr(revert.err, "/a.s1-2.qcow2 now: start QEMU with that, no more with a.s1.qcow2"),
        "%s", revert.err);
}

Test(qemu_place, the_sidecar_does_not_leave_its_image_for_a_name_that_is_gone)
{
    tower_of_images();
    cr_assert_eq(rename("a.s2.qcow2", "b.qcow2"), 0);
    offline_ok("qrewind -i a.qcow2 repair --yes");
    cr_expect(!access("a.qcow2.qrewind.json", F_OK) && access("a.s2.qcow2.qrewind.json", F_OK));
    auto_result struct lab_result list = offline_run("qrewind -i b.qcow2 list");
    cr_expect(strstr(list.out, "s2"), "%s%s", list.out, list.err);
}

/* A second record would know nothing of s1 and s2. */
Test(qemu_place, the_active_image_by_its_new_name_leads_to_the_sidecar)
{
    tower_of_images();
    cr_assert_eq(rename("a.s2.qcow2", "b.qcow2"), 0);
    auto_result struct lab_result refused = offline_run("qrewind -i b.qcow2 create s3");
    cr_expect_eq(refused.status, 1);
    cr_expect(strstr(refused.err, "it knows a.s2.qcow2, which is not there"), "%s", refused.err);
    const char *hint = strstr(refused.err, "qrewind --sidecar ");
    cr_assert(hint, "%s", refused.err);
    auto_free char *command = mem_printf("%.*s --yes", (int)strcspn(hint, "\n"), hint);
    offline_ok(command);
    offline_ok("qrewind -i b.qcow2 create s3");
    offline_ok("qrewind -i a.qcow2 check");
}
