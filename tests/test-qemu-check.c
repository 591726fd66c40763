/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What check finds beside a running VM, and what repair does about it there: each thing is
 * broken once, behind qrewind's back. adopt and forget, too.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "tests/cases/planted.h"
#include "tests/cases/inside.h"

TestSuite(qemu_check, .timeout = 300);

static const struct lab_options one = {.disks = 1};

static void expect_found(struct lab *lab, int line, const char *expected)
{
    auto_result struct lab_result r = lab_run(lab, "--json", "check", NULL);
    json_auto_t *doc = json_loads(r.out, 0, NULL);
    auto_free char *found = findings_of(doc);

    cr_assert_eq(r.status, *found ? 9 : 0, "line %d: %d: %s%s", line, r.status, r.out, r.err);
    cr_assert_str_eq(found, expected, "line %d: '%s', not '%s': %s", line, found, expected, r.out);
}
#define finds(lab, expected) expect_found(lab, __LINE__, expected)

static void expect_left(struct lab *lab, int line, const char *yes, const char *expected)
{
    json_auto_t *doc = cases_run(lab, line, 0, WORDS("repair", yes));
    auto_free char *found = findings_of(doc);

    cr_assert_str_eq(found, expected, "line %d: '%s', not '%s'", line, found, expected);
}
#define repair_leaves(lab, expected) expect_left(lab, __LINE__, NULL, expected)
#define repair_yes_leaves(lab, expected) expect_left(lab, __LINE__, "--yes", expected)

static void sh(struct lab *lab, const char *commands)
{
    auto_result struct lab_result r = lab_exec(lab->folder, WORDS("sh", "-ec", commands));

    cr_assert_eq(r.status, 0, "%s: %s%s", commands, r.out, r.err);
}

/* Another tool takes a snapshot. */
static void others_snapshot(struct lab *lab, const char *name)
{
    auto_free char *file = lab_path(lab, name);

    json_decref(lab_qmp(lab, "blockdev-snapshot-sync", "{s:s, s:s, s:s}", "device", "vda",
                        "snapshot-file", file, "format", "qcow2"));
}

Test(qemu_check, a_vm_that_is_well)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true});

    finds(lab, "");
    if (has_snapshot_jobs(lab))
        does(lab, "create", "s1", "--memory");
    else
        does(lab, "create", "s1");
    does(lab, "create", "s2");
    finds(lab, "");
    does(lab, "revert", "s1");
    finds(lab, "");
    does(lab, "delete", "s2");
    finds(lab, "");
    does(lab, "check", "--deep");
    turn_off(lab);
    lab_stop(lab);
}

Test(qemu_check, what_we_write_to_a_base_ourselves_is_no_change)
{
    struct lab *lab = tower(&one, 3);

    does(lab, "check", "--deep");
    does(lab, "delete", "s1");
    finds(lab, "");
    does(lab, "check", "--deep");
    does(lab, "commit", "vda", "--force");
    finds(lab, "");
    does(lab, "check", "--deep");
    holds(lab, 0, 4);
    lab_stop(lab);
}

Test(qemu_check, the_fingerprint_holds_when_QEMU_ends_and_comes_again)
{
    struct lab *old = tower(&one, 2), *lab = NULL;

    does(old, "check", "--deep");
    turn_off(old);
    lab = start_again(old, WORDS("vda.s2.qcow2"));
    finds(lab, "");
    write_generation(lab, 0, 4);
    does(lab, "check", "--deep");
    turn_off(lab);
    lab_stop(lab);
    lab_stop(old);
}

Test(qemu_check, another_tool_took_a_snapshot)
{
    struct lab *lab = tower(&one, 1);

    others_snapshot(lab, "theirs.qcow2");
    finds(lab, "foreign-layer theirs.qcow2");
    json_decref(refuses(lab, 1, "create", "s2"));
    repair_leaves(lab, "");
    finds(lab, "");
    does(lab, "create", "s2");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- theirs.qcow2 <- vda.s2.qcow2");
    holds(lab, 0, 2);
    lab_stop(lab);
}

Test(qemu_check, another_tool_merged_a_layer)
{
    struct lab *lab = tower(&one, 2);
    auto_free char *base = lab_path(lab, "vda.qcow2");

    json_decref(lab_qmp(lab, "block-stream", "{s:s, s:s, s:s}", "job-id", "theirs", "device", "vda",
                        "base", base));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
    auto_result struct lab_result r = lab_run(lab, "check", NULL);
    cr_expect(strstr(r.out, "stale-record"), "%s", r.out);
    cr_expect(strstr(r.out, "leaked-node"), "that of the layer that was ours: %s", r.out);
    repair_leaves(lab, "");
    finds(lab, "");
    holds(lab, 0, 3);
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    lab_stop(lab);
}

