/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that mirror makes: a copy, and what becomes of the layers when the disk goes on with
 * it. How to read a row: tests/scene/operation.h.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "snapshot/vm.h"
#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    /* shapes */
    {"a copy of all, which waits for a decision",
     "disk0: base:9M <- a:1M", "mirror disk0 copy.qcow2",
     "need absent /home/me/copy, need space /home/me/copy 10M, reserve /home/me/copy like a, sync "
     "/home/me/copy, drive-mirror device=#a target=/home/me/copy format=qcow2 sync=full "
     "node-name=qrw-t-0 then hold | disk0 shows /home/me/copy alone | keep a: not made by "
     "qrewind, keep base: not made by qrewind | disk0: /home/me/copy"},
    {"then the disk goes on with the copy",
     "disk0: base:9M <- a:1M", "mirror disk0 /vm/copy.qcow2 --pivot",
     "need absent copy, need space copy 10M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk0 shows "
     "copy alone | keep a: not made by qrewind, keep base: not made by qrewind | disk0: copy"},
    {"or the copy stays a copy",
     "disk0: base:9M <- a:1M", "mirror disk0 /vm/copy.qcow2 --finish",
     "need absent copy, need space copy 10M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=full node-name=qrw-t-0 then finish | nothing"},
    {"only the active layer",
     "disk0: base:9M <- a:1M", "mirror disk0 /vm/copy.qcow2 --sync top --pivot",
     "need absent copy, need space copy 1M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=top node-name=qrw-t-0 then complete | disk0 shows "
     "copy on base | keep a: not made by qrewind | disk0: base <- copy"},
    {"only what is written from now on",
     "disk0: base:9M <- a:1M", "mirror disk0 /vm/copy.qcow2 --sync none --pivot",
     "need absent copy, need space copy 0M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=none node-name=qrw-t-0 then complete | disk0 shows "
     "copy on a | human-monitor-command command-line=qemu-io #a \"reopen -r\" | disk0: base <- a <- "
     "copy"},
    {"the only layer is all of them",
     "disk0: a", "mirror disk0 /vm/copy.qcow2 --sync top --pivot",
     "need absent copy, need space copy 1M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk0 shows "
     "copy alone | keep a: not made by qrewind | disk0: copy"},
    {"raw, by its name",
     "disk0: base <- a", "mirror disk0 /vm/copy.raw --pivot",
     "need absent copy.raw, need space copy.raw 2M, reserve copy.raw like a, sync copy.raw, "
     "drive-mirror device=#a target=copy.raw format=raw sync=full node-name=qrw-t-0 then complete "
     "| disk0 shows copy.raw alone | keep a: not made by qrewind, keep base: not made by qrewind "
     "| disk0: copy.raw"},
    {"raw when asked for",
     "disk0: base <- a", "mirror disk0 /vm/copy.img --format raw --pivot",
     "need absent copy.img, need space copy.img 2M, reserve copy.img like a, sync copy.img, "
     "drive-mirror device=#a target=copy.img format=raw sync=full node-name=qrw-t-0 then complete "
     "| disk0 shows copy.img alone | keep a: not made by qrewind, keep base: not made by qrewind "
     "| disk0: copy.img"},
    {"what is asked for, whatever the name",
     "disk0: base <- a", "mirror disk0 /vm/copy.raw --format qcow2 --pivot",
     "need absent copy.raw, need space copy.raw 2M, reserve copy.raw like a, sync copy.raw, "
     "drive-mirror device=#a target=copy.raw format=qcow2 sync=full node-name=qrw-t-0 then complete "
     "| disk0 shows copy.raw alone | keep a: not made by qrewind, keep base: not made by qrewind "
     "| disk0: copy.raw"},
    {"a limit of the rate",
     "disk0: a", "mirror disk0 /vm/copy.qcow2 --speed 1048576",
     "need absent copy, need space copy 1M, reserve copy like a, sync copy, drive-mirror "
     "device=#a speed=1048576 target=copy format=qcow2 sync=full node-name=qrw-t-0 then hold | "
     "disk0 shows copy alone | keep a: not made by qrewind | disk0: copy"},

    /* snapshots and files */
    {"what is pinned stays",
     "disk0: base* <- a", "mirror disk0 /vm/copy.qcow2 --pivot",
     "need absent copy, need space copy 2M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk0 shows "
     "copy alone | unlink a, keep base: pinned by s1 | disk0: copy; + base*s1"},
    {"what we made and nothing keeps is removed",
     "disk0: base <- a <- b; + base <- old*", "mirror disk0 /vm/copy.qcow2 --pivot",
     "need absent copy, need space copy 3M, reserve copy like b, sync copy, drive-mirror "
     "device=#b target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk0 shows "
     "copy alone | unlink b, unlink a, keep base: old builds on it | disk0: copy; + base <- old*s1"},
    {"the undo point inside of the layer that leaves the chain",
     "disk0: base* <- a^qrw-undo-x; inside qrw-undo-x",
     "mirror disk0 /vm/copy.qcow2 --sync top --pivot",
     "need absent copy, need space copy 1M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=top node-name=qrw-t-0 then complete | disk0 shows "
     "copy on base | keep a: undo | disk0: base*s1 <- copy; + base*s1 <- a; inside undo as "
     "qrw-undo-x: disk0"},
    {"kept when asked for",
     "disk0: base <- a <- b; + base <- old*", "mirror disk0 /vm/copy.qcow2 --pivot --keep-files",
     "need absent copy, need space copy 3M, reserve copy like b, sync copy, drive-mirror "
     "device=#b target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk0 shows "
     "copy alone | keep b: asked for, keep a: asked for, keep base: "
     "old builds on it | disk0: copy; + base <- old*s1"},
    {"a copy of the active layer builds on what that built on",
     "disk0: base* <- a", "mirror disk0 /vm/copy.qcow2 --sync top --pivot",
     "need absent copy, need space copy 1M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=top node-name=qrw-t-0 then complete | disk0 shows "
     "copy on base | unlink a | disk0: base*s1 <- copy"},
    {"a copy of nothing builds on the layer that was active",
     "disk0: base* <- a", "mirror disk0 /vm/copy.qcow2 --sync none --pivot",
     "need absent copy, need space copy 0M, reserve copy like a, sync copy, drive-mirror "
     "device=#a target=copy format=qcow2 sync=none node-name=qrw-t-0 then complete | disk0 shows "
     "copy on a | human-monitor-command command-line=qemu-io #a \"reopen -r\" | disk0: base*s1 <- a "
     "<- copy"},
    {"an image that another disk has stays",
     "disk0: base* <- a; disk1: base <- b", "mirror disk1 /vm/copy.qcow2 --pivot",
     "need absent copy, need space copy 2M, reserve copy like b, sync copy, drive-mirror "
     "device=#b target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk1 shows "
     "copy alone | unlink b, keep base: pinned by s1 | disk0: base*s1 <- a; disk1: copy"},

    /* names */
    {"the user's nodes are closed by us",
     "disk0: base(named) <- a(named)", "mirror disk0 /vm/copy.qcow2 --pivot",
     "need absent copy, need space copy 2M, reserve copy like a, sync copy, drive-mirror "
     "device=a-fmt target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk0 "
     "shows copy alone | blockdev-del node-name=a-fmt, blockdev-del node-name=a-file, "
     "blockdev-del node-name=base-fmt, blockdev-del node-name=base-file, keep a: not made by "
     "qrewind, keep base: not made by qrewind | disk0: copy"},
    {"a network disk comes home",
     "disk0: a(remote)", "mirror disk0 /vm/copy.qcow2 --pivot",
     "need absent copy, need space copy 1M, reserve copy, sync copy, drive-mirror device=#a "
     "target=copy format=qcow2 sync=full node-name=qrw-t-0 then complete | disk0 shows copy alone "
     "| keep nbd://host/a: not made by qrewind | disk0: copy"},
    {"with QEMU's files out of reach, QEMU must not find the name",
     "disk0: base <- a; out of reach", "mirror disk0 /vm/copy.qcow2 --pivot",
     "need absent-for-qemu copy, drive-mirror device=#a target=copy format=qcow2 sync=full "
     "node-name=qrw-t-0 then complete | disk0 shows copy alone | keep a: not made by qrewind, "
     "keep base: not made by qrewind | disk0: copy"},
};

