/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder that was copied: the overlays in it name the files of the first by their full names.
 *
 *     one/a <- one/a.s1 <- one/a.s2
 *     two/a    two/a.s1 <- one/a.s1 ...     what is recorded in two lies beside it
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(qemu_copied, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define TWO "qrewind -i two/a.qcow2 "

static void make_one(void)
{
    cr_assert(!mkdir("one", 0700));
    offline_image("one/a.qcow2", "4M", NULL);
    offline_write("one/a.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i one/a.qcow2 create s1");
    offline_write("one/a.s1.qcow2", 2, "0", "64k");
    offline_ok("qrewind -i one/a.qcow2 create s2");
}

/* In the copy the first layer is another one: so it is seen whose it is. */
static void make_two(void)
{
    make_one();
    offline_ok("cp -a one two");
    offline_write("one/a.s1.qcow2", 9, "1M", "64k");
    offline_write("two/a.s1.qcow2", 3, "1M", "64k");
}

Test(qemu_copied, nothing_is_done_on_a_mixture_of_two_folders)
{
    static const char *const verbs[] = {"create s3",           "revert s1",          "delete s1",
                                        "prune --keep-last 1", "commit a --force",   "stream a",
                                        "export s1 out",       "--dry-run delete s2"};

    make_two();
    offline_ok("cp -a two before");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        offline_fails(1, "/two/a.s1.qcow2, and both are there", TWO "%s", verbs[i]);
        offline_fails(1, "two/a.qcow2.qrewind.json repair --yes", TWO "%s", verbs[i]);
    }
    offline_ok("diff -r before two");
    /* looking works, and says it, too */
    offline_fails(0, "its header names", TWO "list");
    offline_ok(TWO "show s1");
    offline_ok("qrewind -i one/a.qcow2 create s3");
}

Test(qemu_copied, what_the_hint_says_mends_it)
{
    make_two();
    offline_ok("qrewind --sidecar two/a.qcow2.qrewind.json repair --yes");
    offline_ok(TWO "check");
    offline_ok(TWO "create s3");
    offline_reads("two/a.s3.qcow2", 3, "1M", "64k");
    offline_reads("one/a.s2.qcow2", 9, "1M", "64k");
    offline_ok("rm -r one");
    offline_reads("two/a.s3.qcow2", 3, "1M", "64k");
    offline_reads("two/a.s3.qcow2", 2, "0", "64k");
    offline_ok(TWO "delete s1");
}

Test(qemu_copied, a_layer_that_no_disk_runs_on_counts_too)
{
    make_one();
    offline_ok("qrewind -i one/a.qcow2 revert s1");
    offline_ok("cp -a one two");
    auto_free char *active = offline_active("-S two/a.qcow2.qrewind.json", 0);
    offline_ok("qemu-img rebase -q -u -f qcow2 -F qcow2 -b a.qcow2 %s", active);
    offline_fails(1, "its header names", TWO "create x");
    offline_ok("qrewind --sidecar two/a.qcow2.qrewind.json repair --yes");
    offline_ok(TWO "create x");
}

Test(qemu_copied, a_folder_that_was_moved_works_on)
{
    make_one();
    offline_ok("mv one two");
    offline_ok("qrewind -i two/a.qcow2 repair");
    offline_ok(TWO "create s3");
    offline_reads("two/a.s3.qcow2", 2, "0", "64k");
}

Test(qemu_copied, a_file_that_was_renamed_is_still_used)
{
    make_one();
    offline_ok("mv one/a.qcow2 one/web.qcow2");
    offline_ok("mv one/a.qcow2.qrewind.json one/web.qcow2.qrewind.json");
    auto_result struct lab_result r = offline_run("qrewind -i one/web.qcow2 repair");
    cr_expect_eq(r.status, 0);
    cr_expect(strstr(r.out, "record the new name"), "%s", r.out);
    cr_expect(!strstr(r.err, "any more"), "%s", r.err);
}

/* One folder, all of whose files are called otherwise. */
static void make_renamed(void)
{
    make_one();
    offline_write("one/a.s2.qcow2", 3, "1M", "64k");
    offline_sh("cd one && for f in a.*; do mv $f web${f#a}; done");
}

Test(qemu_copied, files_that_were_all_renamed_are_found)
{
    for (int i = 0; i < 2; i++) {
        make_renamed();
        if (i) /* what is certain first */
            offline_ok("qrewind -i one/web.qcow2 repair");
        offline_ok("qrewind -i one/web.qcow2 repair --yes");
        offline_ok("qrewind -i one/web.s2.qcow2 check");
        offline_ok("test -f one/web.qcow2.qrewind.json");
        offline_ok("qrewind -i one/web.s2.qcow2 create s3");
        auto_free char *active = offline_active("-i one/web.qcow2", 0);
        offline_reads(active, 2, "0", "64k");
        offline_reads(active, 3, "1M", "64k");
        offline_ok("rm -r one");
    }
}

