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
     "snapshot-save tag=s1 vmstate=#a devices=[\"#a\",\"#b\"] | disk0 has tag s1, disk1 has tag "
     "s1 | disk0: a; disk1: b; inside s1: disk0! disk1"},
    {"halt stops it first, and QEMU leaves it so",
     "disk0: a",
     "create s1 --internal --memory --halt",
     "stop, snapshot-save tag=s1 vmstate=#a devices=[\"#a\"] | disk0 has tag s1 | disk0: a; "
     "inside s1: disk0!"},
    {"a guest that is halted already",
     "disk0: a; paused",
     "create s1 --internal --halt",
     "blockdev-snapshot-internal-sync device=#a name=s1 | disk0 has tag s1 | disk0: a; inside "
     "s1: disk0"},
    {"5.2 saves memory by a line for people",
     "disk0: a; disk1: b; QEMU 5.2.0",
     "create q\"u\\o --internal --memory",
     "human-monitor-command command-line=savevm \"q\\\"u\\\\o\" | disk0 has tag q\"u\\o, disk1 "
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
     "unsupported: disk1, disk2 cannot hold an internal snapshot: b.raw is raw (convert it while "
     "the VM is off (qemu-img convert -O qcow2 b.raw b.raw), leave it out (--exclude disk1), or "
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
     "refused: the job j1 (backup) is running (wait for it (qrewind job wait j1) or cancel it)"},
    {"a job that has ended does not matter",
     "disk0: a; job j1 snapshot-save concluded",
     "create s1 --internal --memory",
     "snapshot-save tag=s1 vmstate=#a devices=[\"#a\"] | disk0 has tag s1 | disk0: a; inside s1: "
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

static const struct picture_case revert[] = {
    {"with memory",
     "disk0: a^m1!; disk1: b^m1; inside m1",
     "revert m1",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, transaction blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t + blockdev-snapshot-internal-sync device=#b name=qrw-undo-t, snapshot-load "
     "tag=m1 vmstate=#a devices=[\"#a\",\"#b\"], cont, announce-self initial=50 max=550 rounds=5 "
     "step=50 | disk0 has tag qrw-undo-t, disk1 has tag qrw-undo-t, qrw-load-t ended well | "
     "blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch | disk0: a; disk1: b; inside m1: "
     "disk0! disk1; inside undo as qrw-undo-t: disk0 disk1"},
    {"the memory lies in any of the disks",
     "disk0: a^m1; disk1: b^m1!; inside m1",
     "revert m1",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, transaction blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t + blockdev-snapshot-internal-sync device=#b name=qrw-undo-t, snapshot-load "
     "tag=m1 vmstate=#b devices=[\"#a\",\"#b\"], cont, announce-self initial=50 max=550 rounds=5 "
     "step=50 | disk0 has tag qrw-undo-t, disk1 has tag qrw-undo-t, qrw-load-t ended well | "
     "blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch | disk0: a; disk1: b; inside m1: "
     "disk0 disk1!; inside undo as qrw-undo-t: disk0 disk1"},
    {"left stopped",
     "disk0: a^m1!; inside m1",
     "revert m1 --paused",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t, snapshot-load tag=m1 vmstate=#a devices=[\"#a\"] | disk0 has tag "
     "qrw-undo-t, qrw-load-t ended well | blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch "
     "| disk0: a; inside m1: disk0!; inside undo as qrw-undo-t: disk0"},
    {"a guest that is stopped goes on as it did then",
     "disk0: a^m1!; inside m1; paused",
     "revert m1",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, blockdev-snapshot-internal-sync device=#a name=qrw-undo-t, "
     "snapshot-load tag=m1 vmstate=#a devices=[\"#a\"], cont, announce-self initial=50 max=550 "
     "rounds=5 step=50 | disk0 has tag qrw-undo-t, qrw-load-t ended well | blockdev-del "
     "node-name=qrw-t-ram, unlink qrw-t.scratch | disk0: a; inside m1: disk0!; inside undo as "
     "qrw-undo-t: disk0"},
    {"nothing is kept",
     "disk0: a^m1!; inside m1",
     "revert m1 --discard",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t, snapshot-load tag=m1 vmstate=#a devices=[\"#a\"], cont, announce-self "
     "initial=50 max=550 rounds=5 step=50 | qrw-load-t ended well | blockdev-del "
     "node-name=qrw-t-ram, unlink qrw-t.scratch, blockdev-snapshot-delete-internal-sync "
     "device=#a name=qrw-undo-t | disk0: a; inside m1: disk0!"},
    {"the present state under a name",
     "disk0: a^m1!; disk1: b^m1; inside m1",
     "revert m1 --keep k1",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, transaction blockdev-snapshot-internal-sync device=#a "
     "name=k1 + blockdev-snapshot-internal-sync device=#b name=k1, snapshot-load tag=m1 "
     "vmstate=#a devices=[\"#a\",\"#b\"], cont, announce-self initial=50 max=550 rounds=5 "
     "step=50 | disk0 has tag k1, disk1 has tag k1, qrw-load-t ended well | blockdev-del "
     "node-name=qrw-t-ram, unlink qrw-t.scratch, 'k1 holds the disks only: going back to it "
     "means a reset' | disk0: a; disk1: b; inside m1: disk0! disk1; inside k1: disk0 disk1"},
    {"the disks alone go back with the memory that is there",
     "disk0: a^t1; disk1: b^t1; inside t1",
     "revert t1",
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, "
     "blockdev-add node-name=qrw-t-ram file.filename=qrw-t.scratch, stop, transaction "
     "blockdev-snapshot-internal-sync device=#a name=qrw-undo-t + "
     "blockdev-snapshot-internal-sync device=#b name=qrw-undo-t, snapshot-save tag=t1 "
     "vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], snapshot-load tag=t1 vmstate=qrw-t-ram "
     "devices=[\"#a\",\"#b\",\"qrw-t-ram\"], system_reset, cont | disk0 has tag qrw-undo-t, "
     "disk1 has tag qrw-undo-t, qrw-load-t ended well | blockdev-del node-name=qrw-t-ram, unlink "
     "qrw-t.scratch | disk0: a; disk1: b; inside t1: disk0 disk1; inside undo as qrw-undo-t: "
     "disk0 disk1"},
    {"without its memory",
     "disk0: a^m1!; inside m1",
     "revert m1 --no-memory",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t, snapshot-save tag=m1 vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], "
     "snapshot-load tag=m1 vmstate=qrw-t-ram devices=[\"#a\",\"qrw-t-ram\"], system_reset, cont "
     "| disk0 has tag qrw-undo-t, qrw-load-t ended well | blockdev-del node-name=qrw-t-ram, "
     "unlink qrw-t.scratch | disk0: a; inside m1: disk0!; inside undo as qrw-undo-t: disk0"},
    {"without a reset",
     "disk0: a^t1; inside t1",
     "revert t1 --no-reset --discard",
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, "
     "blockdev-add node-name=qrw-t-ram file.filename=qrw-t.scratch, stop, "
     "blockdev-snapshot-internal-sync device=#a name=qrw-undo-t, snapshot-save tag=t1 "
     "vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], snapshot-load tag=t1 vmstate=qrw-t-ram "
     "devices=[\"#a\",\"qrw-t-ram\"], cont | qrw-load-t ended well | blockdev-del "
     "node-name=qrw-t-ram, unlink qrw-t.scratch, blockdev-snapshot-delete-internal-sync "
     "device=#a name=qrw-undo-t | disk0: a; inside t1: disk0"},
    {"only the disks that took part",
     "disk0: a^t1; disk1: b; inside t1",
     "revert t1",
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, "
     "blockdev-add node-name=qrw-t-ram file.filename=qrw-t.scratch, stop, "
     "blockdev-snapshot-internal-sync device=#a name=qrw-undo-t, snapshot-save tag=t1 "
     "vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], snapshot-load tag=t1 vmstate=qrw-t-ram "
     "devices=[\"#a\",\"qrw-t-ram\"], system_reset, cont | disk0 has tag qrw-undo-t, qrw-load-t "
     "ended well | blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch | disk0: a; disk1: b; "
     "inside t1: disk0; inside undo as qrw-undo-t: disk0"},
    {"an older undo point goes",
     "disk0: a^t1^qrw-undo-x; inside t1; inside qrw-undo-x",
     "revert t1",
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, "
     "blockdev-add node-name=qrw-t-ram file.filename=qrw-t.scratch, stop, "
     "blockdev-snapshot-internal-sync device=#a name=qrw-undo-t, snapshot-save tag=t1 "
     "vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], snapshot-load tag=t1 vmstate=qrw-t-ram "
     "devices=[\"#a\",\"qrw-t-ram\"], system_reset, cont | disk0 has tag qrw-undo-t, qrw-load-t "
     "ended well | blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch, "
     "blockdev-snapshot-delete-internal-sync device=#a name=qrw-undo-x | disk0: a; inside t1: "
     "disk0; inside undo as qrw-undo-t: disk0"},
    {"an undo point of layers goes",
     "disk0: base*s1 <- a^t1; + base <- old~; inside t1",
     "revert t1",
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, "
     "blockdev-add node-name=qrw-t-ram file.filename=qrw-t.scratch, stop, "
     "blockdev-snapshot-internal-sync device=#a name=qrw-undo-t, snapshot-save tag=t1 "
     "vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], snapshot-load tag=t1 vmstate=qrw-t-ram "
     "devices=[\"#a\",\"qrw-t-ram\"], system_reset, cont | disk0 has tag qrw-undo-t, qrw-load-t "
     "ended well | blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch, unlink old | disk0: "
     "base*s1 <- a; inside t1: disk0; inside undo as qrw-undo-t: disk0"},
    {"one that savevm made",
     "disk0: a^m1!; disk1: b^m1",
     "revert m1",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, transaction blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t + blockdev-snapshot-internal-sync device=#b name=qrw-undo-t, snapshot-load "
     "tag=m1 vmstate=#a devices=[\"#a\",\"#b\"], cont, announce-self initial=50 max=550 rounds=5 "
     "step=50 | disk0 has tag qrw-undo-t, disk1 has tag qrw-undo-t, qrw-load-t ended well | "
     "blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch | disk0: a; disk1: b; inside undo "
     "as qrw-undo-t: disk0 disk1"},
    {"one that qemu-img made",
     "disk0: a^t1; disk1: b",
     "revert t1",
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, "
     "blockdev-add node-name=qrw-t-ram file.filename=qrw-t.scratch, stop, "
     "blockdev-snapshot-internal-sync device=#a name=qrw-undo-t, snapshot-save tag=t1 "
     "vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], snapshot-load tag=t1 vmstate=qrw-t-ram "
     "devices=[\"#a\",\"qrw-t-ram\"], system_reset, cont | disk0 has tag qrw-undo-t, qrw-load-t "
     "ended well | blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch | disk0: a; inside "
     "undo as qrw-undo-t: disk0"},
    {"memory that knows nothing of a disk",
     "disk0: a^m1!; disk1: b",
     "revert m1",
     "refused: disk disk1 has no snapshot 'm1', its memory may need it (--no-memory takes the "
     "other disks back, and resets the guest)"},
    {"the disks of that",
     "disk0: a^m1!; disk1: b",
     "revert m1 --no-memory",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t, snapshot-save tag=m1 vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], "
     "snapshot-load tag=m1 vmstate=qrw-t-ram devices=[\"#a\",\"qrw-t-ram\"], system_reset, cont "
     "| disk0 has tag qrw-undo-t, qrw-load-t ended well | blockdev-del node-name=qrw-t-ram, "
     "unlink qrw-t.scratch | disk0: a; inside undo as qrw-undo-t: disk0"},
    {"read-only disks need no tag",
     "disk0: a^m1!; disk1[read-only]: b",
     "revert m1",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t, snapshot-load tag=m1 vmstate=#a devices=[\"#a\"], cont, announce-self "
     "initial=50 max=550 rounds=5 step=50 | disk0 has tag qrw-undo-t, qrw-load-t ended well | "
     "blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch | disk0: a; inside undo as "
     "qrw-undo-t: disk0"},
    {"undo",
     "disk0: a^t1^qrw-undo-x; disk1: b^qrw-undo-x; inside t1; inside qrw-undo-x",
     "undo",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, transaction blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t + blockdev-snapshot-internal-sync device=#b name=qrw-undo-t, snapshot-save "
     "tag=qrw-undo-x vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], snapshot-load tag=qrw-undo-x "
     "vmstate=qrw-t-ram devices=[\"#a\",\"#b\",\"qrw-t-ram\"], system_reset, cont | disk0 has "
     "tag qrw-undo-t, disk1 has tag qrw-undo-t, qrw-load-t ended well | blockdev-del "
     "node-name=qrw-t-ram, unlink qrw-t.scratch, blockdev-snapshot-delete-internal-sync "
     "device=#a name=qrw-undo-x, blockdev-snapshot-delete-internal-sync device=#b "
     "name=qrw-undo-x | disk0: a; disk1: b; inside t1: disk0; inside undo as qrw-undo-t: disk0 "
     "disk1"},
    {"files out of reach: no scratch image, no way back from a failure",
     "disk0: a^m1!; inside m1; out of reach",
     "revert m1",
     "stop, blockdev-snapshot-internal-sync device=#a name=qrw-undo-t, snapshot-load tag=m1 "
     "vmstate=#a devices=[\"#a\"], cont, announce-self initial=50 max=550 rounds=5 step=50 | "
     "disk0 has tag qrw-undo-t, qrw-load-t ended well | disk0: a; inside m1: disk0!; inside undo "
     "as qrw-undo-t: disk0"},
    {"files out of reach: the disks alone cannot go",
     "disk0: a^t1; inside t1; out of reach",
     "revert t1",
     "unsupported: the disks alone go back by way of a scratch file, and QEMU's files are out of "
     "our reach (with the VM off: qemu-img snapshot -a t1 FILE, for each disk)"},
    {"the tag is in a layer below",
     "disk0: a^t1 <- b",
     "revert t1",
     "not-found: no snapshot 't1' (qrewind list shows the names)"},
    {"a copy of what it showed, where the disk runs on another layer",
     "disk0: base <- a*^t1 <- b; inside t1",
     "revert t1",
     "need absent base.t1, need space base.t1 1M, need absent base.qrw-t, copy base.t1 like a, "
     "sync base.t1, overlay base.qrw-t on base.t1, blockdev-add node-name=qrw-t-b0 backing=#base "
     "file.filename=base.t1 file.auto-read-only=true read-only=true, blockdev-add "
     "node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.qrw-t, sync base.qrw-t, stop, "
     "blockdev-snapshot node=#b overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, system_reset, cont | disk0 "
     "shows base.t1 on base | blockdev-del node-name=qrw-t-0, unlink base.qrw-t | disk0: base <- "
     "base.t1; + base <- a*s1 <- b~; inside t1: disk0"},
    {"a copy that builds on nothing",
     "disk0: a*^t1 <- b; inside t1",
     "revert t1 --discard --no-reset",
     "need absent a.t1, need space a.t1 1M, need absent a.qrw-t, copy a.t1 like a, sync a.t1, "
     "overlay a.qrw-t on a.t1, blockdev-add node-name=qrw-t-b0 file.filename=a.t1 "
     "file.auto-read-only=true read-only=true, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=a.qrw-t, sync a.qrw-t, stop, blockdev-snapshot "
     "node=#b overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, cont | disk0 shows a.t1 alone "
     "| blockdev-del node-name=qrw-t-0, unlink a.qrw-t, unlink b | disk0: a.t1; + a*s1; inside "
     "t1: disk0"},
    {"memory in a layer below",
     "disk0: a*^t1! <- b; inside t1",
     "revert t1",
     "unsupported: disk disk0: 't1' lies in a, which the disk does not run on now: its memory "
     "cannot be loaded (--no-memory takes the disks back, and resets the guest; with the memory "
     "it goes without what is above: qrewind delete s1, qrewind commit disk0)"},
    {"a tag below on one disk only",
     "disk0: a*^t1 <- b; disk1: x^t1; inside t1",
     "revert t1",
     "refused: disk disk1 runs on the image with 't1', other disks no longer do (put an overlay "
     "there too: qrewind create NAME --disk disk1)"},
    {"an undo point below",
     "disk0: a*^qrw-undo-x <- b; inside qrw-undo-x",
     "undo",
     "need absent a.undo, need space a.undo 1M, need absent a.qrw-t, copy a.undo like a, sync "
     "a.undo, overlay a.qrw-t on a.undo, blockdev-add node-name=qrw-t-b0 file.filename=a.undo "
     "file.auto-read-only=true read-only=true, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=a.qrw-t, sync a.qrw-t, stop, blockdev-snapshot "
     "node=#b overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, system_reset, cont | disk0 "
     "shows a.undo alone | blockdev-del node-name=qrw-t-0, unlink a.qrw-t, untag a | disk0: "
     "a.undo; + a*s1 <- b~"},
    {"dirty bitmaps",
     "disk0: a^t1; disk1[bitmaps]: b^t1; inside t1",
     "revert t1",
     "unsupported: disk disk1 has dirty bitmaps: QEMU loads no snapshot into it (remove them "
     "(qrewind qmp block-dirty-bitmap-remove); the next backup is a full one then)"},
    {"a job",
     "disk0: a^t1; inside t1; job j1 backup running",
     "revert t1",
     "refused: the job j1 (backup) is running (wait for it (qrewind job wait j1) or cancel it)"},
    {"a name that is taken",
     "disk0: a^t1^t2; inside t1",
     "revert t1 --keep t2",
     "refused: there is a snapshot 't2' already"},
    {"5.2: a line for people",
     "disk0: a^m1!; disk1: b^m1; inside m1; QEMU 5.2.0",
     "revert m1 --discard",
     "stop, human-monitor-command command-line=loadvm \"m1\", cont, announce-self initial=50 "
     "max=550 rounds=5 step=50 | disk0 has tag m1, disk1 has tag m1 | disk0: a; disk1: b; inside "
     "m1: disk0! disk1"},
    {"5.2: no undo point",
     "disk0: a^m1!; inside m1; QEMU 5.2.0",
     "revert m1",
     "stop, human-monitor-command command-line=loadvm \"m1\", cont, announce-self initial=50 "
     "max=550 rounds=5 step=50 | disk0 has tag m1 | 'QEMU 5.2.0 keeps no undo point here: what "
     "the guest had is gone' | disk0: a; inside m1: disk0!"},
    {"5.2: not the disks alone",
     "disk0: a^t1; inside t1; QEMU 5.2.0",
     "revert t1",
     "unsupported: QEMU 5.2.0 cannot take the disks alone back while it runs: that needs 6.0 or "
     "newer (with the VM off: qemu-img snapshot -a t1 FILE, for each disk)"},
    {"5.2: nothing is kept",
     "disk0: a^m1!; inside m1; QEMU 5.2.0",
     "revert m1 --keep k1",
     "unsupported: --keep with an internal snapshot needs QEMU 6.0 (qrewind create --internal "
     "--memory k1 does it first)"},
    {"5.2: all disks or none",
     "disk0: a^m1!; disk1: b; inside m1; QEMU 5.2.0",
     "revert m1",
     "unsupported: QEMU 5.2.0 takes all writable disks or none, and disk disk1 is left out: that "
     "needs 6.0 or newer"},
    {"a snapshot that is not there",
     "disk0: a^t1",
     "revert t2",
     "not-found: no snapshot 't2' (qrewind list shows the names)"},
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
    {"a node that QEMU named cannot be opened so",
     "disk0: a*^t1 <- b; inside t1",
     "delete t1",
     "unsupported: disk disk0: 't1' lies in a, below what the disk runs on, and QEMU cannot open "
     "that for writing (with the VM off: qemu-img snapshot -d 't1' a; to forget it and leave it "
     "there: qrewind delete --metadata 't1')"},
    {"5.2 cannot do that",
     "QEMU 5.2.0; disk0: a*^t1(named) <- b; inside t1",
     "delete t1",
     "unsupported: disk disk0: 't1' lies in a, below what the disk runs on, and QEMU cannot open "
     "that for writing (with the VM off: qemu-img snapshot -d 't1' a; to forget it and leave it "
     "there: qrewind delete --metadata 't1')"},
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
     "blockdev-snapshot-delete-internal-sync device=#y name=qrw-undo-x | disk0: a*s1 <- a.s1; "
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

Test(plan_internal, back_in_place_with_what_there_is_tagged_first)
{
    picture_cases(revert, sizeof(revert) / sizeof(revert[0]));
}

Test(plan_internal, taken_out_wherever_it_lies)
{
    picture_cases(deletions, sizeof(deletions) / sizeof(deletions[0]));
}

Test(plan_internal, what_a_snapshot_inside_builds_on_is_not_merged)
{
    picture_cases(merges, sizeof(merges) / sizeof(merges[0]));
}
