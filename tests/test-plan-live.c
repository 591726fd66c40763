/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans of create --memory=live, and of the way back: tests/scene/operation.h tells how to
 * read a row, and what is checked of each without being said.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case create[] = {
    {"with memory while the guest runs on",
     "disk0: a; disk1: b", "create s1 --memory=live",
     "need absent a.s1, need absent b.s1, need absent a.s1.vmstate, need space a.s1.vmstate "
     "133M, migrate-set-capabilities "
     "capabilities=[{\"capability\":\"background-snapshot\",\"state\":true}], "
     "migrate-set-parameters max-bandwidth=1125899906842624, overlay a.s1 on a, blockdev-add "
     "node-name=qrw-t-0 file.filename=a.s1, overlay b.s1 on b, blockdev-add node-name=qrw-t-1 "
     "file.filename=b.s1, sync a.s1 b.s1, flush a, flush b, stream a.s1.vmstate like a, sync "
     "a.s1.vmstate, stop, transaction blockdev-snapshot node=#a overlay=qrw-t-0 + "
     "blockdev-snapshot node=#b overlay=qrw-t-1, migrate uri=fd:qrw-t | a.s1.vmstate is saved,"
     " disk0 shows a.s1 on a, disk1 shows b.s1 on b | migrate-set-capabilities "
     "capabilities=[{\"capability\":\"background-snapshot\",\"state\":false}], "
     "migrate-set-parameters max-bandwidth=134217728, closefd fdname=qrw-t | disk0: a*s1 <- "
     "a.s1; disk1: b*s1 <- b.s1"},
    {"with memory while the guest runs on, where QEMU opens the file",
     "disk0: a; QEMU 10.0", "create s1 --memory=live",
     "need absent a.s1, need absent a.s1.vmstate, need space a.s1.vmstate 133M, "
     "migrate-set-capabilities "
     "capabilities=[{\"capability\":\"background-snapshot\",\"state\":true}], "
     "migrate-set-parameters max-bandwidth=1125899906842624, overlay a.s1 on a, blockdev-add "
     "node-name=qrw-t-0 file.filename=a.s1, sync a.s1, flush a, stream a.s1.vmstate like a, "
     "sync a.s1.vmstate, stop, blockdev-snapshot node=#a overlay=qrw-t-0, migrate "
     "uri=file:a.s1.vmstate | a.s1.vmstate is saved, disk0 shows a.s1 on a | "
     "migrate-set-capabilities "
     "capabilities=[{\"capability\":\"background-snapshot\",\"state\":false}], "
     "migrate-set-parameters max-bandwidth=134217728 | disk0: a*s1 <- a.s1"},
    {"a guest that stands still is not made to run",
     "disk0: a; paused", "create s1 --memory=live",
     "need absent a.s1, need absent a.s1.vmstate, need space a.s1.vmstate 128M, overlay a.s1 "
     "on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, sync a.s1, flush a, image "
     "a.s1.vmstate like a, sync a.s1.vmstate, blockdev-add node-name=qrw-t-ram "
     "file.filename=a.s1.vmstate, snapshot-save tag=s1 vmstate=qrw-t-ram "
     "devices=[\"qrw-t-ram\"], blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on"
     " a | blockdev-del node-name=qrw-t-ram, 'the guest stands still: its memory is saved as "
     "--memory does' | disk0: a*s1 <- a.s1"},
    {"and one that shall stand still is stopped before",
     "disk0: a", "create s1 --memory=live --halt",
     "need absent a.s1, need absent a.s1.vmstate, need space a.s1.vmstate 128M, overlay a.s1 "
     "on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, sync a.s1, flush a, image "
     "a.s1.vmstate like a, sync a.s1.vmstate, blockdev-add node-name=qrw-t-ram "
     "file.filename=a.s1.vmstate, stop, snapshot-save tag=s1 vmstate=qrw-t-ram "
     "devices=[\"qrw-t-ram\"], blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on"
     " a | blockdev-del node-name=qrw-t-ram, 'the guest stands still: its memory is saved as "
     "--memory does' | disk0: a*s1 <- a.s1"},
    {"not where we make no files",
     "disk0: a; out of reach", "create s1 --memory=live",
     "unsupported: the memory needs a file, and QEMU's files are out of our reach (where "
     "QEMU runs, a monitor on a unix socket tells whose files they are: -qmp unix:PATH,server=on,wait=off)"},
    {"a name that means something else to QEMU",
     "disk0: a", "create s1 --memory=live --overlay disk0=/vm,offset=1/x.qcow2",
     "unsupported: QEMU would not write to /vm,offset=1/a.s1.vmstate: ',offset=' in a name has"
     " a meaning for it"},
    {"before 6.0",
     "disk0: a; QEMU 5.2", "create s1 --memory=live",
     "unsupported: QEMU 5.2 cannot save or load memory in place: that needs 6.0 or newer "
     "(create --internal --memory works there, if every writable disk is qcow2; without "
     "--memory the disks alone)"},
};

