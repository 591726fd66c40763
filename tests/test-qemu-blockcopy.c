/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another tool moves a disk to a copy (drive-mirror, virsh blockcopy --pivot), and the guest writes
 * there: that can be recorded, and the snapshots are kept. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

TestSuite(qemu_blockcopy, .timeout = 120);

static void found(struct lab *lab, int status, const char *expected)
{
    int rc = -1;
    json_auto_t *doc = lab_json(lab, &rc, "check", NULL);
    auto_free char *findings = findings_of(doc);

    cr_expect_eq(rc, status);
    cr_expect_str_eq(findings, expected, "'%s', not '%s'", findings, expected);
}

/* The first disk runs on @name from now on, with @sync, and generation 3 is in there alone. */
static void move_to(struct lab *lab, const char *name, const char *sync)
{
    auto_free char *target = lab_path(lab, name);

    json_decref(lab_qmp(lab, "drive-mirror", "{s:s, s:s, s:s, s:s, s:s}", "job-id", "theirs",
                        "device", "vda", "target", target, "sync", sync, "format", "qcow2"));
    json_decref(lab_event(lab, "BLOCK_JOB_READY"));
    json_decref(lab_qmp(lab, "block-job-complete", "{s:s}", "device", "theirs"));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
    write_generation(lab, 0, 3);
}

/* All that was, and what is, can be had. */
static void goes_on(struct lab *lab)
{
    holds(lab, 0, 3);
    does(lab, "create", "s3");
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    does(lab, "revert", "s3");
    holds(lab, 0, 3);
}

/* The record of the one disk leads nowhere then: it is named. */
static void is_recorded(const char *sync)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);
    auto_free char *sidecar = lab_path(lab, "vda.qcow2.qrewind.json");

    move_to(lab, "copy.qcow2", sync);
    json_auto_t *refused = refuses(lab, 1, "--sidecar", sidecar, "create", "s3");
    says(refused, "desc", "the sidecar says");
    auto_result struct lab_result check = lab_run(lab, "--sidecar", sidecar, "check", NULL);
    cr_expect(strstr(check.out, "if another tool has moved the disk to it"), "%s", check.out);
    does(lab, "--sidecar", sidecar, "repair"); /* not unasked */
    json_decref(refuses(lab, 1, "--sidecar", sidecar, "create", "s3"));
    does(lab, "--sidecar", sidecar, "repair", "--yes");
    found(lab, 9, "orphan-file vda.s2.qcow2");
    goes_on(lab);
    lab_stop(lab);
}

Test(qemu_blockcopy, of_all_that_there_is)
{
    is_recorded("full");
}

Test(qemu_blockcopy, of_the_active_layer_alone)
{
    is_recorded("top");
}

/* The other disk leads to the record; and what was left is not to be started any more. */
Test(qemu_blockcopy, of_one_disk_of_two)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2}), *old;
    auto_free char *sidecar = lab_path(lab, "vda.qcow2.qrewind.json");

    write_generation(lab, 0, 1);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    does(lab, "create", "s2");
    move_to(lab, "copy.qcow2", "top");
    json_auto_t *refused = refuses(lab, 1, "create", "s3");
    says(refused, "hint", sidecar);
    does(lab, "--sidecar", sidecar, "repair", "--yes");
    found(lab, 9, "orphan-file vda.s2.qcow2");
    does(lab, "create", "s3");
    turn_off(lab);
    old = start_again(lab, WORDS("vda.s2.qcow2", "vdb.s3.qcow2"));
    json_auto_t *why = refuses(old, 1, "create", "s4");
    says(why, "hint", "vda.s3.qcow2");
    json_auto_t *check = lab_json(old, NULL, "check", NULL);
    cr_expect(json_is_null(at(check, "findings.0.repair")), "it is not gone back to by accident");
    lab_stop(old);
    lab_stop(lab);
}
