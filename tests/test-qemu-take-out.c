/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot inside of an image shows something else since another tool has merged what lay between
 * it and its base: repair --yes drops the record, and takes it out of the images as well.
 *
 *     a.qcow2* <- a.n0.qcow2 [n2] * <- a.n5.qcow2        a.n0 goes down into a
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_take_out, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define TAKES_OUT "drop its record, and take it out of "

static void make_vm(void)
{
    offline_ok("qemu-img create -q -f qcow2 a.qcow2 16M");
    offline_write("a.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i a.qcow2 create n0");
    offline_write("a.n0.qcow2", 2, "1M", "64k");
    offline_ok("qrewind -i a.n0.qcow2 create n2 --internal");
    offline_write("a.n0.qcow2", 9, "0", "64k");
    offline_ok("qrewind -i a.n0.qcow2 create n5");
    offline_sh("qemu-img rebase -u -f qcow2 -F qcow2 -b a.qcow2 a.n5.qcow2;"
               "qemu-img commit -q -d a.n0.qcow2");
}

/* It is in no image, and comes back with none. */
static void is_gone(void)
{
    offline_sh("qemu-img snapshot -l a.n0.qcow2 | grep -c n2 | grep -qx 0");
    offline_ok("qrewind -i a.n5.qcow2 check");
    offline_ok("qrewind -i a.n5.qcow2 revert n5");
    offline_fails(3, "no snapshot", "qrewind -i a.n5.qcow2 show n2");
}

Test(qemu_take_out, offline)
{
    make_vm();
    json_auto_t *doc = offline_json(0, "qrewind -i a.n5.qcow2 -n repair --yes");
    auto_free char *plan = json_dumps(at(doc, "plan"), 0);
    cr_expect(strstr(plan, "a.n0.qcow2\", \"tag\": \"n2\""), "%s", plan);
    auto_result struct lab_result check = offline_run("qrewind -i a.n5.qcow2 check");
    cr_expect(strstr(check.out, TAKES_OUT "a.n0.qcow2"), "%s", check.out);
    offline_sh("qemu-img snapshot -l a.n0.qcow2 | grep -q n2");
    offline_ok("qrewind -i a.n5.qcow2 repair --yes");
    is_gone();
}

/* Killed after it was taken out, and before that was recorded. */
Test(qemu_take_out, a_second_time)
{
    make_vm();
    offline_ok("qemu-img snapshot -d n2 a.n0.qcow2");
    offline_ok("qrewind -i a.n5.qcow2 repair --yes");
    is_gone();
}

Test(qemu_take_out, what_lies_in_a_file_that_somebody_uses_is_named)
{
    make_vm();
    int fd = open("a.n0.qcow2", O_RDONLY | O_CLOEXEC);
    offline_fails(0, "'n2' stays inside of ", "qrewind -i a.n5.qcow2 repair --yes");
    close(fd);
    offline_ok("qemu-img snapshot -d n2 a.n0.qcow2");
    offline_ok("qrewind -i a.n5.qcow2 repair --yes");
    is_gone();
}

/* QEMU does not have it open any more of the one disk, and has it below what the other runs on. */
Test(qemu_take_out, of_two_disks_of_a_vm_that_runs)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});
    auto_free char *top = lab_path(lab, "vda.n0.qcow2"), *base = lab_path(lab, "vda.qcow2");

    for (int i = 0; i < 2; i++)
        write_generation(lab, i, 1);
    does(lab, "create", "n0");
    does(lab, "create", "n2", "--internal");
    for (int i = 0; i < 2; i++)
        write_generation(lab, i, 2);
    does(lab, "create", "n5");
    json_decref(lab_qmp(lab, "block-commit", "{s:s, s:s, s:s, s:s}", "job-id", "theirs", "device",
                        "vda", "top", top, "base", base));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
    auto_result struct lab_result check = lab_run(lab, "check", NULL);
    cr_expect(strstr(check.out, TAKES_OUT "vda.n0.qcow2, vdb.n0.qcow2"), "%s", check.out);
    auto_result struct lab_result repair = lab_run(lab, "repair", "--yes", NULL);
    cr_expect_eq(repair.status, 0, "%s%s", repair.out, repair.err);
    if (strstr(repair.err, "vdb.n0.qcow2, where")) { /* 5.2 opens no layer below for writing */
        lab_stop(lab);
        return;
    }
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
    does(lab, "revert", "n5");
    json_decref(refuses(lab, 3, "show", "n2"));
    json_auto_t *last = tells(lab, "check");
    cr_expect_eq(json_array_size(at(last, "findings")), 0);
    for (int i = 0; i < 2; i++)
        holds(lab, i, 2);
    lab_stop(lab);
}
