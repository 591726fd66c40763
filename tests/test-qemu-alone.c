/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A header that names nothing where the record has a layer below, and one that names a file where
 * the record has none: nothing is done on either until somebody has said what is meant.
 *
 *     base.qcow2* <- base.s1.qcow2* <- base.s2.qcow2        generations 1, 2, 3
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_alone, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define SIDECAR "base.qcow2.qrewind.json"
#define VM "qrewind -i vm/base.qcow2 "
#define WAY "vm/" SIDECAR " repair --yes writes what is recorded into it"

static void make_vm(void)
{
    cr_assert(!system("mkdir vm"));
    cr_assert(!chdir("vm"));
    offline_tower();
    cr_assert(!chdir(".."));
}

/* All three generations, the last one where each wrote. */
static void expect_tower(const char *image)
{
    offline_reads(image, 1, "0", "64k");
    offline_reads(image, 2, "1M", "64k");
    offline_reads(image, 3, "2M", "64k");
    offline_reads(image, 3, "3M", "64k");
}

/* Whatever uses the chain is refused by @words, and says how it goes on: @way. */
static void refuses_all_by(const char *words, const char *way)
{
    static const char *const verbs[] = {
        "create n",    "create --internal n", "revert s1",           "delete s1",
        "stream base", "prune --keep-last 1", "commit base --force", "mirror base m.qcow2 --pivot",
        "undo",        "export s1 out",       "export s2 x.qcow2",   "--dry-run delete s2"};

    offline_ok("cp -a vm before");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        offline_fails(1, words, VM "%s", verbs[i]);
        offline_fails(1, way, VM "%s", verbs[i]);
    }
    offline_fails(0, words, VM "list"); /* looking works, and says it, too */
    offline_ok(VM "repair");            /* not unasked */
    offline_ok("diff -r before vm");
    offline_ok("rm -r before");
}

static void refuses_all(const char *words)
{
    refuses_all_by(words, WAY);
}

/* What the hint says mends it, and the snapshots show what they did. */
static void mends(void)
{
    offline_ok("qrewind --sidecar vm/" SIDECAR " repair --yes");
    offline_ok(VM "check");
    offline_ok(VM "export s1 s1.qcow2");
    offline_reads("s1.qcow2", 1, "0", "64k");
    offline_reads("s1.qcow2", 0, "1M", "64k");
    offline_ok(VM "create n");
    auto_free char *active = offline_active("-i vm/base.qcow2", 0);
    expect_tower(active);
    offline_ok(VM "delete s1");
    expect_tower(active);
}

Test(qemu_alone, a_frozen_layer_that_names_nothing)
{
    make_vm();
    offline_sh("qemu-img rebase -u -f qcow2 -b '' vm/base.s1.qcow2");
    refuses_all("base.s1.qcow2: its header names no backing file, the sidecar says ");
    mends();
}

Test(qemu_alone, an_active_layer_that_names_nothing)
{
    make_vm();
    offline_sh("qemu-img rebase -u -f qcow2 -b '' vm/base.s2.qcow2");
    refuses_all("base.s2.qcow2: its header names no backing file, the sidecar says ");
    mends();
}

/* Nobody but the record knows what lay below; that it is away does not make the rest whole. */
Test(qemu_alone, one_that_names_nothing_while_its_base_is_away)
{
    make_vm();
    offline_sh("mkdir away; mv vm/base.s1.qcow2 away;"
               "qemu-img rebase -u -f qcow2 -b '' vm/base.s2.qcow2");
    refuses_all_by("base.s1.qcow2, which is not there", "put that back where it was");
    offline_sh("mv away/base.s1.qcow2 vm");
    mends();
}

#define FLAT "record that it builds on nothing"

/* Everything was copied into base.s1, and what it had below was removed then. */
static void make_flat(void)
{
    make_vm();
    offline_ok(VM "create s3"); /* frozen: base.s2 */
    offline_sh(
        "qemu-img rebase -f qcow2 -b '' vm/base.s2.qcow2; rm vm/base.s1.qcow2 vm/base.qcow2");
}

#define SIDE "qrewind --sidecar vm/" SIDECAR

Test(qemu_alone, one_that_was_made_flat_and_its_bases_removed)
{
    make_flat();
    offline_fails(1, "--only wrong-backing", "qrewind -i vm/base.s3.qcow2 create n");
    offline_ok(SIDE " repair --yes"); /* s1 and s2 are gone for good; s3 may be whole */
    offline_ok(SIDE " show s3");
    offline_fails(3, "no snapshot", SIDE " show s2");
    auto_result struct lab_result check = offline_run(SIDE " check");
    cr_expect_eq(check.status, 9);
    cr_expect(strstr(check.out, "put that back; or, if it was made flat"), "%s", check.out);
    cr_expect(strstr(check.out, "unless base.s2.qcow2 is whole without it"), "%s", check.out);
    offline_ok(SIDE " repair --only wrong-backing");
    auto_result struct lab_result again = offline_run(SIDE " check");
    cr_expect_str_eq(check.out, again.out, "not unasked: %s", again.out);
    offline_ok(SIDE " repair --yes --only wrong-backing");
    offline_ok("qrewind -i vm/base.s3.qcow2 check");
    offline_ok("qrewind -i vm/base.s3.qcow2 export s3 s3.qcow2");
    expect_tower("s3.qcow2");
    offline_ok("qrewind -i vm/base.s3.qcow2 revert s3");
}

