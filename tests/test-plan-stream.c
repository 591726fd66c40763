/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that stream makes: what leaves the chain, and what of that stays. How to read a
 * row: tests/scene/operation.h.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    /* shapes */
    {"all layers below go up into the active one",
     "disk0: base:9M <- a:1M <- b", "stream disk0",
     "need space b 10M, block-stream device=#b | disk0 shows b alone | keep a: not made by "
     "qrewind, keep base: not made by qrewind | disk0: b"},
    {"those above the base",
     "disk0: base:9M <- a:1M <- b", "stream disk0 --base #base",
     "need space b 1M, block-stream device=#b base-node=#base | disk0 shows b on base | keep a: "
     "not made by qrewind | disk0: base <- b"},
    {"but not a damaged one",
     "disk0: base(corrupt) <- a:1M <- b", "stream disk0 --base #base",
     "need space b 1M, block-stream device=#b base-node=#base | disk0 shows b on base | keep a: "
     "not made by qrewind | disk0: base <- b"},
    {"into a layer in the middle",
     "disk0: base <- a:4M <- b <- c", "stream disk0 --top #b --base #base",
     "need unshared b, need space b 4M, block-stream device=#b base-node=#base | disk0 has b on "
     "base | human-monitor-command command-line=qemu-io #b \"reopen -r\", keep a: not made by "
     "qrewind | disk0: base <- b <- c"},
    {"into a layer in the middle, all of them",
     "disk0: base:9M <- a:4M <- b <- c", "stream disk0 --top #b",
     "need unshared b, need space b 13M, block-stream device=#b | disk0 has b alone | "
     "human-monitor-command command-line=qemu-io #b \"reopen -r\", keep a: not made by qrewind, "
     "keep base: not made by qrewind | disk0: b <- c"},
    {"a limit of the rate",
     "disk0: base <- a", "stream disk0 --speed 1048576",
     "need space a 1M, block-stream device=#a speed=1048576 | disk0 shows a alone | keep base: "
     "not made by qrewind | disk0: a"},
    {"nothing below, nothing to do",
     "disk0: a", "stream disk0",
     "'nothing to do: a has no backing file' | nothing"},
    {"nothing in between, nothing to do",
     "disk0: base <- a <- b", "stream disk0 --base #a",
     "'nothing to do: b lies directly on a' | nothing"},
    {"nothing below the top, nothing to do",
     "disk0: base <- a <- b", "stream disk0 --top #base",
     "'nothing to do: base has no backing file' | nothing"},

    /* snapshots and files */
    {"what is pinned leaves the chain and stays",
     "disk0: base* <- a* <- b", "stream disk0",
     "need space b 2M, block-stream device=#b | disk0 shows b alone | keep a: pinned by s2, keep "
     "base: pinned by s1 | disk0: b; + base*s1 <- a*s2"},
    {"what is pinned keeps what it builds on",
     "disk0: base <- a* <- b", "stream disk0",
     "need space b 2M, block-stream device=#b | disk0 shows b alone | keep a: pinned by s1, keep "
     "base: a builds on it | disk0: b; + base <- a*s1"},
    {"what nothing keeps is removed, if we made it",
     "disk0: base <- a <- b; + base <- old*", "stream disk0",
     "need space b 2M, block-stream device=#b | disk0 shows b alone | unlink a, keep base: old "
     "builds on it | disk0: b; + base <- old*s1"},
    {"kept when asked for",
     "disk0: base <- a <- b; + base <- old*", "stream disk0 --keep-files",
     "need space b 2M, block-stream device=#b | disk0 shows b alone | keep a: asked for, "
     "keep base: old builds on it | disk0: b; + base <- old*s1"},
    {"a layer that another snapshot builds on stays",
     "disk0: base <- a <- b; + a <- old*", "stream disk0",
     "need space b 2M, block-stream device=#b | disk0 shows b alone | keep a: old builds on it, "
     "keep base: a builds on it | disk0: b; + base <- a <- old*s1"},
    {"a layer that another disk has stays",
     "disk0: base <- a*; disk1: base <- b", "stream disk1",
     "need space b 1M, block-stream device=#b | disk1 shows b alone | keep base: a builds on it | "
     "disk0: base <- a*s1; disk1: b"},
    {"the undo point stays",
     "disk0: base <- a~ <- b", "stream disk0",
     "need space b 2M, block-stream device=#b | disk0 shows b alone | keep a: undo, keep base: a "
     "builds on it | disk0: b; + base <- a~"},
    {"a snapshot's layer takes up what is below it",
     "disk0: base <- a <- b* <- c", "stream disk0 --top #b",
     "need unshared b, need space b 2M, block-stream device=#b | disk0 has b alone | "
     "human-monitor-command command-line=qemu-io #b \"reopen -r\", unlink a, keep base: not made "
     "by qrewind | disk0: b*s1 <- c"},

    /* names */
    {"the user's nodes are closed by us",
     "disk0: base(named) <- a(named) <- b(named)", "stream disk0 --base #base",
     "not-found: disk disk0 has no layer '#base' (its layers, the active one first: b, a, base)"},
    {"QEMU's relative name of the base is not written into the header above",
     "disk0: base(relative) <- a <- b", "stream disk0 --base #base",
     "need space b 1M, block-stream device=#b base-node=#base backing-file=base | disk0 shows b "
     "on base | keep a: not made by qrewind | disk0: base <- b"},
    {"a network disk's layers",
     "disk0: base(remote) <- a <- b", "stream disk0",
     "need space b 2M, block-stream device=#b | disk0 shows b alone | keep a: not made by "
     "qrewind, keep nbd://host/base: not made by qrewind | disk0: b"},
    {"layers by snapshot",
     "disk0: base*old <- a <- b", "stream disk0 --base old",
     "need space b 1M, block-stream device=#b base-node=#base | disk0 shows b on base | unlink a "
     "| disk0: base*old <- b"},
    {"with QEMU's files out of reach, space is not looked at",
     "disk0: base <- a; out of reach", "stream disk0",
     "block-stream device=#a | disk0 shows a alone | keep base: not made by qrewind | disk0: a"},
};