Test(qemu_check, started_with_an_old_image)
{
    struct lab *old = tower(&one, 2), *lab = NULL;

    turn_off(old);
    lab = start_again(old, WORDS("vda.qcow2"));
    finds(lab, "wrong-active vda.qcow2");
    repair_yes_leaves(lab, "wrong-active vda.qcow2");
    lab_stop(lab);
    lab_stop(old);
}

/* QEMU has the images open: the header is mended through it, or not at all. */
Test(qemu_check, a_header_under_a_running_vm)
{
    struct lab *lab = tower(&one, 2);
    json_auto_t *block = lab_qmp(lab, "query-block", NULL);

    json_decref(lab_qmp(lab, "change-backing-file", "{s:s, s:s, s:s}", "device", "vda",
                        "image-node-name", text(block, "0.inserted.node-name"), "backing-file",
                        "gone.qcow2"));
    finds(lab, "wrong-backing vda.s2.qcow2");
    repair_leaves(lab, "");
    finds(lab, "");
    headers_are(lab, "vda.s2.qcow2", "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    holds(lab, 0, 3);
    turn_off(lab);
    lab_stop(lab);
}

Test(qemu_check, a_node_and_a_job_that_were_left)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *file = lab_path(lab, "left.qcow2");

    lab_image(file, "qcow2", "1M", NULL, NULL);
    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2",
                        "node-name", "qrw-abcdef-0", "file", "driver", "file", "filename", file));
    finds(lab, "leaked-node qrw-abcdef-0");
    repair_leaves(lab, "");
    finds(lab, "");
    json_decref(lab_qmp(lab, "blockdev-create", "{s:s, s:{s:s, s:s, s:i}}", "job-id", "qrw-x-y",
                        "options", "driver", "file", "filename", file, "size", 1 << 20));
    wait_for_job(lab, "qrw-x-y", "concluded");
    finds(lab, "ended-job qrw-x-y");
    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:{s:s, s:s}}", "driver", "raw",
                        "node-name", "qrw-abcdef-1", "file", "driver", "file", "filename", file));
    finds(lab, "ended-job qrw-x-y, leaked-node qrw-abcdef-1");
    auto_result struct lab_result r = lab_run(lab, "repair", NULL);
    cr_expect_str_eq(r.out,
                     "mended leaked-node: qrw-abcdef-1: close it\n"
                     "mended ended-job: qrw-x-y: dismiss it\n",
                     "%s%s", r.out, r.err);
    cr_expect_str_empty(r.err);
    finds(lab, "");
    lab_stop(lab);
}

Test(qemu_check, what_is_under_way_is_told_and_not_disturbed)
{
    struct lab *lab = tower(&one, 1);

    does(lab, "mirror", "vda", "copy.qcow2");
    finds(lab, "pending mirror");
    auto_result struct lab_result r = lab_run(lab, "check", NULL);
    cr_expect(strstr(r.out, "job qrw-mirror-vda"), "%s", r.out);
    json_auto_t *doc = tells(lab, "repair");
    says(doc, "settled", "running");
    does(lab, "mirror", "vda", "--finish");
    finds(lab, "");
    lab_stop(lab);
}

Test(qemu_check, an_operation_that_was_interrupted)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *path = lab_path(lab, "vda.qcow2.qrewind.json");
    json_auto_t *plan = tells(lab, "create", "s2", "--dry-run");
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2"), *after = json_deep_copy(doc);

    json_object_set_new(doc, "pending",
                        json_pack("{s:s, s:s, s:O, s:[], s:[{s:s, s:s, s:s, s:b}], s:O, s:{}}",
                                  "operation", "create", "token", "123456", "steps",
                                  at(plan, "plan"), "cleanup", "promise", "disk", "vda", "layer",
                                  "x", "backing", "y", "top", 1, "after", after, "result"));
    planted_sign(doc, path);
    cr_assert_eq(json_dump_file(doc, path, 0), 0);
    finds(lab, "pending create");
    repair_leaves(lab, "");
    finds(lab, "");
    lab_stop(lab);
}

Test(qemu_check, a_memory_that_is_gone)
{
    struct lab *lab = lab_start(&one);

    if (!has_snapshot_jobs(lab))
        cr_skip_test("no memory before QEMU 6.0");
    write_generation(lab, 0, 1);
    does(lab, "create", "s1", "--memory");
    write_generation(lab, 0, 2);
    sh(lab, "rm vda.s1.vmstate.qcow2");
    finds(lab, "missing-memory s1");
    repair_leaves(lab, "missing-memory s1");
    repair_yes_leaves(lab, "");
    finds(lab, "");
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    lab_stop(lab);
}