/* Nothing was lost by it if they come back. */
Test(qemu_alone, one_that_was_not_and_its_base_comes_back)
{
    make_vm();
    offline_ok(VM "create s3");
    offline_sh("mkdir away; mv vm/base.s1.qcow2 away;"
               "qemu-img rebase -u -f qcow2 -b '' vm/base.s2.qcow2");
    offline_ok(SIDE " repair --yes");
    offline_sh("mv away/base.s1.qcow2 vm");
    offline_ok(SIDE " repair --yes");
    offline_ok(VM "check");
    offline_ok(VM "export s3 s3.qcow2");
    expect_tower("s3.qcow2");
}

/* What is flat now was not when that was taken. */
Test(qemu_alone, what_lies_inside_of_one_that_was_made_flat_goes)
{
    make_vm();
    offline_ok(VM "create i1 --internal");
    offline_sh(
        "qemu-img rebase -f qcow2 -b '' vm/base.s2.qcow2; rm vm/base.s1.qcow2 vm/base.qcow2");
    json_auto_t *plan = offline_json(0, SIDE " -n repair --yes --only wrong-backing");
    auto_free char *steps = json_dumps(at(plan, "plan"), 0);
    cr_expect(strstr(steps, "\"drop\": [\"i1\"]"), "%s", steps);
    auto_result struct lab_result check = offline_run(SIDE " check");
    cr_expect(strstr(check.out, FLAT "; drop i1"), "%s", check.out);
    offline_ok(SIDE " repair --yes --only wrong-backing");
    offline_sh("qemu-img snapshot -l vm/base.s2.qcow2 | grep -c i1 | grep -qx 0");
    offline_ok("qrewind -i vm/base.s2.qcow2 repair --yes");
    offline_ok("qrewind -i vm/base.s2.qcow2 check");
    expect_tower("vm/base.s2.qcow2");
}

/* On its base a copy would show what was zeroed: that way on is told, too, and loses nothing. */
Test(qemu_alone, one_that_was_made_flat_by_a_copy)
{
    make_vm();
    offline_write("vm/base.s2.qcow2", 0, "1M", "64k");
    offline_sh("qemu-img convert -O qcow2 vm/base.s2.qcow2 flat; mv flat vm/base.s2.qcow2");
    offline_fails(1, "it needs none: qrewind forget, then adopt", VM "create n");
    auto_result struct lab_result check = offline_run(VM "check");
    cr_expect(strstr(check.out, "then qrewind forget, and adopt"), "%s", check.out);
    offline_ok(VM "forget");
    offline_ok("qrewind -i vm/base.s2.qcow2 adopt");
    offline_ok("qrewind -i vm/base.s2.qcow2 create n");
    offline_reads("vm/base.s2.n.qcow2", 0, "1M", "64k");
    offline_reads("vm/base.s2.n.qcow2", 3, "2M", "64k");
}

/* All was copied into it: on its old base it shows the same. */
Test(qemu_alone, one_that_was_made_flat_and_keeps_its_base)
{
    make_vm();
    offline_sh("qemu-img rebase -f qcow2 -b '' vm/base.s2.qcow2");
    refuses_all("base.s2.qcow2: its header names no backing file, the sidecar says ");
    mends();
}

Test(qemu_alone, a_base_that_names_a_file_of_the_host)
{
    make_vm();
    offline_sh("truncate -s 4M secret; printf secret | dd of=secret conv=notrunc status=none;"
               "qemu-img rebase -u -f qcow2 -F raw -b $PWD/secret vm/base.qcow2");
    refuses_all("/secret, the sidecar says that it builds on nothing");
    mends();
    offline_sh("! qemu-img info --backing-chain vm/base.n.qcow2 | grep secret");
}

Test(qemu_alone, a_base_that_names_what_is_no_file)
{
    make_vm();
    offline_sh("qemu-img rebase -u -f qcow2 -F raw -b nbd://127.0.0.1:1/x vm/base.qcow2");
    offline_fails(1, WAY, VM "export s1 out");
    mends();
}

Test(qemu_alone, a_base_that_names_a_layer_of_another_disk)
{
    make_vm();
    offline_image("vm/other.qcow2", "4M", NULL);
    offline_write("vm/other.qcow2", 9, "1M", "64k");
    offline_sh("cd vm; qemu-img rebase -u -f qcow2 -F qcow2 -b other.qcow2 base.qcow2");
    offline_ok("qrewind -i vm/other.qcow2 create o1");
    refuses_all("/other.qcow2, the sidecar says that it builds on nothing");
    mends();
}