static const struct picture_case refusals[] = {
    {"no such disk",
     "disk0: base <- a", "stream disk1",
     "not-found: no disk 'disk1' (the disks are: disk0)"},
    {"no such base",
     "disk0: base <- a", "stream disk0 --base x",
     "not-found: disk disk0 has no layer 'x' (its layers, the active one first: a, base)"},
    {"no such top",
     "disk0: base <- a", "stream disk0 --top x",
     "not-found: disk disk0 has no layer 'x' (its layers, the active one first: a, base)"},
    {"upside down",
     "disk0: base <- a", "stream disk0 --top #base --base #a",
     "refused: a does not lie below base"},
    {"into itself",
     "disk0: base <- a", "stream disk0 --base #a",
     "refused: a does not lie below a"},
    {"an empty drive",
     "cd[removable,empty]:", "stream cd",
     "refused: disk cd is empty"},
    {"a job of ours",
     "disk0: base <- a; job qrw-stream-disk0 stream running", "stream disk0",
     "locked: disk disk0 is busy: the job qrw-stream-disk0 (stream) is running (wait for it "
     "(qrewind job wait qrw-stream-disk0) or cancel it)"},
    {"a filter",
     "disk0[filter]: base <- a", "stream disk0",
     "unsupported: disk disk0: a filter (throttle) is on top of its image (if a job put it there, "
     "wait for the job; a filter of the command line has to go)"},
    {"no nodes",
     "disk0[nodeless]: base <- a", "stream disk0",
     "unsupported: disk disk0: QEMU does not tell the nodes of its images"},
    {"a layer that QEMU has marked as damaged",
     "disk0: base <- a(corrupt) <- b", "stream disk0",
     "refused: disk disk0: QEMU has marked a as damaged (get it back from a copy, or try, while no "
     "QEMU has it open: qemu-img check -r all a)"},
    {"also if it is written to",
     "disk0: base <- a <- b(corrupt)", "stream disk0 --base #base",
     "refused: disk disk0: QEMU has marked b as damaged (get it back from a copy, or try, while no "
     "QEMU has it open: qemu-img check -r all b)"},
    {"another active layer than the sidecar's",
     "disk0[active=old]: base* <- new(unknown); + base <- old", "stream disk0",
     "refused: disk disk0 runs on new, the sidecar says old (start the VM with old, or remove the "
     "sidecar if it is of another VM)"},
};
/* clang-format on */

Test(stream, pulls_data_up_and_drops_what_nothing_keeps)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(stream, refuses_what_makes_no_sense)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}
