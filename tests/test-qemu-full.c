/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The disk is full, to the last block, and what takes the room are snapshots: they can be deleted,
 * as the sidecar keeps the room that its successors take.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

/* Folders that tests make lie in a small file system. Only root can do that. */
static void small_disk(void)
{
    char path[] = "/tmp/qrw-full-XXXXXX";

    if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
        cr_skip_test("needs root, to mount a small file system");
    cr_assert(mkdtemp(path) && !mount("tmpfs", path, "tmpfs", 0, "size=48M"), "%m");
    setenv("TMPDIR", path, 1);
}

static void leave_disk(void)
{
    cr_expect_eq(umount2(getenv("TMPDIR"), MNT_DETACH), 0);
    rmdir(getenv("TMPDIR"));
}

/* Not one byte more. */
static void fill(void)
{
    offline_sh("head -c 100M /dev/zero >$TMPDIR/fill 2>/dev/null || :\n"
               "! echo >$TMPDIR/more 2>/dev/null || test ! -s $TMPDIR/more\n"
               "rm -f $TMPDIR/more");
}

static long long kept(const char *file)
{
    struct stat st;

    cr_assert_eq(stat(file, &st), 0, "%s: %m", file);
    return (long long)st.st_blocks * 512 - st.st_size;
}

Test(full, what_snapshots_hold_can_be_deleted_offline)
{
    small_disk();
    offline_enter();
    offline_tower();
    offline_ok("qrewind -q -i base.qcow2 revert s1");
    fill();
    offline_fails(1, "KiB must be free", "qrewind -i base.qcow2 create s3");
    offline_ok("qrewind -q -i base.qcow2 delete --undo");
    offline_files("base.qcow2 base.qcow2" SIDECAR_SUFFIX " base.s1-2.qcow2 base.s1.qcow2");
    cr_expect_gt(kept("base.qcow2" SIDECAR_SUFFIX), 16 << 10);
    fill();
    offline_ok("qrewind -q -i base.qcow2 delete s2");
    offline_files("base.qcow2 base.qcow2" SIDECAR_SUFFIX " base.s1-2.qcow2");
    cr_expect_gt(kept("base.qcow2" SIDECAR_SUFFIX), 16 << 10);
    offline_ok("qrewind -q -i base.qcow2 check");
    offline_reads("base.s1-2.qcow2", 1, "3M", "64k");
    offline_leave();
    leave_disk();
}

Test(full, what_snapshots_hold_can_be_deleted_while_the_guest_waits_for_room)
{
    small_disk();
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "revert", "s1");
    fill();
    does(lab, "delete", "--undo");
    cr_expect(has_file(lab, "vda.s1.qcow2") && !has_file(lab, "vda.s2.qcow2"));
    does(lab, "delete", "s2");
    cr_expect(!has_file(lab, "vda.s1.qcow2"));
    holds(lab, 0, 1);
    does(lab, "check");
    turn_off(lab);
    lab_stop(lab);
    leave_disk();
}

/* As an older qrewind, or a backup, has left it. */
Test(full, where_nothing_was_kept_it_is_said_what_is_missing)
{
    small_disk();
    offline_enter();
    offline_tower();
    offline_ok("qrewind -q -i base.qcow2 revert s1");
    offline_sh("truncate -s $(stat -c %s base.qcow2.qrewind.json) base.qcow2.qrewind.json");
    cr_assert_lt(kept("base.qcow2" SIDECAR_SUFFIX), 4096);
    offline_sh("cp base.qcow2.qrewind.json before");
    fill();
    offline_fails(1, "KiB must be free on that file system: make room, and try again",
                  "qrewind -i base.qcow2 delete --undo");
    offline_sh("cmp base.qcow2.qrewind.json before\n"
               "rm before");
    offline_files("base.qcow2 base.qcow2" SIDECAR_SUFFIX
                  " base.s1-2.qcow2 base.s1.qcow2 base.s2.qcow2");
    offline_sh("truncate -s -16K $TMPDIR/fill");
    offline_ok("qrewind -q -i base.qcow2 delete --undo");
    offline_leave();
    leave_disk();
}