/* What killed itself may not be what made it so. */
Test(qemu_alone, something_pending_does_not_hide_it)
{
    make_vm();
    offline_sh("qemu-img rebase -u -f qcow2 -b '' vm/base.s1.qcow2");
    offline_interrupt("vm/" SIDECAR);
    offline_fails(1, "qemu-img rebase -u -f qcow2 -F qcow2 -b ", VM "create n");
    offline_fails(1, "qemu-img rebase -u -f qcow2 -F qcow2 -b ", VM "repair");
    offline_sh("qemu-img rebase -u -f qcow2 -F qcow2 -b $PWD/vm/base.qcow2 vm/base.s1.qcow2");
    offline_ok(VM "create n");
    expect_tower("vm/base.n.qcow2");
}

static struct lab *start(const char *image)
{
    auto_free char *file = realpath(image, NULL);
    auto_free char *drive = mem_printf("if=none,id=a,format=qcow2,file=%s", file);

    return lab_start(&(struct lab_options){
        .args = (const char *[]){"-drive", drive, "-device", "virtio-blk-pci,drive=a", NULL}});
}

static void fails(struct lab *lab, const char *words, const char *verb, const char *name,
                  const char *to)
{
    auto_result struct lab_result r = lab_run(lab, verb, name, to, NULL);

    cr_expect_eq(r.status, 1, "%s: %d: %s", verb, r.status, r.err);
    cr_expect(strstr(r.err, words), "%s: %s", verb, r.err);
}

/* QEMU opens a branch by its headers; what it has open is as it has it. */
Test(qemu_alone, nothing_goes_back_to_a_branch_whose_header_names_nothing)
{
    make_vm();
    offline_ok(VM "revert s1");
    offline_sh("qemu-img rebase -u -f qcow2 -b '' vm/base.s1.qcow2");
    auto_free char *active = offline_active("-i vm/base.qcow2", 0);
    struct lab *lab = start(active);

    fails(lab, WAY, "revert", "s2", NULL);
    fails(lab, WAY, "undo", NULL, NULL);
    fails(lab, "qrewind check says what mends that", "export", "s2", "out");
    does(lab, "create", "n");
    offline_ok("qrewind --sidecar vm/" SIDECAR " repair --yes");
    does(lab, "revert", "s2");
    lab_stop(lab);
}

/* The disk shows what it does in QEMU: that is recorded, as ever. */
Test(qemu_alone, what_qemu_has_open_is_recorded)
{
    make_vm();
    offline_sh("qemu-img rebase -f qcow2 -b '' vm/base.s1.qcow2");
    struct lab *lab = start("vm/base.s2.qcow2");

    does(lab, "create", "n");
    lab_stop(lab);
    expect_tower("vm/base.n.qcow2");
    offline_ok(VM "create m");
}

/* Started on it, QEMU has it as the header says; but nothing was merged into it. */
Test(qemu_alone, nor_is_a_running_vm_believed_that_has_a_frozen_layer_on_nothing)
{
    make_vm();
    offline_sh("qemu-img rebase -u -f qcow2 -b '' vm/base.s1.qcow2");
    struct lab *lab = start("vm/base.s2.qcow2");

    fails(lab, "its header seems to have lost the name", "create", "n", NULL);
    fails(lab, "its header seems to have lost the name", "export", "s2", "out");
    fails(lab, "its header seems to have lost the name", "delete", "s1", NULL);
    does(lab, "repair"); /* not unasked */
    fails(lab, "its header seems to have lost the name", "create", "n", NULL);
    lab_stop(lab);
    offline_ok("qrewind -i vm/base.s1.qcow2 repair --yes");
    offline_ok("qrewind -i vm/base.s2.qcow2 check");
    expect_tower("vm/base.s2.qcow2");
}

/* Nor while that is away; what is asked for is done, though. */
Test(qemu_alone, nor_where_what_lay_below_is_away)
{
    make_vm();
    offline_sh("mkdir away; mv vm/base.qcow2 away;"
               "qemu-img rebase -u -f qcow2 -b '' vm/base.s1.qcow2");
    struct lab *lab = start("vm/base.s2.qcow2");

    fails(lab, "put that back where it was", "create", "n", NULL);
    does(lab, "repair"); /* not unasked */
    fails(lab, "put that back where it was", "create", "n", NULL);
    offline_sh("mv away/base.qcow2 vm");
    lab_stop(lab);
    offline_ok("qrewind -i vm/base.s1.qcow2 repair --yes");
    offline_ok("qrewind -i vm/base.s2.qcow2 check");
    expect_tower("vm/base.s2.qcow2");
    offline_sh("mv vm/base.qcow2 away; qemu-img rebase -u -f qcow2 -b '' vm/base.s1.qcow2");
    lab = start("vm/base.s2.qcow2");
    does(lab, "repair", "--yes");
    does(lab, "create", "n");
    lab_stop(lab);
}
