/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk runs on a layer below the one that is recorded as active: another tool has merged that
 * down and has switched to it (block-commit, virsh blockcommit --active --pivot), or the VM was
 * started with an old image.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_beneath, .init = offline_enter, .fini = offline_leave, .timeout = 120);

static const struct lab_options one = {.disks = 1};

/* Of a node's name nobody knows more than that it is ours. */
static void expect_found(struct lab *lab, int line, int status, const char *expected)
{
    int rc = -1;
    json_auto_t *doc = lab_json(lab, &rc, "check", NULL);
    const json_t *f;
    size_t i;

    json_array_foreach(at(doc, "findings"), i, f)
        if (!strncmp(text(f, "subject"), "qrw-", 4))
            json_object_set_new((json_t *)f, "subject", json_string("NODE"));
    auto_free char *findings = findings_of(doc);
    cr_expect_eq(rc, status, "line %d: %d", line, rc);
    cr_expect_str_eq(findings, expected, "line %d: '%s', not '%s'", line, findings, expected);
}
#define found(lab, status, expected) expect_found(lab, __LINE__, status, expected)

static void remove_file(const struct lab *lab, const char *name)
{
    auto_free char *file = lab_path(lab, name), *command = mem_printf("rm %s", file);

    offline_sh(command);
}

/* Another tool merges the active layer, called @device, into @file, and has QEMU run on that. */
static void merge_by(struct lab *lab, const char *device, const char *file)
{
    json_decref(lab_qmp(lab, "block-commit", "{s:s, s:s, s:s}", "job-id", "theirs", "device",
                        device, "base", file));
    json_decref(lab_event(lab, "BLOCK_JOB_READY"));
    json_decref(lab_qmp(lab, "block-job-complete", "{s:s}", "device", "theirs"));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
}

/* The active layer of disk 0 into @base. */
static void merge_into(struct lab *lab, const char *base)
{
    auto_free char *file = lab_path(lab, base);

    merge_by(lab, "vda", file);
}

/* vda.qcow2 (s1) <- vda.s1.qcow2 (s2), into which generation 3 has gone, and 4 after it. */
static struct lab *merged(void)
{
    struct lab *lab = tower(&one, 2);

    merge_into(lab, "vda.s1.qcow2");
    write_generation(lab, 0, 4);
    return lab;
}

/* With --yes it is recorded, and the guest has all that it wrote. */
static void goes_on(struct lab *lab)
{
    does(lab, "repair", "--yes");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
    holds(lab, 0, 4);
    does(lab, "create", "s4");
    json_decref(refuses(lab, 3, "show", "s2"));
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    does(lab, "revert", "s4");
    holds(lab, 0, 4);
}

/* So the node stays open that tells of it, and goes with it. */
Test(qemu_beneath, what_QEMU_has_open_still_tells_of_a_merge)
{
    struct lab *lab = merged();

    does(lab, "repair");
    found(lab, 9, "stale-record vda.s2.qcow2, leaked-node NODE, broken-snapshot s2");
    goes_on(lab);
    found(lab, 9, "orphan-file vda.s2.qcow2");
    lab_stop(lab);
}

/* It hides what was written to the layer that it was merged into. */
Test(qemu_beneath, what_was_merged_and_is_left_is_not_to_be_started)
{
    static const char words[] = "and hides what was written there since";
    struct lab *old = merged(), *lab = NULL;

    does(old, "repair", "--yes");
    auto_result struct lab_result left = lab_run(old, "check", NULL);
    cr_expect(strstr(left.out, "never start the VM with it again"), "%s", left.out);
    turn_off(old);
    lab = start_again(old, WORDS("vda.s2.qcow2"));
    found(lab, 9, "foreign-layer vda.s2.qcow2");
    auto_result struct lab_result check = lab_run(lab, "check", NULL);
    cr_expect(strstr(check.out, words), "%s", check.out);
    does(lab, "repair"); /* not unasked */
    found(lab, 9, "foreign-layer vda.s2.qcow2");
    json_decref(refuses(lab, 1, "create", "s4"));
    lab_stop(lab);
    lab = start_again(old, WORDS("vda.s1.qcow2"));
    does(lab, "create", "s5");
    lab_stop(lab);
    lab = start_again(old, WORDS("vda.s2.qcow2")); /* what it hides is frozen now */
    json_auto_t *error = refuses(lab, 1, "create", "s4");
    cr_expect(strstr(text(error, "hint"), "vda.s5.qcow2"), "%s", text(error, "hint"));
    int rc = -1;
    json_auto_t *told = lab_json(lab, &rc, "check", NULL);
    cr_expect_eq(rc, 9);
    says(told, "findings.0.text", "vda.s5.qcow2");
    cr_expect_not(has_file(old, "vda.s2.qcow2.qrewind.json"));
    lab_stop(lab);
    lab_stop(old);
}