static const struct picture_case revert[] = {
    {"with a memory that was saved live, where QEMU waits for it",
     "disk0: base* <- a; live s1; inmigrate", "revert s1 --running",
     "need absent base.s1, need stream s1.vmstate, overlay base.s1 on base, blockdev-add "
     "node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, "
     "blockdev-snapshot node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}],"
     " migrate-incoming uri=fd:qrw-t, cont, announce-self initial=50 max=550 rounds=5 step=50 "
     "| disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- a~"},
    {"the same on a QEMU that opens the file, left stopped",
     "disk0: base* <- a; live s1; inmigrate; QEMU 10.0", "revert s1 --paused",
     "need absent base.s1, need stream s1.vmstate, overlay base.s1 on base, blockdev-add "
     "node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, "
     "blockdev-snapshot node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}],"
     " migrate-incoming uri=file:s1.vmstate exit-on-error=false | disk0 shows base.s1 on base "
     "| disk0: base*s1 <- base.s1; + base*s1 <- a~"},
    {"without it the running VM goes back",
     "disk0: base* <- a; live s1", "revert s1 --no-memory",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}],"
     " system_reset, cont | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1"
     " <- a~"},
    {"a memory that was saved live, in a QEMU that runs",
     "disk0: base* <- a; live s1", "revert s1",
     "unsupported: the memory of s1 was saved while the guest ran on (--memory=live): only a "
     "QEMU that was started to load it can (end this QEMU and start it as it was, on the "
     "images that it has now, with -incoming defer appended; then: qrewind revert s1. Or take "
     "the disks alone back here: --no-memory)"},
    {"a QEMU that waits for a memory, and a snapshot that has none",
     "disk0: base* <- a; inmigrate", "revert s1",
     "refused: the VM is in the middle of a migration: inmigrate (started with -incoming it waits for "
     "a memory: a snapshot that was saved with --memory=live can be loaded; for any other start it "
     "with -S)"},
};
/* clang-format on */

Test(live, is_saved_once_the_disks_have_switched)
{
    picture_cases(create, sizeof(create) / sizeof(create[0]));
}

Test(live, is_loaded_by_a_qemu_that_waits_for_it)
{
    picture_cases(revert, sizeof(revert) / sizeof(revert[0]));
}

Test(live, what_was_set_for_migrations_is_set_again)
{
    struct picture *p = picture_new("disk0: a");

    p->machine.live = MACHINE_LIVE_ON;
    p->machine.bandwidth = 5 << 20;
    auto_free char *plan = picture_plan(p, "create s1 --memory=live");
    cr_expect(!strstr(plan, "migrate-set-capabilities") && !strstr(plan, "need live"), "%s", plan);
    cr_expect(strstr(plan, "| migrate-set-parameters max-bandwidth=5242880,"), "%s", plan);
    p->machine.live = MACHINE_LIVE_NEVER;
    auto_free char *never = picture_plan(p, "create s1 --memory=live");
    cr_expect_str_eq(never, "unsupported: this QEMU cannot save the memory of a guest that runs on "
                            "(--memory works: the guest stands still meanwhile)");
    picture_free(p);
}
