/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that commit makes: who loses what when a layer's data moves down. How to read a row:
 * tests/scene/operation.h.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    /* shapes */
    {"the active layer goes down into its base, which goes on",
     "disk0: base:9M <- a:1M", "commit disk0",
     "need unshared base, need space base 1M, block-commit device=#a base-node=#base then "
     "complete | disk0 shows base alone | keep a: not made by qrewind | disk0: base"},
    {"from the top through several layers",
     "disk0: base <- a:1M <- b:2M <- c:3M", "commit disk0 --base #base",
     "need unshared b, need unshared a, need unshared base, need space base 6M, block-commit "
     "device=#c base-node=#base then complete | disk0 shows base alone | keep c: not made by "
     "qrewind, keep b: not made by qrewind, keep a: not made by qrewind | disk0: base"},
    {"a layer in the middle",
     "disk0: base:9M <- a:1M <- b", "commit disk0 --top #a",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=#a | disk0 shows b on base | keep a: not made by qrewind | disk0: "
     "base <- b"},
    {"several layers in the middle",
     "disk0: base:9M <- a:1M <- b:2M <- c", "commit disk0 --top #b --base #base",
     "need unshared b, need unshared a, need unshared base, need space base 3M, block-commit "
     "device=#c base-node=#base top-node=#b | disk0 shows c on base | keep b: not made by "
     "qrewind, keep a: not made by qrewind | disk0: base <- c"},
    {"from the top down to the middle",
     "disk0: base <- a:1M <- b:2M", "commit disk0 --base #a",
     "need unshared a, need space a 2M, block-commit device=#b base-node=#a then complete | disk0 "
     "shows a on base | keep b: not made by qrewind | disk0: base <- a"},
    {"the base grows by no more than it lacks",
     "disk0: base:60M <- a:30M <- b", "commit disk0 --top #a",
     "need unshared a, need unshared base, need space base 4M, block-commit device=#b "
     "base-node=#base top-node=#a | disk0 shows b on base | keep a: not made by qrewind | disk0: "
     "base <- b"},
    {"a base that is full does not grow",
     "disk0: base:64M <- a:30M", "commit disk0",
     "need unshared base, need space base 0M, block-commit device=#a base-node=#base then "
     "complete | disk0 shows base alone | keep a: not made by qrewind | disk0: base"},
    {"a limit of the rate",
     "disk0: base <- a", "commit disk0 --speed 1048576",
     "need unshared base, need space base 1M, block-commit device=#a speed=1048576 "
     "base-node=#base then complete | disk0 shows base alone | keep a: not made by qrewind | "
     "disk0: base"},

    /* snapshots and files */
    {"what we made is removed, what the user made stays",
     "disk0: base <- mine(theirs) <- ours <- b; + base <- other*", "commit disk0 --base #mine",
     "need unshared ours, need unshared mine, need space mine 2M, block-commit device=#b "
     "base-node=#mine then complete | disk0 shows mine on base | unlink b, unlink ours | disk0: "
     "base <- mine; + base <- other*s1"},
    {"kept when asked for",
     "disk0: base <- ours:2M <- b; + base <- old*", "commit disk0 --base #ours --keep-files",
     "need unshared ours, need space ours 1M, block-commit device=#b base-node=#ours then "
     "complete | disk0 shows ours on base | keep b: asked for | disk0: base <- "
     "ours; + base <- old*s1"},
    {"the snapshot of the top goes down with its content",
     "disk0: base <- a* <- b", "commit disk0 --top #a",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=#a | disk0 shows b on base | unlink a | disk0: base*s1 <- b"},
    {"a snapshot's layer that nobody else needs is merged into the one below",
     "disk0: base <- a <- b* <- c", "commit disk0 --top #b --base #base",
     "need unshared b, need unshared a, need unshared base, need space base 2M, block-commit "
     "device=#c base-node=#base top-node=#b | disk0 shows c on base | unlink b, unlink a | disk0: "
     "base*s1 <- c"},
    {"with force, a snapshot in between is dropped",
     "disk0: base* <- a", "commit disk0 --force",
     "need unshared base, need space base 1M, block-commit device=#a base-node=#base then "
     "complete | disk0 shows base alone | unlink a, 'snapshot s1 is dropped' | disk0: base"},
    {"with force, the whole snapshot is dropped",
     "disk0: base*s1 <- a; disk1: x*s1 <- y", "commit disk0 --force",
     "need unshared base, need space base 1M, block-commit device=#a base-node=#base then "
     "complete | disk0 shows base alone | unlink a, 'snapshot s1 is dropped' | disk0: base; "
     "disk1: x <- y"},
    {"with force, several are dropped, and their child finds a parent",
     "disk0: base*s1*s2 <- a*s3 <- b*s4 <- c", "commit disk0 --top #b --base #base --force",
     "need unshared b, need unshared a, need unshared base, need space base 2M, block-commit "
     "device=#c base-node=#base top-node=#b | disk0 shows c on base | unlink b, unlink a, "
     "'snapshot s3 is dropped', 'snapshot s1 is dropped', 'snapshot s2 is dropped' | disk0: "
     "base*s4 <- c"},
    {"a snapshot below the base does not matter",
     "disk0: root* <- base <- a", "commit disk0 --base #base",
     "need unshared base, need space base 1M, block-commit device=#a base-node=#base then "
     "complete | disk0 shows base on root | unlink a | disk0: root*s1 <- base"},
    {"who builds on the top keeps it",
     "disk0: base <- a <- b; + a <- old*", "commit disk0 --top #a",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=#a | disk0 shows b on base | keep a: old builds on it | disk0: "
     "base <- b; + base <- a <- old*s1"},
    {"the undo point keeps its layer",
     "disk0: base <- a~ <- b", "commit disk0 --top #a",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=#a | disk0 shows b on base | keep a: undo | disk0: base <- b; + "
     "base <- a~"},
    {"another disk's chain has the base in it, further down",
     "disk0: root <- base <- a; disk1: root <- other", "commit disk0 --base #base",
     "need unshared base, need space base 1M, block-commit device=#a base-node=#base then "
     "complete | disk0 shows base on root | keep a: not made by qrewind | disk0: root <- base"},

    /* which layer */
    {"layers by file name, absolute and relative to the user's folder",
     "disk0: /home/me/x <- a <- b", "commit disk0 --top /vm/a.qcow2 --base x.qcow2",
     "need unshared a, need unshared /home/me/x, need space /home/me/x 1M, block-commit device=#b "
     "base-node=#/home/me/x top-node=#a | disk0 shows b on /home/me/x | keep a: not made by "
     "qrewind | disk0: /home/me/x <- b"},
    {"layers by the last part of the file's name",
     "disk0: base <- a <- b", "commit disk0 --top a.qcow2 --base base.qcow2",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=#a | disk0 shows b on base | keep a: not made by qrewind | disk0: "
     "base <- b"},
    {"layers by node",
     "disk0: base <- a(named) <- b", "commit disk0 --top a-fmt",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=a-fmt | disk0 shows b on base | blockdev-del node-name=a-fmt, "
     "blockdev-del node-name=a-file, keep a: not made by qrewind | disk0: base <- b"},
    {"layers by snapshot",
     "disk0: base*old <- a*new <- b", "commit disk0 --base old --top new --force",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=#a | disk0 shows b on base | unlink a, 'snapshot old is dropped' | "
     "disk0: base*new <- b"},
    {"a disk by its drive",
     "vda[legacy]: base <- a", "commit vda",
     "need unshared base, need space base 1M, block-commit device=#a base-node=#base then "
     "complete | vda shows base alone | keep a: not made by qrewind | vda: base"},

    /* names */
    {"the user's nodes are closed by us, QEMU's own go by themselves",
     "disk0: base(named) <- a(named) <- b <- c", "commit disk0 --top #b --base base-fmt",
     "need unshared b, need unshared a, need unshared base, need space base 2M, block-commit "
     "device=#c base-node=base-fmt top-node=#b | disk0 shows c on base | blockdev-del "
     "node-name=a-fmt, blockdev-del node-name=a-file, keep b: not made by qrewind, keep a: not "
     "made by qrewind | disk0: base <- c"},
    {"the user's nodes on top too",
     "disk0: base(named) <- a(named)", "commit disk0",
     "need unshared base, need space base 1M, block-commit device=a-fmt base-node=base-fmt then "
     "complete | disk0 shows base alone | blockdev-del node-name=a-fmt, blockdev-del "
     "node-name=a-file, keep a: not made by qrewind | disk0: base"},
    {"QEMU's relative name of the base is not written into the header above",
     "disk0: base(relative) <- a <- b", "commit disk0 --top #a",
     "need unshared a, need unshared base, need space base 1M, block-commit device=#b "
     "base-node=#base top-node=#a backing-file=base | disk0 shows b on base | keep a: not made by "
     "qrewind | disk0: base <- b"},
    {"a base on the network",
     "disk0: base(remote) <- a <- b", "commit disk0 --top #a",
     "need unshared a, block-commit device=#b base-node=#base top-node=#a | disk0 shows b on "
     "nbd://host/base | keep a: not made by qrewind | disk0: nbd://host/base <- b"},
    {"with QEMU's files out of reach, space is not looked at",
     "disk0: base <- a; out of reach", "commit disk0",
     "block-commit device=#a base-node=#base then complete | disk0 shows base alone | keep a: not "
     "made by qrewind, 'who else builds on base cannot be seen from here' | disk0: base"},
};

