/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans for snapshots inside the images: tests/scene/operation.h tells how to read a row,
 * and what is checked of each without being said.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case create[] = {
    {"the guest stands still for its memory",
     "disk0: a",
     "create s1 --internal --memory=live",
     "usage: --internal stops the guest for its memory: --memory=live goes without it"},
    {"one disk is one command",
     "disk0: a",
     "create s1 --internal",
     "blockdev-snapshot-internal-sync device=#a name=s1 | disk0 has tag s1 | disk0: a; inside "
     "s1: disk0"},
    {"two disks, one instant",
     "disk0: a; disk1: b",
     "create s1 --internal",
     "transaction blockdev-snapshot-internal-sync device=#a name=s1 + "
     "blockdev-snapshot-internal-sync device=#b name=s1 | disk0 has tag s1, disk1 has tag s1 | "
     "disk0: a; disk1: b; inside s1: disk0 disk1"},
    {"only the disks that are wanted",
     "disk0: a; disk1: b(raw)",
     "create s1 --internal --exclude disk1",
     "blockdev-snapshot-internal-sync device=#a name=s1 | disk0 has tag s1 | disk0: a; inside "
     "s1: disk0"},
    {"the tag goes into the active layer",
     "disk0: base* <- a",
     "create i1 --internal",
     "blockdev-snapshot-internal-sync device=#a name=i1 | disk0 has tag i1 | disk0: base*s1 <- "
     "a; inside i1: disk0"},
    {"with memory QEMU stops the guest itself",
     "disk0: a; disk1: b",
     "create s1 --internal --memory",
     "need space a 128M, snapshot-save tag=s1 vmstate=#a devices=[\"#a\",\"#b\"] | disk0 has tag s1, disk1 has tag "
     "s1 | disk0: a; disk1: b; inside s1: disk0! disk1"},
    {"it goes into a disk that is not encrypted",
     "disk0[encrypted]: a; disk1: b",
     "create s1 --internal --memory",
     "need space b 128M, snapshot-save tag=s1 vmstate=#b devices=[\"#a\",\"#b\"] | disk0 has tag s1, disk1 has tag "
     "s1 | disk0: a; disk1: b; inside s1: disk0 disk1!"},
    {"there must be one",
     "disk0[encrypted]: a",
     "create s1 --internal --memory",
     "unsupported: QEMU 7.2.22 would crash: it cannot save memory in an encrypted image, as disk "
     "disk0 has (leave --memory out: a snapshot of the disks alone works)"},
    {"5.2 chooses the disk itself",
     "disk0: a; disk1[encrypted]: b; QEMU 5.2.0",
     "create s1 --internal --memory",
     "unsupported: QEMU 5.2.0 would crash: it cannot save memory in an encrypted image, as disk "
     "disk1 has (leave --memory out: a snapshot of the disks alone works)"},
    {"halt stops it first, and QEMU leaves it so",
     "disk0: a",
     "create s1 --internal --memory --halt",
     "need space a 128M, stop, snapshot-save tag=s1 vmstate=#a devices=[\"#a\"] | disk0 has tag s1 | disk0: a; "
     "inside s1: disk0!"},
    {"a guest that is halted already",
     "disk0: a; paused",
     "create s1 --internal --halt",
     "blockdev-snapshot-internal-sync device=#a name=s1 | disk0 has tag s1 | disk0: a; inside "
     "s1: disk0"},
    {"5.2 saves memory by a line for people",
     "disk0: a; disk1: b; QEMU 5.2.0",
     "create q\"u\\o --internal --memory",
     "need space a 128M, human-monitor-command command-line=savevm \"q\\\"u\\\\o\" | disk0 has tag q\"u\\o, disk1 "
     "has tag q\"u\\o | disk0: a; disk1: b; inside q\"u\\o: disk0! disk1"},
    {"5.2 takes all disks or none",
     "disk0: a; disk1: b(raw); QEMU 5.2.0",
     "create s1 --internal --memory --exclude disk1",
     "unsupported: QEMU 5.2.0 takes all writable disks or none, and disk disk1 is left out: that "
     "needs 6.0 or newer"},
    {"the disks alone are left to choose on 5.2 too",
     "disk0: a; disk1: b; QEMU 5.2.0",
     "create s1 --internal --disk disk1",
     "blockdev-snapshot-internal-sync device=#b name=s1 | disk1 has tag s1 | disk1: b; inside "
     "s1: disk1"},
    {"what cannot hold one is named, with the cure",
     "disk0: a; disk1: b(raw); disk2: c(raw)",
     "create s1 --internal",
     "unsupported: disk1, disk2 cannot hold an internal snapshot: b.raw is raw (go over to "
     "qcow2, while the guest runs (qrewind mirror disk1 b.raw --pivot; likewise disk2), leave out "
     "what cannot (--exclude disk1 --exclude disk2), or leave --internal out)"},
    {"the cure is quoted for the shell",
     "sd a: b'c(raw)",
     "create s1 --internal",
     "unsupported: sd a cannot hold an internal snapshot: b'c.raw is raw (go over to qcow2, while "
     "the guest runs (qrewind mirror 'sd a' 'b'\\''c.raw' --pivot), leave out what cannot "
     "(--exclude 'sd a'), or leave --internal out)"},
    {"what is no file here, is copied to where the user says",
     "disk0: a(raw,remote)",
     "create s1 --internal",
     "unsupported: disk0 cannot hold an internal snapshot: a is raw (go over to qcow2, while the "
     "guest runs (qrewind mirror disk0 FILE --pivot), leave out what cannot (--exclude disk0), or "
     "leave --internal out)"},
    {"a tag that is there already",
     "disk0: a^s1",
     "create s1 --internal",
     "refused: there is a snapshot 's1' already (choose another name, or none: it is then the "
     "time)"},
    {"a tag that only the name was changed of",
     "disk0: a^old^new; inside new",
     "create old --internal",
     "refused: there is a snapshot 'old' already (choose another name, or none: it is then the "
     "time)"},
    {"a name that an internal one has is taken for external ones too",
     "disk0: a^s1",
     "create s1",
     "refused: there is a snapshot 's1' already (choose another name, or none: it is then the "
     "time)"},
    {"memory and a job do not go together",
     "disk0: a; job j1 backup running",
     "create s1 --internal --memory",
     "locked: the job j1 (backup) is running (wait for it (qrewind job wait j1) or cancel it)"},
    {"a job that has ended does not matter",
     "disk0: a; job j1 snapshot-save concluded",
     "create s1 --internal --memory",
     "need space a 128M, snapshot-save tag=s1 vmstate=#a devices=[\"#a\"] | disk0 has tag s1 | disk0: a; inside s1: "
     "disk0!"},
    {"there are no overlays to place",
     "disk0: a",
     "create s1 --internal --overlay disk0=x",
     "usage: --internal makes no overlays: --overlay and --method go without it"},
    {"there is no method to choose",
     "disk0: a",
     "create s1 --internal --method sync",
     "usage: --internal makes no overlays: --overlay and --method go without it"},
};

