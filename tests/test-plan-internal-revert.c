/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans for going back inside the images: tests/scene/operation.h tells how to read a row,
 * and what is checked of each without being said.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
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
    {"that is of the disks that take part",
     "disk0: a^m1!; disk1: b; inside m1",
     "revert m1 --keep k1",
     "need absent qrw-t.scratch, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, blockdev-snapshot-internal-sync device=#a name=k1, "
     "snapshot-load tag=m1 vmstate=#a devices=[\"#a\"], cont, announce-self initial=50 max=550 "
     "rounds=5 step=50 | disk0 has tag k1, qrw-load-t ended well | blockdev-del "
     "node-name=qrw-t-ram, unlink qrw-t.scratch, 'disk disk1 is no part of m1: it stays as it "
     "is', 'disk disk1 is no part of k1 either', 'k1 holds the disks only: going back to it means "
     "a reset' | disk0: a; disk1: b; inside m1: disk0!; inside k1: disk0"},
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
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
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
     "ended well | blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch, 'disk disk1 is no part of t1: it stays as it is' | disk0: a; disk1: b; "
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
     "ended well | blockdev-del node-name=qrw-t-ram, unlink qrw-t.scratch, 'disk disk1 is no part "
     "of t1: it stays as it is' | disk0: a; inside undo as qrw-undo-t: disk0"},
    {"memory that knows nothing of a disk",
     "disk0: a^m1!; disk1: b",
     "revert m1",
     "refused: disk disk1 has no snapshot 'm1', its memory may need it (--no-memory takes the "
     "other disks back, and resets the guest)"},
    {"the disks of that",
     "disk0: a^m1!; disk1: b",
     "revert m1 --no-memory",
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
     "file.filename=qrw-t.scratch, stop, blockdev-snapshot-internal-sync device=#a "
     "name=qrw-undo-t, snapshot-save tag=m1 vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], "
     "snapshot-load tag=m1 vmstate=qrw-t-ram devices=[\"#a\",\"qrw-t-ram\"], system_reset, cont "
     "| disk0 has tag qrw-undo-t, qrw-load-t ended well | blockdev-del node-name=qrw-t-ram, "
     "unlink qrw-t.scratch, 'disk disk1 is no part of m1: it stays as it is' | disk0: a; inside "
     "undo as qrw-undo-t: disk0"},
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
     "need absent qrw-t.scratch, need space qrw-t.scratch 128M, image qrw-t.scratch like a, blockdev-add node-name=qrw-t-ram "
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
     "our reach (with the VM off: qrewind -i a revert t1)"},
    {"one that others made, in a layer below",
     "disk0: a^t1 <- b",
     "revert t1",
     "need absent b.t1, need space b.t1 1M, need absent b.qrw-t, copy b.t1 like a, sync b.t1, "
     "overlay b.qrw-t on b.t1, blockdev-add node-name=qrw-t-b0 file.filename=b.t1 "
     "file.auto-read-only=true read-only=true, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=b.qrw-t, sync b.qrw-t, stop, blockdev-snapshot "
     "node=#b overlay=qrw-t-0, blockdev-add driver=raw node-name=qrw-t-0-was read-only=true "
     "file=#b, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, system_reset, cont | disk0 "
     "shows b.t1 alone | blockdev-del node-name=qrw-t-0-was, blockdev-del node-name=qrw-t-0, "
     "unlink b.qrw-t | disk0: b.t1; + a <- b~; inside t1: disk0"},
    {"a copy of what it showed, where the disk runs on another layer",
     "disk0: base <- a*^t1 <- b; inside t1",
     "revert t1",
     "need absent base.t1, need space base.t1 1M, need absent base.qrw-t, copy base.t1 like a, "
     "sync base.t1, overlay base.qrw-t on base.t1, blockdev-add node-name=qrw-t-b0 backing=#base "
     "file.filename=base.t1 file.auto-read-only=true read-only=true, blockdev-add "
     "node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.qrw-t, sync base.qrw-t, stop, "
     "blockdev-snapshot node=#b overlay=qrw-t-0, blockdev-add driver=raw "
     "node-name=qrw-t-0-was read-only=true file=#b, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, system_reset, cont | disk0 "
     "shows base.t1 on base | blockdev-del node-name=qrw-t-0-was, "
     "blockdev-del node-name=qrw-t-0, unlink base.qrw-t | disk0: base <- "
     "base.t1; + base <- a*s1 <- b~; inside t1: disk0"},
    {"a copy that builds on nothing",
     "disk0: a*^t1 <- b; inside t1",
     "revert t1 --discard --no-reset",
     "need absent a.t1, need space a.t1 1M, need absent a.qrw-t, copy a.t1 like a, sync a.t1, "
     "overlay a.qrw-t on a.t1, blockdev-add node-name=qrw-t-b0 file.filename=a.t1 "
     "file.auto-read-only=true read-only=true, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=a.qrw-t, sync a.qrw-t, stop, blockdev-snapshot "
     "node=#b overlay=qrw-t-0, blockdev-add driver=raw node-name=qrw-t-0-was read-only=true "
     "file=#b, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, cont | disk0 shows a.t1 alone "
     "| blockdev-del node-name=qrw-t-0-was, "
     "blockdev-del node-name=qrw-t-0, unlink a.qrw-t, unlink b | disk0: a.t1; + a*s1; inside "
     "t1: disk0"},
    {"memory in a layer below",
     "disk0: a*^t1! <- b; inside t1",
     "revert t1",
     "unsupported: disk disk0: 't1' lies in a, which the disk does not run on now: its memory "
     "cannot be loaded (--no-memory takes the disks back, and resets the guest; with the memory "
     "it goes only without what is above: qrewind delete s1; and as long as a disk does not run on "
     "it, qrewind commit disk0 --base a)"},
    {"and much above it",
     "disk0: a*^t1! <- b*^t2 <- c^t3; disk1: x*^t1 <- y; inside t1; inside t2",
     "revert t1",
     "unsupported: disk disk0: 't1' lies in a, which the disk does not run on now: its memory "
     "cannot be loaded (--no-memory takes the disks back, and resets the guest; with the memory "
     "it goes only without what is above: qrewind delete s1 s2 t2 t3; and as long as a disk "
     "does not run on it, qrewind commit disk0 --base a; qrewind commit disk1 --base x)"},
    {"and two layers above it, of one disk alone",
     "disk0: a^t1! <- b <- c; disk1: x^t1; inside t1",
     "revert t1",
     "unsupported: disk disk0: 't1' lies in a, which the disk does not run on now: its memory "
     "cannot be loaded (--no-memory takes the disks back, and resets the guest; with the memory "
     "it goes only without what is above: qrewind commit disk0 --base a)"},
    {"also where the other disk comes first",
     "disk0: a^t1; disk1: x^t1! <- y <- z; inside t1",
     "revert t1",
     "refused: disk disk0 runs on the image with 't1', other disks no longer do (--no-memory takes "
     "the disks back, and resets the guest; with the memory it goes only without what is above: "
     "qrewind commit disk1 --base x)"},
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
     "node=#b overlay=qrw-t-0, blockdev-add driver=raw node-name=qrw-t-0-was read-only=true "
     "file=#b, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, system_reset, cont | disk0 "
     "shows a.undo alone | blockdev-del node-name=qrw-t-0-was, "
     "blockdev-del node-name=qrw-t-0, unlink a.qrw-t, untag a | disk0: "
     "a.undo; + a*s1 <- b~"},
    {"dirty bitmaps",
     "disk0: a^t1; disk1[bitmaps]: b^t1; inside t1",
     "revert t1",
     "unsupported: disk disk1 has dirty bitmaps: QEMU loads no snapshot into it (remove them "
     "(qrewind qmp block-dirty-bitmap-remove); the next backup is a full one then)"},
    {"a job",
     "disk0: a^t1; inside t1; job j1 backup running",
     "revert t1",
     "locked: the job j1 (backup) is running (wait for it (qrewind job wait j1) or cancel it)"},
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
     "unsupported: QEMU 5.2.0 cannot go back to 'm1' and keep an undo point: that needs 6.0 or newer "
     "(if what there is now may go: qrewind revert --discard m1; to keep it, first: qrewind create "
     "--internal --memory NAME)"},
    {"5.2: a name like an option",
     "disk0: a^-x!; QEMU 5.2.0",
     "revert -x",
     "unsupported: QEMU 5.2.0 cannot go back to '-x' and keep an undo point: that needs 6.0 or newer "
     "(if what there is now may go: qrewind revert --discard -- -x; to keep it, first: qrewind create "
     "--internal --memory NAME)"},
    {"5.2: not the disks alone",
     "disk0: a^t1; inside t1; QEMU 5.2.0",
     "revert t1",
     "unsupported: QEMU 5.2.0 cannot take the disks alone back: that needs 6.0 or "
     "newer (qrewind create NAME, and then again)"},
    {"5.2: nothing is kept",
     "disk0: a^m1!; inside m1; QEMU 5.2.0",
     "revert m1 --keep k1",
     "unsupported: --keep with an internal snapshot needs QEMU 6.0 (first: qrewind create "
     "--internal --memory k1; then: qrewind revert --discard m1)"},
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
/* clang-format on */

Test(plan_internal_revert, back_in_place_with_what_there_is_tagged_first)
{
    picture_cases(revert, sizeof(revert) / sizeof(revert[0]));
}