static const struct picture_case refusals[] = {
    {"a layer that QEMU has marked as damaged",
     "disk0: base <- a(corrupt)", "commit disk0",
     "refused: disk disk0: QEMU has marked a as damaged (get it back from a copy, or try, while no "
     "QEMU has it open: qemu-img check -r all a)"},
    {"into one",
     "disk0: base(corrupt) <- a", "commit disk0",
     "refused: disk disk0: QEMU has marked base as damaged (get it back from a copy, or try, while "
     "no QEMU has it open: qemu-img check -r all base)"},
    {"nothing below",
     "disk0: a", "commit disk0",
     "refused: a has no backing file to commit into"},
    {"nothing below the top",
     "disk0: base <- a", "commit disk0 --top #base",
     "refused: base has no backing file to commit into"},
    {"upside down",
     "disk0: base <- a <- b", "commit disk0 --top #a --base #b",
     "refused: b does not lie below a"},
    {"into itself",
     "disk0: base <- a <- b", "commit disk0 --top #a --base #a",
     "refused: a does not lie below a"},
    {"no such disk",
     "disk0: a", "commit disk1",
     "not-found: no disk 'disk1' (the disks are: disk0)"},
    {"no such layer",
     "disk0: base <- a", "commit disk0 --top x",
     "not-found: disk disk0 has no layer 'x' (its layers, the active one first: a, base)"},
    {"no such base",
     "disk0: base <- a", "commit disk0 --base x",
     "not-found: disk disk0 has no layer 'x' (its layers, the active one first: a, base)"},
    {"two layers have this name",
     "disk0: /x/l <- /y/l <- a", "commit disk0 --base l.qcow2",
     "not-found: disk disk0 has no layer 'l' (its layers, the active one first: a, l, l)"},
    {"an empty drive",
     "cd[removable,empty]:", "commit cd",
     "refused: disk cd is empty"},
    {"a snapshot of the base",
     "disk0: base* <- a", "commit disk0",
     "refused: base holds the content of snapshot s1 (--force drops the snapshot; stream merges "
     "without touching it)"},
    {"a snapshot in between",
     "disk0: base <- a* <- b* <- c", "commit disk0 --base #base",
     "refused: b holds the content of snapshot s2 (--force drops the snapshot; stream merges "
     "without touching it)"},
    {"several snapshots of one layer",
     "disk0: base*one*two <- a", "commit disk0",
     "refused: base holds the content of snapshot one, two (--force drops the snapshot; stream "
     "merges without touching it)"},
    {"who else builds on the base",
     "disk0: base <- a; + base <- old*", "commit disk0",
     "refused: old also builds on base: committing would ruin it "
     "(qrewind stream pulls the data up instead)"},
    {"who else builds on a layer in between, whatever the force",
     "disk0: base <- a <- b; + a <- old*", "commit disk0 --base #base --force",
     "refused: old also builds on a: committing would ruin it "
     "(qrewind stream pulls the data up instead)"},
    {"another disk builds on the base",
     "disk0: base* <- a; disk1: base <- b", "commit disk0 --force",
     "refused: disk disk1 also uses base: committing would ruin it "
     "(qrewind stream pulls the data up instead)"},
    {"another disk builds on the base, without a sidecar",
     "disk0: base <- a; disk1: base <- b", "commit disk0",
     "refused: disk disk1 also uses base: committing would ruin it "
     "(qrewind stream pulls the data up instead)"},
    {"the base is another disk's active layer",
     "disk0: base <- a; disk1: base", "commit disk0",
     "refused: disk disk1 also uses base: committing would ruin it "
     "(qrewind stream pulls the data up instead)"},
    {"a job of ours",
     "disk0: base <- a; job qrw-commit-disk0 commit ready", "commit disk0",
     "locked: disk disk0 is busy: the job qrw-commit-disk0 (commit) is ready (wait for it "
     "(qrewind job wait qrw-commit-disk0) or cancel it)"},
    {"a filter",
     "disk0[filter]: base <- a", "commit disk0",
     "unsupported: disk disk0: a filter (throttle) is on top of its image (if a job put it there, "
     "wait for the job; a filter of the command line has to go)"},
    {"no nodes",
     "disk0[nodeless]: base <- a", "commit disk0",
     "unsupported: disk disk0: QEMU does not tell the nodes of its images"},
    {"another active layer than the sidecar's",
     "disk0[active=old]: base* <- new(unknown); + base <- old", "commit disk0",
     "refused: disk disk0 runs on new, the sidecar says old (start the VM with old, or remove the "
     "sidecar if it is of another VM)"},
};
/* clang-format on */

Test(commit, moves_data_down_and_pins_with_it)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(commit, refuses_to_change_what_somebody_else_reads)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

Test(commit, what_a_layer_holds_now_is_not_what_was_remembered_of_its_file)
{
    struct picture *p = picture_new("disk0: root* <- base <- a");
    json_t *layers = json_object_get(p->chain.doc, "layers");
    const char *id;
    json_t *layer;
    struct plan plan;

    json_object_foreach(layers, id, layer)
        json_object_set_new(layer, "fingerprint", json_pack("{s:i}", "size", 1));
    picture_plan_as(&plan, p, "commit disk0");
    const char *root = chain_layer_by_file(&plan.after, "/vm/root.qcow2");
    const char *base = chain_layer_by_file(&plan.after, "/vm/base.qcow2");
    cr_expect(json_object_get(chain_layer(&plan.after, root), "fingerprint"));
    cr_expect(!json_object_get(chain_layer(&plan.after, base), "fingerprint"));
    plan_done(&plan);
    picture_free(p);
}
