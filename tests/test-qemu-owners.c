/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-qemu-owners: we work on the images of another user, who may have written anything into their
 * headers and his sidecar. What is not his is neither written to nor copied for him.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(qemu_owners, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define HIS "his/disk.s2.qcow2"
#define TOLD "qrewind -i " HIS

/* Of the user 12345: a chain of four, whose lowest layer is root's. */
static void make_his(void)
{
    scratch_needs_root();
    offline_sh("mkdir his deep; qemu-img create -q -f raw deep/secret.raw 1M; "
               "qemu-io -f raw -c 'write -q -P 7 0 1M' deep/secret.raw >/dev/null; "
               "qemu-img create -q -f qcow2 -F raw -b \"$PWD/deep/secret.raw\" his/disk.qcow2");
    offline_write("his/disk.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i his/disk.qcow2 create s1");
    offline_ok("qrewind -i his/disk.qcow2 create s2");
    offline_sh("chmod 600 deep/secret.raw; chown -R 12345 his");
}

static void nothing_was_done(void)
{
    offline_sh("cmp -n 65536 deep/secret.raw kept");
}

static const char other[] = "belongs to another user", unread[] = "who may not read it";

Test(qemu_owners, what_is_his_is_not_merged_into_what_is_not)
{
    make_his();
    offline_sh("cp deep/secret.raw kept");
    offline_ok(TOLD " delete s1 s2 --metadata");
    offline_fails(1, other, TOLD " commit disk --force --base deep/secret.raw");
    offline_fails(1, other, TOLD " commit disk --force --base deep/secret.raw --dry-run");
    nothing_was_done();
    offline_ok("chown 12345 deep/secret.raw");
    offline_ok(TOLD " commit disk --force --base deep/secret.raw");
    offline_sh("! cmp -s -n 65536 deep/secret.raw kept");
}

/* His sidecar says that nobody needs it any more. */
Test(qemu_owners, nor_because_it_is_due)
{
    make_his();
    offline_sh("cp deep/secret.raw kept; "
               "sed 's/\"format\": *\"raw\"/\"loose\": true, &/' his/disk.qcow2.qrewind.json >x; "
               "grep -q loose x; cat x >his/disk.qcow2.qrewind.json");
    auto_result struct lab_result r = offline_run(TOLD " repair --yes");
    cr_expect(strstr(r.err, "not merged yet: "), "%s", r.err);
    nothing_was_done();
}

Test(qemu_owners, what_he_may_not_read_is_not_copied_for_him)
{
    make_his();
    offline_fails(1, unread, TOLD " stream disk");
    offline_fails(1, unread, TOLD " mirror disk his/copy.qcow2");
    offline_sh("chmod 644 deep/secret.raw; test ! -e his/copy.qcow2");
    offline_ok(TOLD " mirror disk his/copy.qcow2");
    offline_sh("chmod 700 deep");
    offline_fails(1, unread, TOLD " stream disk");
    offline_sh("chmod 755 deep");
    offline_ok(TOLD " stream disk");
}

#define AS_ANOTHER "setpriv --reuid=12346 --regid=12346 --clear-groups %s -i " HIS

/* Who works in a folder of another user's need not be root. */
Test(qemu_owners, what_is_mine_is_not_for_him_either)
{
    make_his();
    offline_sh("cp deep/secret.raw kept; chown 12346 deep/secret.raw; chmod 777 his; "
               "chmod 666 his/*.qcow2; chmod 644 his/*.json");
    offline_fails(1, other, AS_ANOTHER " commit disk --force --base secret.raw", getenv("QREWIND"));
    offline_fails(1, unread, AS_ANOTHER " stream disk", getenv("QREWIND"));
    offline_sh("cmp -n 65536 deep/secret.raw kept");
    /* that user may write to it, and could do it himself */
    offline_sh("chmod 666 deep/secret.raw; chmod 777 deep");
    offline_ok(AS_ANOTHER " commit disk --force --base secret.raw", getenv("QREWIND"));
}

/* Nor what his sidecar says: that it is due, or was begun. */
Test(qemu_owners, nor_because_his_sidecar_says_so)
{
    make_his();
    offline_sh("cp deep/secret.raw kept; chown 12346 deep/secret.raw; chmod 777 his; "
               "sed -i 's/\"format\": *\"raw\"/\"loose\": true, &/' his/disk.qcow2.qrewind.json; "
               "chmod 666 his/*.qcow2; chmod 644 his/*.json; chown 12345 his/*.json");
    auto_result struct lab_result r = offline_run(AS_ANOTHER " repair --yes", getenv("QREWIND"));
    cr_expect(strstr(r.err, "not merged yet: "), "%s", r.err);
    offline_sh("cmp -n 65536 deep/secret.raw kept");
}

Test(qemu_owners, what_is_all_his_is_as_if_he_worked_himself)
{
    make_his();
    offline_ok("chmod 644 deep/secret.raw");
    offline_ok(TOLD " create s3");
    offline_ok(TOLD " revert s1");
    offline_ok(TOLD " delete s3 s2 --undo");
    offline_ok("qrewind -i his/disk.qcow2 check");
    offline_sh("test -z \"$(find his ! -uid 12345)\"");
}