Test(qemu_copied, of_a_renamed_image_the_way_to_its_record_is_told)
{
    static const char words[] = "--sidecar ";

    make_renamed();
    offline_ok("cp -a one before");
    offline_fails(0, words, "qrewind -i one/web.s2.qcow2 list");
    offline_fails(9, words, "qrewind -i one/web.s2.qcow2 check");
    offline_fails(1, words, "qrewind -i one/web.s2.qcow2 create s3");
    offline_fails(1, words, "qrewind -i one/web.s2.qcow2 repair --yes");
    offline_fails(1, words, "qrewind -i one/web.s2.qcow2 adopt");
    offline_ok("diff -r before one");
    offline_ok("qrewind --sidecar one/web.qcow2.qrewind.json repair --yes");
    offline_ok("qrewind -i one/web.s2.qcow2 show s2");
}

/* The same in @folder, where s2 is deleted, but not merged. */
static void make_due(const char *folder)
{
    auto_free char *file = mem_printf("%s/a.qcow2.qrewind.json", folder);

    make_one();
    cr_assert(!strcmp(folder, "one") || !rename("one", folder));
    json_auto_t *doc = json_load_file(file, 0, NULL);
    json_t *frozen = json_object_get(json_object_get(doc, "layers"), "L2");
    cr_assert_str_eq(text(frozen, "file"), "a.s1.qcow2");
    json_object_set_new(frozen, "loose", json_true());
    json_object_set_new(doc, "current", json_string("s1"));
    cr_assert(!json_array_remove(json_object_get(doc, "snapshots"), 1));
    cr_assert(!json_dump_file(doc, file, 0));
}

/* It is done: two layers are left, and they show what they did. */
static void expect_merged(void)
{
    auto_free char *active = offline_active("-i two/a.qcow2", 0);
    json_auto_t *chain = offline_json(0, TWO "chain");

    offline_reads(active, 2, "0", "64k");
    cr_expect_eq(json_array_size(at(chain, "disks.0.layers")), 2);
    offline_ok(TWO "check");
}

/* The merge would have put layers of one folder into those of the other. */
Test(qemu_copied, a_merge_that_is_due_waits_until_the_headers_are_mended)
{
    make_due("one");
    offline_ok("cp -a one two");
    offline_ok("cp -a one before");
    offline_fails(0, "a layer is not merged yet: ", TWO "repair");
    offline_ok("diff -r before one");
    offline_ok(TWO "repair --yes");
    offline_ok("diff -r before one");
    offline_ok("rm -r one");
    expect_merged();
}

Test(qemu_copied, a_merge_that_is_due_waits_for_a_file_that_has_moved)
{
    make_due("two");
    offline_ok("mv two/a.s1.qcow2 two/moved.qcow2");
    offline_ok(TWO "repair");
    expect_merged();
}

/* What it has written itself it does not find changed. */
Test(qemu_copied, and_a_repair_that_is_killed_in_the_headers_is_repaired)
{
    make_one();
    offline_ok("qrewind -i one/a.qcow2 create s3");
    offline_interrupt("one/a.qcow2.qrewind.json");
    offline_ok("mv one two");
    offline_sh("mkdir bin; real=$(command -v qemu-img);"
               "printf '#!/bin/sh\n\"%s\" \"$@\"\n[ \"$1\" != rebase ] || kill -9 $PPID\n' $real"
               " > bin/qemu-img; chmod +x bin/qemu-img;"
               "! PATH=$PWD/bin:$PATH qrewind -i two/a.qcow2 repair");
    offline_ok(TWO "repair");
    offline_ok(TWO "check");
    offline_reads("two/a.s3.qcow2", 2, "0", "64k");
}