static const struct picture_case refusals[] = {
    {"no file",
     "disk0: a", "mirror disk0",
     "usage: mirror needs the FILE to copy to"},
    {"no file, no decision",
     "disk0: a", "mirror disk0 --pivot --finish",
     "usage: mirror needs the FILE to copy to"},
    {"two decisions",
     "disk0: a", "mirror disk0 copy --pivot --finish",
     "usage: --pivot and --finish exclude each other"},
    {"no such sync",
     "disk0: a", "mirror disk0 copy --sync some",
     "usage: --sync is full, top or none, not 'some'"},
    {"no such disk",
     "disk0: a", "mirror disk1 copy",
     "not-found: no disk 'disk1' (the disks are: disk0)"},
    {"a backing file in a format that has none",
     "disk0: base <- a", "mirror disk0 copy --sync top --format raw",
     "refused: a copy by --sync=top has a backing file, which the format raw cannot"},
    {"nor for what is written from now on",
     "disk0: a", "mirror disk0 copy --sync none --format raw",
     "refused: a copy by --sync=none has a backing file, which the format raw cannot"},
    {"the target is the active layer",
     "disk0: base <- a", "mirror disk0 /vm/a.qcow2",
     "refused: a is a layer already"},
    {"the target is a layer that only the sidecar knows",
     "disk0: base* <- a; + base <- old", "mirror disk0 /vm/old.qcow2",
     "refused: old is a layer already"},
    {"the target is another disk's layer",
     "disk0: a; disk1: base <- b", "mirror disk0 /vm/base.qcow2",
     "refused: base is a layer already"},
    {"an empty drive",
     "cd[removable,empty]:", "mirror cd copy",
     "refused: disk cd is empty"},
    {"a job of ours",
     "disk0: a; job qrw-mirror-disk0 mirror ready", "mirror disk0 copy",
     "locked: disk disk0 is busy: the job qrw-mirror-disk0 (mirror) is ready (wait for it "
     "(qrewind job wait qrw-mirror-disk0) or cancel it)"},
    {"a filter",
     "disk0[filter]: a", "mirror disk0 copy",
     "unsupported: disk disk0: a filter (throttle) is on top of its image (if a job put it there, "
     "wait for the job; a filter of the command line has to go)"},
    {"no nodes",
     "disk0[nodeless]: a", "mirror disk0 copy",
     "unsupported: disk disk0: QEMU does not tell the nodes of its images"},
    {"another active layer than the sidecar's",
     "disk0[active=old]: base* <- new(unknown); + base <- old", "mirror disk0 copy",
     "refused: disk disk0 runs on new, the sidecar says old (start the VM with old, or remove the "
     "sidecar if it is of another VM)"},
};
/* clang-format on */

Test(mirror, copies_to_a_file_that_only_we_can_have_made)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(mirror, refuses_a_target_that_is_somebodys)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

Test(mirror, a_later_call_without_a_file_decides_about_the_copy)
{
    static const struct {
        const char *title;
        struct qrw_mirror_args args;
        const char *decision;
    } cases[] = {
        {"switch to it", {.disk = "d", .pivot = true}, "complete"},
        {"keep the copy", {.disk = "d", .finish = true}, "finish"},
        {"neither", {.disk = "d"}, NULL},
        {"both", {.disk = "d", .pivot = true, .finish = true}, NULL},
        {"a new one", {.disk = "d", .file = "f", .pivot = true}, NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *decision = qrw_mirror.decision(&cases[i].args);

        cr_expect(decision && cases[i].decision ? !strcmp(decision, cases[i].decision)
                                                : decision == cases[i].decision,
                  "%s: %s", cases[i].title, decision);
    }
}