/* Also where nothing else is left to record, as long as it is there. */
Test(qemu_beneath, not_even_where_all_snapshots_have_gone_with_it)
{
    struct lab *lab = tower(&one, 1);

    merge_into(lab, "vda.qcow2");
    write_generation(lab, 0, 3);
    does(lab, "repair", "--yes");
    found(lab, 9, "orphan-file vda.s1.qcow2");
    remove_file(lab, "vda.s1.qcow2");
    found(lab, 0, "");
    does(lab, "create", "s2");
    does(lab, "delete", "s2");
    cr_expect_not(has_file(lab, "vda.qcow2.qrewind.json"));
    holds(lab, 0, 3);
    lab_stop(lab);
}

/* But it is their user's who means it. */
Test(qemu_beneath, and_is_recorded_when_asked_to)
{
    struct lab *old = merged(), *lab = NULL;

    does(old, "repair", "--yes");
    turn_off(old);
    lab = start_again(old, WORDS("vda.s2.qcow2"));
    does(lab, "repair", "--yes");
    found(lab, 0, "");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    does(lab, "create", "s4");
    lab_stop(lab);
    lab_stop(old);
}

/* virsh blockcommit --active --pivot --delete */
Test(qemu_beneath, so_does_that_nothing_of_what_lay_above_is_left)
{
    struct lab *lab = merged();

    remove_file(lab, "vda.s2.qcow2");
    does(lab, "repair");
    goes_on(lab);
    found(lab, 0, "");
    lab_stop(lab);
}

/* Nobody asked while it ran. */
Test(qemu_beneath, and_when_the_VM_has_ended)
{
    struct lab *lab = merged();

    remove_file(lab, "vda.s2.qcow2");
    does(lab, "repair");
    turn_off(lab);
    struct lab *on = start_again(lab, WORDS("vda.s1.qcow2"));
    goes_on(on);
    lab_stop(on);
    lab_stop(lab);
}

/* But one that somebody else has made stays, and QEMU takes no snapshot of what is in use so. */
Test(qemu_beneath, what_QEMU_has_open_still_can_be_closed)
{
    struct lab *old = tower(&one, 2);

    turn_off(old);
    auto_free char *top = lab_path(old, "vda.s2.qcow2"), *file = lab_path(old, "vda.s1.qcow2");
    auto_free char *node =
        mem_printf("qcow2,node-name=theirs,file.driver=file,file.filename=%s", top);
    struct lab *lab = lab_start(&(struct lab_options){
        .args = WORDS("-blockdev", node, "-device", "virtio-blk-pci,drive=theirs")});
    merge_by(lab, "theirs", file);
    does(lab, "repair", "--yes");
    json_auto_t *error = refuses(lab, 1, "create", "s4");
    cr_assert(text(error, "hint"), "no way on");
    cure_works(lab, text(error, "hint"), "qrewind qmp blockdev-del");
    does(lab, "create", "s4");
    lab_stop(lab);
    lab_stop(old);
}

/* An old image, or a merge whose traces are gone: what the one needs ruins the other. */
Test(qemu_beneath, where_nobody_can_tell_nothing_is_done)
{
    struct lab *old = tower(&one, 2), *lab = NULL;
    static const char both[] = "wrong-active vda.s1.qcow2, changed-base vda.s1.qcow2";

    turn_off(old);
    lab = start_again(old, WORDS("vda.s1.qcow2"));
    found(lab, 9, "wrong-active vda.s1.qcow2");
    write_generation(lab, 0, 3);
    found(lab, 9, both);
    does(lab, "repair", "--yes");
    found(lab, 9, both);
    json_auto_t *error = refuses(lab, 1, "create", "s3"), *doc = lab_json(lab, NULL, "check", NULL);
    cr_expect(strstr(text(error, "hint"), "old image"), "%s", text(error, "hint"));
    cr_expect(strstr(text(error, "hint"), "merged"), "%s", text(error, "hint"));
    auto_free char *left = lab_path(old, "vda.s2.qcow2");
    auto_free char *way = mem_printf("remove or move to another folder: %s; then: qrewind repair "
                                     "--yes",
                                     left);
    cr_expect(strstr(text(doc, "findings.0.text"), "old image"));
    cr_expect(strstr(text(doc, "findings.0.text"), way), "%s", text(doc, "findings.0.text"));
    remove_file(old, "vda.s2.qcow2");
    write_generation(lab, 0, 4);
    goes_on(lab);
    found(lab, 0, "");
    lab_stop(lab);
    lab_stop(old);
}

