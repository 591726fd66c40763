/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that revert and undo make: tests/scene/operation.h tells how to read a row, and what is
 * checked of each without being said.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    {"to the layer that the snapshot pins",
     "disk0: base* <- a", "revert s1",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- "
     "a~"},
    {"of two disks, at one instant",
     "disk0: base* <- a; disk1: x*s1 <- y", "revert s1",
     "need absent base.s1, need absent x.s1, overlay base.s1 on base, overlay x.s1 on x, "
     "blockdev-add node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.s1, blockdev-add "
     "node-name=qrw-t-1 file.node-name=qrw-t-1f file.filename=x.s1, sync base.s1 x.s1, stop, "
     "transaction blockdev-snapshot node=#a overlay=qrw-t-0 + blockdev-snapshot node=#y "
     "overlay=qrw-t-1, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"},{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-1\",\"backing\":\"#x\",\"discard\":\"unmap\",\"file\":\"qrw-t-1f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base, disk1 shows x.s1 on x | disk0: base*s1 <- "
     "base.s1; disk1: x*s1 <- x.s1; + base*s1 <- a~; + x*s1 <- y~"},
    {"the layers that QEMU no longer needs are closed, the undo point stays",
     "disk0: base* <- a* <- b", "revert s1",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#b overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- "
     "a*s2 <- b~"},
    {"to another branch, whose layers are opened",
     "disk0: base* <- a; + base <- x* <- y*", "revert s3",
     "need absent base.s3, overlay base.s3 on y, blockdev-add node-name=qrw-t-b0 backing=#base "
     "file.filename=x file.auto-read-only=true read-only=true, blockdev-add node-name=qrw-t-b1 "
     "backing=qrw-t-b0 file.filename=y file.auto-read-only=true read-only=true, blockdev-add "
     "node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.s3, sync base.s3, stop, "
     "blockdev-snapshot node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b1\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s3 on y | disk0: base*s1 <- x*s2 <- y*s3 <- base.s3; "
     "+ base*s1 <- a~"},
    {"the undo point before this one dies",
     "disk0: base* <- a; + base <- old~", "revert s1",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | unlink old | disk0: base*s1 <- base.s1; "
     "+ base*s1 <- a~"},
    {"keep makes the present state a snapshot",
     "disk0: base* <- a", "revert s1 --keep was",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | 'was holds the disks only: going back to "
     "it means a reset' | disk0: base*s1 <- base.s1; + base*s1 <- a*was"},
    {"of all disks, those that are no part of the other snapshot included",
     "disk0: base* <- a; disk1: b; disk2: /dev/vg/c; disk3[read-only]: e",
     "revert s1 --keep was",
     "need absent base.s1, need absent b.was, overlay base.s1 on base, overlay b.was on b, "
     "blockdev-add node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.s1, blockdev-add "
     "node-name=qrw-t-1 file.node-name=qrw-t-1f file.filename=b.was, sync base.s1 b.was, stop, "
     "transaction blockdev-snapshot node=#a overlay=qrw-t-0 + blockdev-snapshot node=#b "
     "overlay=qrw-t-1, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"},"
     "{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-1\",\"backing\":\"#b\",\"discard\":\"unmap\",\"file\":\"qrw-t-1f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base, disk1 shows b.was on b | 'disk disk1 is no "
     "part of s1: it stays as it is', 'disk disk2 is no part of s1: it stays as it is', 'disk disk2 "
     "is no part of was either', 'was holds the disks only: going back to it means a reset' | "
     "disk0: base*s1 <- base.s1; disk1: b*was <- b.was; disk2: /dev/vg/c; disk3: e; + base*s1 <- a*was"},
    {"not while one of them is busy",
     "disk0: base* <- a; disk1: b; job qrw-mirror-disk1 mirror running", "revert s1 --keep was",
     "locked: disk disk1 is busy: the job qrw-mirror-disk1 (mirror) is running (wait for it "
     "(qrewind job wait qrw-mirror-disk1) or cancel it)"},
    {"discard keeps nothing",
     "disk0: base* <- a", "revert s1 --discard",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | unlink a | disk0: base*s1 <- base.s1"},
    {"a guest that was stopped stays so",
     "disk0: base* <- a; paused", "revert s1",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, blockdev-snapshot node=#a "
     "overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- a~"},
    {"unless it is told to run",
     "disk0: base* <- a; paused", "revert s1 --running",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, blockdev-snapshot node=#a "
     "overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- "
     "a~"},
    {"a guest that runs can be left stopped",
     "disk0: base* <- a", "revert s1 --paused",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- a~"},
    {"without a reset",
     "disk0: base* <- a", "revert s1 --no-reset",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "cont | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- a~"},
    {"options of the disk go with it",
     "disk0[direct,zeroes]: base* <- a", "revert s1",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1 cache.direct=true detect-zeroes=unmap, sync "
     "base.s1, stop, blockdev-snapshot node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\",\"cache\":{\"direct\":true},\"detect-zeroes\":\"unmap\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | disk0: base*s1 <- base.s1; + base*s1 <- "
     "a~"},
    {"a raw base",
     "disk0: base*(raw) <- a", "revert s1",
     "need absent base.s1, overlay base.s1 on base.raw (raw), blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base.raw | disk0: base.raw*s1 <- base.s1; + "
     "base.raw*s1 <- a~"},
    {"a disk that the snapshot has not stays",
     "disk0: base* <- a; disk1: x", "revert s1",
     "need absent base.s1, overlay base.s1 on base, blockdev-add node-name=qrw-t-0 "
     "file.node-name=qrw-t-0f file.filename=base.s1, sync base.s1, stop, blockdev-snapshot "
     "node=#a overlay=qrw-t-0, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"#base\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "system_reset, cont | disk0 shows base.s1 on base | 'disk disk1 is no part of s1: it stays as "
     "it is' | disk0: base*s1 <- base.s1; disk1: x; + base*s1 <- a~"},
    {"undo goes on in the layer that was left",
     "disk0: base* <- a; + base <- old~", "undo",
     "need absent base.undo, overlay base.undo on old, blockdev-add node-name=qrw-t-b0 "
     "backing=#base file.filename=old file.auto-read-only=true read-only=true, blockdev-add "
     "node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.undo, sync base.undo, stop, "
     "blockdev-snapshot node=#a overlay=qrw-t-0, blockdev-add driver=raw "
     "node-name=qrw-t-0-was read-only=true file=#a, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, system_reset, cont | disk0 "
     "shows old on base | blockdev-del node-name=qrw-t-0-was, "
     "blockdev-del node-name=qrw-t-0, unlink base.undo | disk0: base*s1 <- "
     "old; + base*s1 <- a~"},
    {"undo with nothing kept",
     "disk0: base* <- a; + base <- old~", "undo --discard",
     "need absent base.undo, overlay base.undo on old, blockdev-add node-name=qrw-t-b0 "
     "backing=#base file.filename=old file.auto-read-only=true read-only=true, blockdev-add "
     "node-name=qrw-t-0 file.node-name=qrw-t-0f file.filename=base.undo, sync base.undo, stop, "
     "blockdev-snapshot node=#a overlay=qrw-t-0, blockdev-add driver=raw "
     "node-name=qrw-t-0-was read-only=true file=#a, blockdev-reopen "
     "options=[{\"driver\":\"qcow2\",\"node-name\":\"qrw-t-0\",\"backing\":\"qrw-t-b0\",\"discard\":\"unmap\",\"file\":\"qrw-t-0f\"}], "
     "block-commit device=qrw-t-0 base-node=qrw-t-b0 then complete, system_reset, cont | disk0 "
     "shows old on base | blockdev-del node-name=qrw-t-0-was, "
     "blockdev-del node-name=qrw-t-0, unlink base.undo, unlink a | disk0: "
     "base*s1 <- old"},
};

static const struct picture_case refusals[] = {
    {"no such snapshot",
     "disk0: base* <- a", "revert s9",
     "not-found: no snapshot 's9' (qrewind list shows the names)"},
    {"nothing to undo",
     "disk0: base* <- a", "undo",
     "not-found: there is nothing to undo (the last revert leaves an undo point, unless --discard "
     "or --keep was given)"},
    {"nothing kept, and something",
     "disk0: base* <- a", "revert s1 --keep x --discard",
     "usage: --keep and --discard exclude each other"},
    {"both ways to go on",
     "disk0: base* <- a", "undo --paused --running",
     "usage: --paused and --running exclude each other"},
    {"a name that is taken",
     "disk0: base* <- a*", "revert s1 --keep s2",
     "refused: there is a snapshot 's2' already"},
    {"a name that is none",
     "disk0: base* <- a", "revert s1 --keep a/b",
     "refused: a snapshot's name has no '/' and no control characters"},
    {"a disk that is busy",
     "disk0: base* <- a; job qrw-commit-disk0 commit ready", "revert s1",
     "locked: disk disk0 is busy: the job qrw-commit-disk0 (commit) is ready (wait for it "
     "(qrewind job wait qrw-commit-disk0) or cancel it)"},
    {"files that are out of reach",
     "disk0: base* <- a; out of reach", "revert s1",
     "unsupported: QEMU's files are out of our reach: the overlays cannot be made (where "
     "QEMU runs, a monitor on a unix socket tells whose files they are: -qmp unix:PATH,server=on,wait=off)"},
    {"an active layer that the sidecar does not know as such",
     "disk0[active=old]: base* <- new(unknown); + base <- old", "revert s1",
     "refused: disk disk0 runs on new, the sidecar says old (start the VM with old, or remove the "
     "sidecar if it is of another VM)"},
};
/* clang-format on */

Test(revert, puts_a_fresh_overlay_on_what_the_snapshot_pins)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(revert, refuses_what_it_cannot_do)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}