static const struct picture_case deletions[] = {
    {"from the layer that the disk runs on",
     "disk0: a^t1; disk1: b^t1; inside t1",
     "delete t1",
     "blockdev-snapshot-delete-internal-sync device=#a name=t1, "
     "blockdev-snapshot-delete-internal-sync device=#b name=t1 | disk0 has no tag t1, disk1 has "
     "no tag t1 | disk0: a; disk1: b"},
    {"from a layer below, which is opened for writing meanwhile",
     "disk0: a*^t1(named) <- b; disk1: x^t1; inside t1",
     "delete t1",
     "need unshared a, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"a-fmt\",\"backing\":null,\"discard\":\"unmap\",\"file\":\"a-file\",\"read-only\":false}], "
     "snapshot-delete tag=t1 devices=[\"a-fmt\"], blockdev-snapshot-delete-internal-sync "
     "device=#x name=t1 | disk0 has no tag t1 in a, disk1 has no tag t1 | blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"a-fmt\",\"backing\":null,\"discard\":\"unmap\",\"file\":\"a-file\",\"read-only\":true}] "
     "| disk0: a*s1 <- b; disk1: x"},
    {"of all disks at once",
     "disk0: a*^t1 <- b; disk1: x*^t1 <- y; inside t1",
     "delete t1",
     "need unshared a, need unshared x, human-monitor-command command-line=qemu-io #a \"reopen "
     "-w\", human-monitor-command command-line=qemu-io #x \"reopen -w\", snapshot-delete tag=t1 "
     "devices=[\"#a\",\"#x\"] | disk0 has no tag t1 in a, disk1 has no tag t1 in x | "
     "human-monitor-command command-line=qemu-io #a \"reopen -r\", human-monitor-command "
     "command-line=qemu-io #x \"reopen -r\" | disk0: a*s1 <- b; disk1: x*s1 <- y"},
    {"one that others made, below",
     "disk0: a*^t1(named) <- b",
     "delete t1",
     "need unshared a, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"a-fmt\",\"backing\":null,\"discard\":\"unmap\",\"file\":\"a-file\",\"read-only\":false}], "
     "snapshot-delete tag=t1 devices=[\"a-fmt\"] | disk0 has no tag t1 in a | blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"a-fmt\",\"backing\":null,\"discard\":\"unmap\",\"file\":\"a-file\",\"read-only\":true}] "
     "| disk0: a*s1 <- b"},
    {"a node that QEMU named is opened so by the human monitor",
     "disk0: a*^t1 <- b; inside t1",
     "delete t1",
     "need unshared a, human-monitor-command command-line=qemu-io #a \"reopen -w\", "
     "snapshot-delete tag=t1 devices=[\"#a\"] | disk0 has no tag t1 in a | human-monitor-command "
     "command-line=qemu-io #a \"reopen -r\" | disk0: a*s1 <- b"},
    {"5.2 cannot do that",
     "QEMU 5.2.0; disk0: a*^t1(named) <- b; inside t1",
     "delete t1",
     "unsupported: disk disk0: 't1' lies in a, below what the disk runs on, and QEMU cannot open "
     "that for writing (with the VM off: qemu-img snapshot -d t1 a; to forget it and leave it "
     "there: qrewind delete --metadata t1)"},
    {"the record only", "disk0: a^t1; inside t1", "delete t1 --metadata",
     "disk0: a"},
    {"the undo point inside of what an external revert leaves",
     "disk0: a* <- b^qrw-undo-x; disk1: y^qrw-undo-x; inside qrw-undo-x",
     "revert s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.node-name=qrw-t-0f "
     "file.filename=a.s1, sync a.s1, stop, blockdev-snapshot node=#b overlay=qrw-t-0, "
     "blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#a\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows a.s1 on a | untag b, "
     "blockdev-snapshot-delete-internal-sync device=#y name=qrw-undo-x, 'disk disk1 is no part of s1: it stays as it is' | disk0: a*s1 <- a.s1; "
     "disk1: y; + a*s1 <- b~"},
};

