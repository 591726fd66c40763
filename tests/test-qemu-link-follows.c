/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-link-follows: the record lies, and moves, in another folder than the image that the
 * user names: the link there leads to it whatever has moved it. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

#define NAMED "qrewind -i one/disk.qcow2 "
#define LINK "one/disk.qcow2.qrewind.json"

TestSuite(qemu_link_follows, .init = offline_enter, .fini = offline_leave, .timeout = 60);

static bool is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

static void expect_lead(const char *link, const char *target)
{
    char at[512] = {0};

    cr_expect_gt(readlink(link, at, sizeof(at) - 1), 0, "%s", link);
    cr_expect_str_eq(at, target);
}

/* one/disk.qcow2 (s1) <- two/disk.s1-2.qcow2;  two/disk.s1.qcow2 (s2) <- two/disk.s2.qcow2: in one
 * is nothing that the disk runs on now. */
static void two(void)
{
    cr_assert(!mkdir("one", 0700) && !mkdir("two", 0700));
    offline_image("one/disk.qcow2", "4M", NULL);
    offline_write("one/disk.qcow2", 1, "0", "64k");
    offline_sh("qrewind -i one/disk.qcow2 create s1 --overlay disk=$PWD/two/disk.s1.qcow2");
    offline_ok(NAMED "stream disk");
    offline_ok(NAMED "create s2");
    offline_ok(NAMED "revert s1");
    expect_lead(LINK, "../two/disk.s1-2.qcow2.qrewind.json");
    offline_ok(NAMED "undo");
}

Test(qemu_link_follows, what_undo_moves)
{
    two();
    expect_lead(LINK, "../two/disk.s2.qcow2.qrewind.json");
    offline_ok(NAMED "show s2");
    offline_ok(NAMED "check");
    offline_ok(NAMED "delete s2");
    offline_ok(NAMED "create s3");
    offline_ok("qrewind -i two/disk.s1.qcow2 check");
}

/* Who was killed in between has not told it. */
Test(qemu_link_follows, what_somebody_has_moved_who_did_not_say_so)
{
    two();
    cr_assert(!unlink(LINK) && !symlink("../two/disk.s1-2.qcow2.qrewind.json", LINK));
    offline_ok(NAMED "show s2");
    offline_ok(NAMED "edit s2 --pin");
    expect_lead(LINK, "../two/disk.s2.qcow2.qrewind.json");
    cr_assert(!unlink(LINK) && !symlink("../two/disk.s1-2.qcow2.qrewind.json", LINK));
    offline_ok("qrewind -i two/disk.s2.qcow2 edit s2 --unpin");
    expect_lead(LINK, "../two/disk.s2.qcow2.qrewind.json");
}

/* Two that know it: nobody can say which of them is meant. */
Test(qemu_link_follows, none_of_two)
{
    two();
    cr_assert(!unlink(LINK) && !symlink("../two/disk.s1-2.qcow2.qrewind.json", LINK));
    offline_sh("cp -p two/disk.s2.qcow2.qrewind.json two/other.qcow2.qrewind.json");
    offline_fails(1, "disk.s1-2.qcow2.qrewind.json, which is not there", NAMED "create s3");
}

/* No header leads from there to where the disk is, but the link does. */
Test(qemu_link_follows, what_lies_in_the_other_folder_is_removed)
{
    two();
    offline_ok(NAMED "create s4");
    offline_ok(NAMED "undo");
    offline_ok(NAMED "delete s1 s2");
    expect_lead("two/disk.s2.qcow2.qrewind.json", "../one/disk.qcow2.qrewind.json");
    cr_expect(!is_there("two/disk.s1.qcow2"));
    offline_ok("qrewind -i two/disk.s4.qcow2 show s4");
    offline_ok(NAMED "delete s4");
    expect_lead("two/disk.s4.qcow2.qrewind.json", "../one/disk.qcow2.qrewind.json");
    offline_ok(NAMED "delete --undo");
    cr_expect_eq(rmdir("two"), 0);
    offline_reads("one/disk.qcow2", 1, "0", "64k");
}
