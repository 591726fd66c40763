/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that export makes: what is read, in which order, and what it refuses. How to read
 * a row: tests/scene/operation.h.
 */
#include <criterion/criterion.h>

#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    {"the layer that it pins, and what that builds on",
     "disk0: base <- a* <- b", "export s1 out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk0 of a on base, seal disk0, publish "
     "/home/me/out | disk0: base <- a*s1 <- b"},
    {"of several disks each its own",
     "disk0: a* <- b; disk1: c* <- d", "export s1 out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk0 of a, convert /home/me/out.part/disk1 of c, "
     "seal disk0 disk1, publish /home/me/out | disk0: a*s1 <- b; disk1: c*s1 <- d"},
    {"one of them",
     "disk0: a* <- b; disk1: c* <- d", "export s1 out --disk disk1",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk1 of c, seal disk1, publish /home/me/out | "
     "disk0: a*s1 <- b; disk1: c*s1 <- d"},
    {"one image alone", "disk0: a* <- b", "export s1 copy.img",
     "need absent /home/me/copy.img, need makeable /home/me/copy.img.part, need room "
     "/home/me/copy.img.part, workspace, convert /home/me/copy.img.part/copy.img of a, seal "
     "copy.img, publish /home/me/copy.img | disk0: a*s1 <- b"},
    {"a folder may be called like one", "disk0: a* <- b", "export s1 copy.img/",
     "need vacant /home/me/copy.img, need makeable /home/me/copy.img.part, need room "
     "/home/me/copy.img.part, workspace, convert /home/me/copy.img.part/disk0 of a, seal "
     "disk0, publish /home/me/copy.img | disk0: a*s1 <- b"},
    {"raw, by its name", "disk0: a* <- b", "export s1 copy.raw",
     "need absent /home/me/copy.raw, need makeable /home/me/copy.raw.part, need room "
     "/home/me/copy.raw.part, workspace, convert /home/me/copy.raw.part/copy.raw of a as raw, "
     "seal copy.raw, publish /home/me/copy.raw | disk0: a*s1 <- b"},
    {"raw when asked for", "disk0: a* <- b", "export s1 copy.img --format raw",
     "need absent /home/me/copy.img, need makeable /home/me/copy.img.part, need room "
     "/home/me/copy.img.part, workspace, convert /home/me/copy.img.part/copy.img of a as raw, "
     "seal copy.img, publish /home/me/copy.img | disk0: a*s1 <- b"},
    {"what is asked for, whatever the name", "disk0: a* <- b", "export s1 copy.raw --format qcow2",
     "need absent /home/me/copy.raw, need makeable /home/me/copy.raw.part, need room "
     "/home/me/copy.raw.part, workspace, convert /home/me/copy.raw.part/copy.raw of a, seal "
     "copy.raw, publish /home/me/copy.raw | disk0: a*s1 <- b"},
    {"compressed it may take less room than can be told", "disk0: a* <- b", "export s1 out --compress",
     "need vacant /home/me/out, need makeable /home/me/out.part, workspace, convert "
     "/home/me/out.part/disk0 of a compressed, seal disk0, publish /home/me/out | disk0: a*s1 "
     "<- b"},
    {"a raw base", "disk0: base*(raw) <- b", "export s1 out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk0 of base.raw (raw), seal disk0, publish "
     "/home/me/out | disk0: base.raw*s1 <- b"},
    {"of another branch QEMU knows only what they share",
     "disk0: base <- a; + base <- old* <- older", "export s1 out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need backing old, need room "
     "/home/me/out.part, workspace, convert /home/me/out.part/disk0 of old on base, seal "
     "disk0, publish /home/me/out | disk0: base <- a; + base <- old*s1 <- older"},
    {"what the guest writes to is none of it",
     "disk0: base; + base <- old* <- older", "export s1 out",
     "refused: the guest writes to base, in which a part of 's1' lies: that may be "
     "overwritten (qrewind check tells what can be done)"},
    {"what it only reads may be",
     "disk0[read-only]: base; + base <- old* <- older", "export s1 out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need backing old, need room "
     "/home/me/out.part, workspace, convert /home/me/out.part/disk0 of old on base, seal "
     "disk0, publish /home/me/out | disk0: base; + base <- old*s1 <- older"},
    {"inside of the active image", "disk0: base <- a^t; inside t", "export t out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk0 of a on base at t, seal disk0, publish "
     "/home/me/out | disk0: base <- a; inside t: disk0"},
    {"inside of one, made by others", "disk0: a^t", "export t out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk0 of a at t, seal disk0, publish /home/me/out | "
     "nothing"},
    {"its memory stays behind when a disk does", "disk0: a^t!", "export t out --no-memory",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk0 of a at t, seal disk0, publish /home/me/out | "
     "'its memory is left out' | nothing"},
    /* refusals */
    {"no such snapshot",
     "disk0: a* <- b", "export s2 out",
     "not-found: no snapshot 's2' (qrewind list shows the names)"},
    {"no such disk",
     "disk0: a* <- b", "export s1 out --disk vdb",
     "not-found: snapshot 's1' has no disk 'vdb'"},
    {"raw is never compressed",
     "disk0: a* <- b", "export s1 out --format raw --compress",
     "usage: only qcow2 images can be compressed"},
    {"one file for two disks",
     "disk0: a* <- b; disk1: c* <- d", "export s1 out.qcow2",
     "refused: 's1' has several disks: they need a folder (name one, without an image's "
     "extension; or one --disk)"},
    {"memory inside of an image",
     "disk0: a^t!", "export t out",
     "unsupported: the memory of 't' lies inside of a disk's image: nothing takes it out of "
     "there (--no-memory exports the disks alone)"},
    {"one file, and memory too",
     "disk0: a^t!", "export t out.qcow2",
     "refused: 't' has memory too: it needs a folder (name one, without an image's extension; "
     "or --no-memory)"},
    {"nothing can be read",
     "disk0: a* <- b; out of reach", "export s1 out",
     "unsupported: what QEMU has open is out of our reach (run qrewind where QEMU's images are "
     "local files, as QEMU's user or as root)"},
    {"the image is elsewhere",
     "disk0: a*(remote) <- b", "export s1 out",
     "unsupported: nbd://host/a is out of our reach (run qrewind where QEMU's images are local "
     "files, as QEMU's user or as root)"},
    {"QEMU has a name of its own for it",
     "disk0: a*(relative) <- b", "export s1 out",
     "need vacant /home/me/out, need makeable /home/me/out.part, need room /home/me/out.part, "
     "workspace, convert /home/me/out.part/disk0 of a, seal disk0, publish /home/me/out | "
     "disk0: a*s1 <- b"},
};
/* clang-format on */

Test(plan_export, makes_these_plans)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}
