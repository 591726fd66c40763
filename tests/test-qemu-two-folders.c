/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-two-folders: a VM whose disks lie in two folders, each of which leads to the record. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

#define LINK "two/b.qcow2.qrewind.json"

TestSuite(qemu_two_folders, .init = offline_enter, .fini = offline_leave, .timeout = 60);

static bool is_link(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

static bool is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

/* Two snapshots, taken by naming the first disk only the second time. */
static void two(void)
{
    cr_assert(!mkdir("one", 0700) && !mkdir("two", 0700));
    offline_image("one/a.qcow2", "4M", NULL);
    offline_image("two/b.qcow2", "4M", NULL);
    offline_ok("qrewind -i one/a.qcow2 -i two/b.qcow2 create s1");
    offline_write("two/b.s1.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i one/a.qcow2 create s2");
    offline_write("two/b.s2.qcow2", 2, "0", "64k");
}

Test(qemu_two_folders, the_second_disk_leads_to_the_record)
{
    two();
    cr_expect(is_link(LINK));
    /* any of its layers does, and what a snapshot holds is not written to */
    auto_result struct lab_result list = offline_run("qrewind -i two/b.s1.qcow2 list");
    cr_expect(strstr(list.out, "s1") && strstr(list.out, "s2"), "%s%s", list.out, list.err);
    offline_fails(1, "s2", "qrewind -i two/b.s2.qcow2 commit b");
    offline_reads("two/b.s1.qcow2", 1, "0", "64k");
    offline_fails(1, "sidecar already", "qrewind -i two/b.s2.qcow2 adopt");
    offline_ok("qrewind -i two/b.s2.qcow2 create s3");
    cr_expect(is_there("one/a.s3.qcow2") && is_there("two/b.s3.qcow2"));
    cr_expect(is_link(LINK) && !is_there("two/b.s2.qcow2.qrewind.json"));
    offline_ok("qrewind -i two/b.qcow2 check");
    offline_ok("qrewind -i one/a.qcow2 delete s1 s2 s3");
    cr_expect(!is_there("two/b.s1.qcow2"));
}

Test(qemu_two_folders, what_leads_to_the_record_goes_with_it)
{
    two();
    offline_ok("qrewind -i two/b.qcow2 forget");
    cr_expect(!is_there(LINK) && !is_there("one/a.qcow2.qrewind.json"));
    auto_result struct lab_result list = offline_run("qrewind -i two/b.s1.qcow2 list");
    cr_expect(strstr(list.err, "no snapshots") || strstr(list.out, "no snapshots"), "%s%s",
              list.out, list.err);
}

/* Somebody has removed it, or one folder was moved, or the power went before it was made. */
Test(qemu_two_folders, it_is_made_anew)
{
    two();
    cr_assert_eq(unlink(LINK), 0);
    offline_ok("qrewind -i one/a.qcow2 edit s1 --pin"); /* which says so of any file */
    cr_expect(!is_there(LINK));
    offline_ok("qrewind -i one/a.qcow2 -i two/b.s1.qcow2 edit s1 --unpin");
    cr_expect(is_link(LINK));
    cr_assert(!unlink(LINK) && !symlink("/nowhere/a.qcow2.qrewind.json", LINK));
    offline_ok("qrewind -i one/a.qcow2 edit s1 --pin");
    offline_ok("qrewind -i two/b.qcow2 show s2");
}

/* It would be in its way. */
Test(qemu_two_folders, a_file_in_its_place_stays)
{
    two();
    cr_assert(!unlink(LINK) && !link("one/a.qcow2", LINK));
    offline_ok("qrewind -i one/a.qcow2 edit s1 --pin");
    cr_expect(!is_link(LINK));
}

/* A template is not ours to put anything beside. */
Test(qemu_two_folders, none_lies_beside_a_template)
{
    cr_assert(!mkdir("one", 0700) && !mkdir("two", 0700));
    offline_image("two/t.qcow2", "4M", NULL);
    offline_image("one/a.qcow2", "4M", NULL);
    offline_ok("qemu-img create -q -f qcow2 -F qcow2 -b ../two/t.qcow2 one/b.qcow2");
    offline_ok("qrewind -i one/a.qcow2 -i one/b.qcow2 create s1");
    cr_expect(!is_there("two/t.qcow2.qrewind.json") && !is_there("one/b.qcow2.qrewind.json"));
}

/* Empty as it is, nothing but its name on the command line tells that it is the one. */
Test(qemu_two_folders, the_second_folder_is_moved)
{
    two();
    offline_ok("qrewind -i one/a.qcow2 create s3");
    cr_assert_eq(rename("two", "three"), 0);
    auto_result struct lab_result repair =
        offline_run("qrewind -i one/a.qcow2 -i three/b.s3.qcow2 repair --yes");
    cr_expect_eq(repair.status, 0, "%s%s", repair.out, repair.err);
    cr_expect(!strstr(repair.err, "No such file"), "%s", repair.err);
    offline_ok("qrewind -i three/b.qcow2 check");
    offline_ok("qrewind -i three/b.qcow2 create s4");
    cr_expect(is_there("three/b.s4.qcow2"));
}

/* Any user's record may call any file an image. */
Test(qemu_two_folders, root_leaves_no_link_beside_what_is_not_its_owners)
{
    scratch_needs_root();
    two();
    cr_assert(!unlink(LINK));
    offline_sh("chown -R 12345:12345 one");
    offline_ok("qrewind -i one/a.qcow2 -i two/b.s2.qcow2 edit s1 --pin");
    cr_expect(!is_there(LINK));
    offline_sh("chown -R 12345:12345 two");
    offline_ok("qrewind -i one/a.qcow2 -i two/b.s2.qcow2 edit s1 --unpin");
    cr_expect(is_link(LINK));
}

/* Nor does it take the record there: it would be root's from then on. */
Test(qemu_two_folders, root_moves_no_record_beside_what_is_not_its_owners)
{
    scratch_needs_root();
    two();
    json_auto_t *doc = json_load_file("one/a.qcow2.qrewind.json", 0, NULL);
    json_t *disks = json_object_get(doc, "disks"), *swapped = json_object();

    json_object_set(swapped, "b", json_object_get(disks, "b"));
    json_object_set(swapped, "a", json_object_get(disks, "a"));
    json_object_set_new(doc, "disks", swapped);
    cr_assert(!unlink(LINK) && !unlink("one/a.qcow2.qrewind.json") &&
              !json_dump_file(doc, "one/x.qcow2.qrewind.json", 0));
    offline_image("one/x.qcow2", "1M", NULL);
    offline_sh("chmod 600 one/x.qcow2.qrewind.json; chown -R 12345:12345 one");
    offline_ok("qrewind -i one/a.qcow2 edit s1 --pin");
    offline_fails(1, "two/b.s2.qcow2 belongs to another user than the sidecar",
                  "qrewind -i one/a.qcow2 create s3");
    cr_expect(is_there("one/x.qcow2.qrewind.json") && !is_there("two/b.s2.qcow2.qrewind.json") &&
              !is_there("two/b.s3.qcow2.qrewind.json"));
}