Test(qemu_check, a_memory_of_nothing_is_told_by_what_it_holds)
{
    struct lab *lab = lab_start(&one);

    if (!has_snapshot_jobs(lab))
        cr_skip_test("no memory before QEMU 6.0");
    does(lab, "create", "s1", "--memory");
    sh(lab, "cp vda.s1.vmstate.qcow2 vda.x.vmstate.qcow2; echo 'my notes' >vda.y.vmstate.qcow2");
    finds(lab, "orphan-file vda.x.vmstate.qcow2");
    repair_leaves(lab, "orphan-file vda.x.vmstate.qcow2");
    repair_yes_leaves(lab, "");
    cr_expect(!has_file(lab, "vda.x.vmstate.qcow2"));
    cr_expect(has_file(lab, "vda.y.vmstate.qcow2") && has_file(lab, "vda.s1.vmstate.qcow2"));
    lab_stop(lab);
}

Test(qemu_check, a_memory_that_fits_no_more)
{
    struct lab *lab = lab_start(&one);

    if (!has_snapshot_jobs(lab))
        cr_skip_test("no memory before QEMU 6.0");
    does(lab, "create", "s1", "--memory");
    sh(lab, "sed -i 's/\"ram\": [0-9]*/\"ram\": 4096/' vda.qcow2.qrewind.json");
    finds(lab, "cannot-revert s1");
    repair_yes_leaves(lab, "cannot-revert s1");
    does(lab, "delete", "s1");
    finds(lab, "");
    lab_stop(lab);
}

Test(qemu_check, a_file_that_only_QEMU_has_still_is_saved_by_a_copy)
{
    struct lab *lab = tower(&one, 2);

    sh(lab, "mv vda.s1.qcow2 away");
    finds(lab, "moved-file vda.s1.qcow2");
    sh(lab, "mv away vda.s1.qcow2; rm vda.s2.qcow2");
    finds(lab, "missing-file vda.s2.qcow2");
    repair_yes_leaves(lab, "missing-file vda.s2.qcow2");
    does(lab, "mirror", "vda", "saved.qcow2", "--pivot");
    finds(lab, "");
    holds(lab, 0, 3);
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    turn_off(lab);
    lab_stop(lab);
}

/* ---- adopt and forget ---- */

Test(qemu_check, what_was_forgotten_is_adopted_again)
{
    struct lab *lab = tower(&one, 2);

    does(lab, "forget", "--dry-run");
    finds(lab, "");
    json_auto_t *doc = tells(lab, "forget");
    says(doc, "snapshots.1", "s2");
    says(doc, "files.0", "/vda.s1.qcow2");
    cr_expect(!has_file(lab, "vda.qcow2.qrewind.json"));
    json_decref(refuses(lab, 3, "forget"));
    json_decref(refuses(lab, 3, "revert", "s1"));
    json_auto_t *tried = tells(lab, "adopt", "--dry-run");
    says(tried, "snapshots.0", "s1");
    json_auto_t *adopted = tells(lab, "adopt");
    says(adopted, "snapshots.1", "s2");
    json_auto_t *again = refuses(lab, 1, "adopt");
    says(again, "desc", "there is a sidecar already");
    finds(lab, "");
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    does(lab, "delete", "s2");
    cr_expect(has_file(lab, "vda.s1.qcow2"), "adopted files are nobody's to remove");
    lab_stop(lab);
}

/* Two disks, as virsh snapshot-create-as NAME --disk-only leaves them. */
static void by_libvirt(const char *folder, void *arg)
{
    auto_result struct lab_result r = lab_exec(
        folder, WORDS("sh", "-ec",
                      "for d in vda vdb; do qemu-img create -q -f qcow2 $d.img 16M;"
                      " qemu-img create -q -f qcow2 -b $d.img -F qcow2 $d.monday;"
                      " qemu-img create -q -f qcow2 -b $d.monday -F qcow2 $d.tuesday;"
                      " ln $d.tuesday $d.qcow2; done; qemu-img snapshot -c inside vda.tuesday"));

    cr_assert_eq(r.status, 0, "%s", r.err);
}

Test(qemu_check, what_libvirt_made_is_adopted)
{
    struct lab *old = lab_start(&(struct lab_options){.prepare = by_libvirt, .disks = 1}), *lab;

    lab_kill(old);
    lab = start_again(old, WORDS("vda.tuesday", "vdb.tuesday"));
    json_auto_t *adopted = tells(lab, "adopt");
    auto_free char *names = json_dumps(at(adopted, "snapshots"), JSON_COMPACT);
    cr_expect_str_eq(names, "[\"monday\",\"tuesday\",\"inside\"]");
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.0.disks.vda.file", "/vda.img");
    says(list, "snapshots.0.disks.vdb.file", "/vdb.img");
    says(list, "snapshots.1.disks.vdb.file", "/vdb.monday");
    says(list, "snapshots.2.disks.vda.tag", "inside");
    finds(lab, has_snapshot_jobs(lab) ? "" : "cannot-revert inside");
    does(lab, "create", "mine");
    chain_is(lab, 0, "vda.img <- vda.monday <- vda.tuesday <- vda.mine.qcow2");
    does(lab, "revert", "monday");
    holds(lab, 0, 0);
    lab_stop(lab);
    lab_stop(old);
}