/* What builds on it besides shows what came down, too, and goes with it: here the undo point. */
Test(qemu_beneath, what_others_build_on)
{
    struct lab *lab = tower(&one, 2);

    does(lab, "revert", "s2");
    merge_into(lab, "vda.s1.qcow2");
    write_generation(lab, 0, 3);
    json_decref(refuses(lab, 1, "create", "s4"));
    does(lab, "repair", "--yes");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
    json_decref(refuses(lab, 3, "undo"));
    json_decref(refuses(lab, 3, "show", "s2"));
    holds(lab, 0, 3);
    does(lab, "create", "s4");
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    lab_stop(lab);
}

/* Nothing of what the VM was started on leads to the record: it has moved along with the disk. */
Test(qemu_beneath, an_old_image_that_the_record_does_not_lie_beside)
{
    struct lab *old = tower(&one, 2), *lab = NULL;

    does(old, "stream", "vda");
    does(old, "create", "s3");
    does(old, "revert", "s1");
    cr_assert(has_file(old, "vda.s1-2.qcow2.qrewind.json"));
    turn_off(old);
    lab = start_again(old, WORDS("vda.s2.qcow2"));
    found(lab, 9, "wrong-active vda.s2.qcow2");
    json_decref(refuses(lab, 1, "create", "s4"));
    does(lab, "edit", "s3", "--name", "kept");
    cr_expect_not(has_file(old, "vda.s2.qcow2.qrewind.json"));
    lab_stop(lab);
    lab = start_again(old, WORDS("vda.s1-2.qcow2"));
    found(lab, 0, "");
    does(lab, "revert", "kept");
    holds(lab, 0, 3);
    lab_stop(lab);
    lab_stop(old);
}

/* That the record is of this VM is for the user to say then: it may be another one's. */
Test(qemu_beneath, an_old_image_of_a_vm_that_lacks_a_disk)
{
    struct lab *old = tower(&(struct lab_options){.disks = 2}, 2), *lab = NULL;

    does(old, "stream", "vda");
    does(old, "create", "s3");
    does(old, "revert", "s1");
    turn_off(old);
    lab = start_again(old, WORDS("vda.s2.qcow2"));
    found(lab, 9, "sidecar-conflict vda.s2.qcow2");
    json_auto_t *error = refuses(lab, 1, "create", "s4");
    const char *way = strstr(text(error, "hint"), "--sidecar ");
    cr_assert(way, "%s", text(error, "hint"));
    json_auto_t *doc = lab_json(lab, NULL, "--sidecar", way + strlen("--sidecar "), "check", NULL);
    auto_free char *findings = findings_of(doc);
    cr_expect_str_eq(findings, "wrong-active vda.s2.qcow2");
    lab_stop(lab);
    lab_stop(old);
}

/* A template is no old image of what was made of it. */
Test(qemu_beneath, a_template_is_a_vm_of_its_own)
{
    struct lab *old = tower(&one, 0), *lab = NULL;

    turn_off(old);
    auto_free char *clone = lab_path(old, "clone.qcow2"), *base = lab_path(old, "vda.qcow2");
    lab_image(clone, "qcow2", NULL, base, "qcow2");
    auto_result struct lab_result made = lab_exec(
        old->folder, (const char *const[]){"qrewind", "-i", "clone.qcow2", "create", "c1", NULL});
    cr_assert_eq(made.status, 0, "%s", made.err);
    lab = start_again(old, WORDS("vda.qcow2"));
    found(lab, 9, "sidecar-conflict vda.qcow2");
    does(lab, "create", "t1");
    found(lab, 0, "");
    lab_stop(lab);
    lab_stop(old);
}