Test(qemu_copied, a_vm_that_was_started_on_it_is_left_alone)
{
    make_two();
    auto_free char *image = realpath("two/a.s2.qcow2", NULL);
    auto_free char *sidecar = realpath("two/a.qcow2.qrewind.json", NULL);
    auto_free char *drive = mem_printf("if=none,id=a,format=qcow2,file=%s", image);
    struct lab *lab = lab_start(&(struct lab_options){
        .args = (const char *[]){"-drive", drive, "-device", "virtio-blk-pci,drive=a", NULL}});

    auto_result struct lab_result made = lab_run(lab, "create", "s3", NULL);
    cr_expect_eq(made.status, 1, "%s", made.err);
    auto_result struct lab_result list = lab_run(lab, "list", NULL);
    cr_expect(strstr(list.err, "if the folder was copied, stop the VM"), "%s", list.err);
    auto_result struct lab_result given = lab_run(lab, "--sidecar", sidecar, "create", "s3", NULL);
    cr_expect_eq(given.status, 1, "%s", given.err);
    cr_expect(strstr(given.err, "stop the VM; then qrewind --sidecar"), "%s", given.err);
    /* nor is it recorded, unless asked for */
    json_auto_t *left = tells(lab, "--sidecar", sidecar, "repair");
    auto_free char *found = findings_of(left);
    cr_expect(strstr(found, "foreign-layer a.s1.qcow2"), "%s", found);
    lab_stop(lab);
    offline_ok("qrewind --sidecar %s repair --yes", sidecar);
    offline_ok(TWO "create s3");
    offline_reads("two/a.s3.qcow2", 3, "1M", "64k");
}

/* Two mounts of a folder; as hard links, which need no root. */
Test(qemu_copied, nothing_is_done_on_a_folder_that_is_seen_at_two_places)
{
    make_one();
    offline_ok("cp -al one two");
    offline_fails(1, "are one file, seen at two places", TWO "create s3");
    offline_fails(1, "/one", TWO "delete s1");
    offline_fails(0, "are one file, seen at two places", TWO "list");
    json_auto_t *check = offline_json(9, TWO "check");
    cr_expect_eq(json_array_size(json_object_get(check, "findings")), 1);
    says(check, "findings.0.code", "misleading-backing");
    offline_ok("qrewind -i one/a.qcow2 create s3");
}

/* Two disks whose images are called alike, in one/ and one/in/. */
static void make_alike(void)
{
    offline_ok("mkdir -p one/in");
    offline_image("one/a.qcow2", "4M", NULL);
    offline_image("one/in/a.qcow2", "4M", NULL);
    offline_write("one/a.qcow2", 1, "0", "64k");
    offline_write("one/in/a.qcow2", 5, "0", "64k");
    offline_ok("qrewind -i one/a.qcow2 -i one/in/a.qcow2 create s1");
    offline_write("one/a.s1.qcow2", 2, "1M", "64k");
    offline_write("one/in/a.s1.qcow2", 6, "1M", "64k");
    offline_ok("qrewind -i one/a.qcow2 create s2");
    offline_interrupt("one/a.qcow2.qrewind.json");
}

static void alike_reads(const char *folder)
{
    auto_free char *first = mem_printf("%s/a.s2.qcow2", folder),
                   *second = mem_printf("%s/in/a.s2.qcow2", folder);

    offline_reads(first, 1, "0", "64k");
    offline_reads(first, 2, "1M", "64k");
    offline_reads(second, 5, "0", "64k");
    offline_reads(second, 6, "1M", "64k");
}

Test(qemu_copied, in_a_folder_that_was_moved_each_disk_finds_its_own)
{
    make_alike();
    offline_ok("mv one two");
    offline_ok("qrewind -S two/a.qcow2.qrewind.json repair");
    alike_reads("two");
    offline_ok("qrewind -S two/a.qcow2.qrewind.json check");
}

Test(qemu_copied, what_is_away_for_the_moment_is_not_the_other_disks)
{
    make_alike();
    offline_ok("mv one/in/a.s1.qcow2 away");
    auto_result struct lab_result r =
        offline_run("qrewind -S one/a.qcow2.qrewind.json repair --yes");
    cr_expect_neq(r.status, 0, "%s", r.err);
    offline_ok("mv away one/in/a.s1.qcow2");
    alike_reads("one");
    offline_ok("qrewind -S one/a.qcow2.qrewind.json repair");
    alike_reads("one");
}

/* What is pending in a folder that was moved: root mends no header of another user's than the
 * sidecar's, which may name any file as a layer. */
Test(qemu_copied, in_a_folder_that_was_moved_root_writes_to_the_owners_images_alone)
{
    scratch_needs_root();
    make_one();
    offline_interrupt("one/a.qcow2.qrewind.json");
    cr_assert(!rename("one", "two"));
    offline_ok("chown 12345 two/a.qcow2 two/a.s2.qcow2 two/a.qcow2.qrewind.json");
    offline_fails(1, "one/a.qcow2: there is no such file", TWO "repair");
    offline_sh("qemu-img info two/a.s1.qcow2 | grep -q 'backing file: .*/one/a.qcow2'");
    offline_ok("chown 12345 two/a.s1.qcow2");
    offline_ok(TWO "repair");
    offline_ok(TWO "create s3");
}