static const struct picture_case merges[] = {
    {"the overlay with one inside must stay",
     "disk0: base <- a^t1",
     "commit disk0",
     "refused: disk disk0: the internal snapshot 't1' in a builds on what would be merged "
     "(delete it first: qrewind delete t1)"},
    {"what one builds on must stay",
     "disk0: base <- a^t1",
     "stream disk0",
     "refused: disk disk0: the internal snapshot 't1' in a builds on what would be merged "
     "(delete it first: qrewind delete t1)"},
    {"one in between too",
     "disk0: base <- a^t1 <- b",
     "commit disk0 --base base.qcow2",
     "refused: disk disk0: the internal snapshot 't1' in a builds on what would be merged "
     "(delete it first: qrewind delete t1)"},
    {"one inside of the base goes on there",
     "disk0: base^t1 <- a",
     "commit disk0",
     "need unshared base, need space base 1M, block-commit device=#a base-node=#base then "
     "complete | disk0 shows base alone | keep a: not made by qrewind | disk0: base"},
    {"one inside of what is pulled from stays there",
     "disk0: base^t1 <- a",
     "stream disk0",
     "need space a 1M, block-stream device=#a | disk0 shows a alone | keep base: not made by "
     "qrewind | disk0: a"},
};
/* clang-format on */

Test(plan_internal, a_tag_for_every_disk_and_memory_as_a_job)
{
    picture_cases(create, sizeof(create) / sizeof(create[0]));
}

Test(plan_internal, taken_out_wherever_it_lies)
{
    picture_cases(deletions, sizeof(deletions) / sizeof(deletions[0]));
}

Test(plan_internal, what_a_snapshot_inside_builds_on_is_not_merged)
{
    picture_cases(merges, sizeof(merges) / sizeof(merges[0]));
}
