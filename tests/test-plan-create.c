/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plans that create makes: tests/scene/operation.h tells how to read a row, and what is
 * checked of each without being said.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/operation.h"

/* clang-format off */
static const struct picture_case plans[] = {
    /* shapes */
    {"one disk",
     "disk0: a", "create s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: a*s1 <- a.s1"},
    {"two disks, one instant",
     "disk0: a; disk1: b", "create s1",
     "need absent a.s1, need absent b.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 "
     "file.filename=a.s1, overlay b.s1 on b, blockdev-add node-name=qrw-t-1 file.filename=b.s1, "
     "sync a.s1 b.s1, flush a, flush b, transaction blockdev-snapshot node=#a overlay=qrw-t-0 + "
     "blockdev-snapshot node=#b overlay=qrw-t-1 | disk0 shows a.s1 on a, disk1 shows b.s1 on b | "
     "disk0: a*s1 <- a.s1; disk1: b*s1 <- b.s1"},
    {"on top of a chain",
     "disk0: base* <- base.s1", "create s2",
     "need absent base.s2, overlay base.s2 on base.s1, blockdev-add node-name=qrw-t-0 "
     "file.filename=base.s2, sync base.s2, flush base.s1, blockdev-snapshot node=#base.s1 "
     "overlay=qrw-t-0 | disk0 shows base.s2 on base.s1 | disk0: base*s1 <- base.s1*s2 <- base.s2"},
    {"a base of the user's that the sidecar does not know yet",
     "disk0: base <- a", "create s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: base <- a*s1 <- a.s1"},
    {"a raw image's overlay says so",
     "disk0: a(raw)", "create s1",
     "need absent a.s1, overlay a.s1 on a.raw (raw), blockdev-add node-name=qrw-t-0 "
     "file.filename=a.s1, sync a.s1, flush a.raw, blockdev-snapshot node=#a overlay=qrw-t-0 | "
     "disk0 shows a.s1 on a.raw | disk0: a.raw*s1 <- a.s1"},
    {"nodes with the user's names",
     "disk0: a(named)", "create s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=a-fmt overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: a*s1 <- a.s1"},
    {"QEMU's relative name of a file is not relative to the overlay",
     "disk0: a(relative)", "create s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: a*s1 <- a.s1"},
    {"QEMU's json: name of a file is reduced to the file",
     "disk0: a(json)", "create s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: a*s1 <- a.s1"},
    {"cache and detect-zeroes go on as they were",
     "disk0[direct,no-flush,zeroes]: a", "create s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1 "
     "cache.direct=true cache.no-flush=true detect-zeroes=unmap, sync a.s1, flush a, "
     "blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | disk0: a*s1 <- a.s1"},
    {"two overlays of a shared base",
     "disk0: base <- a; disk1: base <- b", "create s1",
     "need absent a.s1, need absent b.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 "
     "file.filename=a.s1, overlay b.s1 on b, blockdev-add node-name=qrw-t-1 file.filename=b.s1, "
     "sync a.s1 b.s1, flush a, flush b, transaction blockdev-snapshot node=#a overlay=qrw-t-0 + "
     "blockdev-snapshot node=#b overlay=qrw-t-1 | disk0 shows a.s1 on a, disk1 shows b.s1 on b | "
     "disk0: base <- a*s1 <- a.s1; disk1: base <- b*s1 <- b.s1"},
    {"disks in two folders: all new files are made durable at once",
     "disk0: a; disk1: /big/b; disk2: /big/c", "create s1",
     "need absent a.s1, need absent /big/b.s1, need absent /big/c.s1, overlay a.s1 on a, "
     "blockdev-add node-name=qrw-t-0 file.filename=a.s1, overlay /big/b.s1 on /big/b, "
     "blockdev-add node-name=qrw-t-1 file.filename=/big/b.s1, overlay /big/c.s1 on /big/c, "
     "blockdev-add node-name=qrw-t-2 file.filename=/big/c.s1, sync a.s1 /big/b.s1 /big/c.s1, "
     "flush a, flush /big/b, flush /big/c, transaction blockdev-snapshot node=#a overlay=qrw-t-0 "
     "+ blockdev-snapshot node=#/big/b overlay=qrw-t-1 + blockdev-snapshot node=#/big/c "
     "overlay=qrw-t-2 | disk0 shows a.s1 on a, disk1 shows /big/b.s1 on /big/b, disk2 shows "
     "/big/c.s1 on /big/c | disk0: a*s1 <- a.s1; disk1: /big/b*s1 <- /big/b.s1; disk2: /big/c*s1 "
     "<- /big/c.s1"},
    {"overlay of a network disk, at a place of the user's choice",
     "disk0: a(remote)", "create s1 --overlay disk0=/vm/x.qcow2",
     "need absent x, overlay x on nbd://host/a, blockdev-add node-name=qrw-t-0 file.filename=x, "
     "sync x, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows x on nbd://host/a | disk0: "
     "nbd://host/a*s1 <- x"},

    /* which disks */
    {"what cannot be written to is left out, and said so",
     "disk0: a; disk1[read-only]: b; cd[cd,empty]:; cd1[cd]: f", "create s1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "'disk disk1 is left out: it is read-only', 'disk cd is left out: it is empty', 'disk cd1 is "
     "left out: it is a CD' | disk0: a*s1 <- a.s1"},
    {"only one disk",
     "disk0: a; disk1: b", "create s1 --disk disk1",
     "need absent b.s1, overlay b.s1 on b, blockdev-add node-name=qrw-t-0 file.filename=b.s1, "
     "sync b.s1, flush b, blockdev-snapshot node=#b overlay=qrw-t-0 | disk1 shows b.s1 on b | "
     "disk1: b*s1 <- b.s1"},
    {"a disk by the name of its drive",
     "vda[legacy]: a; disk1: b", "create s1 --disk vda",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | vda shows a.s1 on a | vda: "
     "a*s1 <- a.s1"},
    {"all but one",
     "disk0: a; disk1: b", "create s1 --exclude disk1",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: a*s1 <- a.s1"},
    {"other disks' jobs do not matter",
     "disk0: a; disk1: b; job qrw-mirror-disk1 mirror ready", "create s1 --disk disk0",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: a*s1 <- a.s1"},

    /* names */
    {"without a name, the time",
     "disk0: a", "create",
     "need absent a.20261121-100000, overlay a.20261121-100000 on a, blockdev-add "
     "node-name=qrw-t-0 file.filename=a.20261121-100000, sync a.20261121-100000, flush a, "
     "blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.20261121-100000 on a | disk0: "
     "a*20261121-100000 <- a.20261121-100000"},
    {"twice in one second",
     "disk0: base*20261121-100000 <- a", "create",
     "need absent base.20261121-100000-2, overlay base.20261121-100000-2 on a, blockdev-add "
     "node-name=qrw-t-0 file.filename=base.20261121-100000-2, sync base.20261121-100000-2, flush "
     "a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows base.20261121-100000-2 on a | "
     "disk0: base*20261121-100000 <- a*20261121-100000-2 <- base.20261121-100000-2"},
    {"what is awkward in a file name is replaced",
     "disk0: a", "create v1:Ü_$(x)",
     "need absent a.v1______x_, overlay a.v1______x_ on a, blockdev-add node-name=qrw-t-0 "
     "file.filename=a.v1______x_, sync a.v1______x_, flush a, blockdev-snapshot node=#a "
     "overlay=qrw-t-0 | disk0 shows a.v1______x_ on a | disk0: a*v1:Ü_$(x) <- a.v1______x_"},
    {"a name cannot hide the file or leave the folder",
     "disk0: a", "create ..",
     "need absent a._., overlay a._. on a, blockdev-add node-name=qrw-t-0 file.filename=a._., "
     "sync a._., flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a._. on a | "
     "disk0: a*.. <- a._."},
    {"the file's name is a layer's already",
     "disk0: base* <- base.s2", "create s2",
     "need absent base.s2-2, overlay base.s2-2 on base.s2, blockdev-add node-name=qrw-t-0 "
     "file.filename=base.s2-2, sync base.s2-2, flush base.s2, blockdev-snapshot node=#base.s2 "
     "overlay=qrw-t-0 | disk0 shows base.s2-2 on base.s2 | disk0: base*s1 <- base.s2*s2 <- "
     "base.s2-2"},
    {"the file's name is that of a layer elsewhere in the tree",
     "disk0: base* <- x; + base <- base.s2", "create s2",
     "need absent base.s2-2, overlay base.s2-2 on x, blockdev-add node-name=qrw-t-0 "
     "file.filename=base.s2-2, sync base.s2-2, flush x, blockdev-snapshot node=#x overlay=qrw-t-0 "
     "| disk0 shows base.s2-2 on x | disk0: base*s1 <- x*s2 <- base.s2-2; + base*s1 <- base.s2"},
    {"the user's choice of a file is relative to the user's folder",
     "disk0: a", "create s1 --overlay disk0=x.qcow2",
     "need absent /home/me/x, overlay /home/me/x on a, blockdev-add node-name=qrw-t-0 "
     "file.filename=/home/me/x, sync /home/me/x, flush a, blockdev-snapshot node=#a "
     "overlay=qrw-t-0 | disk0 shows /home/me/x on a | disk0: a*s1 <- /home/me/x"},
    {"the user's choice for one disk of two",
     "disk0: a; disk1: b", "create s1 --overlay disk1=/big/x.qcow2",
     "need absent a.s1, need absent /big/x, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 "
     "file.filename=a.s1, overlay /big/x on b, blockdev-add node-name=qrw-t-1 "
     "file.filename=/big/x, sync a.s1 /big/x, flush a, flush b, transaction blockdev-snapshot "
     "node=#a overlay=qrw-t-0 + blockdev-snapshot node=#b overlay=qrw-t-1 | disk0 shows a.s1 on "
     "a, disk1 shows /big/x on b | disk0: a*s1 <- a.s1; disk1: b*s1 <- /big/x"},

    /* the guest's state */
    {"left stopped",
     "disk0: a", "create s1 --halt",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, stop, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a "
     "| disk0: a*s1 <- a.s1"},
    {"left stopped, as it was",
     "disk0: a; paused", "create s1 --halt",
     "need absent a.s1, overlay a.s1 on a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, "
     "sync a.s1, flush a, blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | "
     "disk0: a*s1 <- a.s1"},
    {"with memory",
     "disk0: a", "create s1 --memory",
     "need absent a.s1, need absent a.s1.vmstate, need space a.s1.vmstate 128M, overlay a.s1 on "
     "a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, sync a.s1, flush a, image "
     "a.s1.vmstate like a, sync a.s1.vmstate, blockdev-add node-name=qrw-t-ram "
     "file.filename=a.s1.vmstate, stop, snapshot-save tag=s1 vmstate=qrw-t-ram "
     "devices=[\"qrw-t-ram\"], blockdev-snapshot node=#a overlay=qrw-t-0, cont | disk0 shows a.s1 "
     "on a | blockdev-del node-name=qrw-t-ram | disk0: a*s1 <- a.s1"},
    {"with memory of a paused guest, which stays so",
     "disk0: a; paused", "create s1 --memory",
     "need absent a.s1, need absent a.s1.vmstate, need space a.s1.vmstate 128M, overlay a.s1 on "
     "a, blockdev-add node-name=qrw-t-0 file.filename=a.s1, sync a.s1, flush a, image "
     "a.s1.vmstate like a, sync a.s1.vmstate, blockdev-add node-name=qrw-t-ram "
     "file.filename=a.s1.vmstate, snapshot-save tag=s1 vmstate=qrw-t-ram devices=[\"qrw-t-ram\"], "
     "blockdev-snapshot node=#a overlay=qrw-t-0 | disk0 shows a.s1 on a | blockdev-del "
     "node-name=qrw-t-ram | disk0: a*s1 <- a.s1"},


    /* methods */
    {"QEMU makes the overlays when told to",
     "disk0: a; disk1: b", "create s1 --method sync",
     "need absent a.s1, need absent b.s1, expect a.s1, expect b.s1, transaction "
     "blockdev-snapshot-sync node-name=#a snapshot-file=a.s1 snapshot-node-name=qrw-t-0 + "
     "blockdev-snapshot-sync node-name=#b snapshot-file=b.s1 snapshot-node-name=qrw-t-1 | disk0 "
     "shows a.s1 on a, disk1 shows b.s1 on b | disk0: a*s1 <- a.s1; disk1: b*s1 <- b.s1"},
    {"QEMU makes the overlay where we cannot",
     "disk0: a; out of reach", "create s1",
     "need absent-for-qemu a.s1, blockdev-snapshot-sync node-name=#a snapshot-file=a.s1 "
     "snapshot-node-name=qrw-t-0 | disk0 shows a.s1 on a | disk0: a*s1 <- a.s1"},
};

static const struct picture_case refusals[] = {
    {"we cannot make the overlays where told to",
     "disk0: a; out of reach", "create s1 --method snapshot",
     "unsupported: QEMU's files are not ours: it runs in another file system or elsewhere "
     "(--method=sync lets QEMU make the overlays)"},
    {"we cannot save memory where we make no files",
     "disk0: a; out of reach", "create s1 --memory",
     "unsupported: the memory needs a file, and QEMU's files are out of our reach (where QEMU runs, a "
     "monitor on a unix socket tells whose files they are: -qmp unix:PATH,server=on,wait=off)"},
    {"a name twice",
     "disk0: base* <- a", "create s1",
     "refused: there is a snapshot 's1' already (choose another name, or none: it is then the time)"},
    {"a folder in the name",
     "disk0: a", "create a/b",
     "refused: a snapshot's name has no '/' and no control characters"},
    {"no name at all",
     "disk0: a", "create ",
     "refused: a snapshot's name has 1 to 128 bytes"},
    {"no such disk",
     "disk0: a; disk1: b", "create s1 --disk disk2",
     "not-found: no disk 'disk2' (the disks are: disk0, disk1)"},
    {"no such disk to leave out",
     "disk0: a", "create s1 --exclude disk2",
     "not-found: no disk 'disk2' (the disks are: disk0)"},
    {"an empty drive, asked for",
     "disk0: a; cd[removable,empty]:", "create s1 --disk cd",
     "refused: disk cd is empty"},
    {"a read-only disk, asked for",
     "disk0: a; disk1[read-only]: b", "create s1 --disk disk1",
     "refused: disk disk1 is read-only"},
    {"nothing that can be written to",
     "disk0[read-only]: a", "create s1",
     "refused: there is no writable disk to snapshot"},
    {"nothing left",
     "disk0: a", "create s1 --exclude disk0",
     "refused: there is no writable disk to snapshot"},
    {"a choice for a disk that is not there",
     "disk0: a", "create s1 --overlay disk1=x",
     "usage: --overlay disk1=x: it is DISK=FILE, with a disk of this snapshot"},
    {"a choice for a disk that is left out",
     "disk0: a; disk1: b", "create s1 --exclude disk1 --overlay disk1=x",
     "usage: --overlay disk1=x: it is DISK=FILE, with a disk of this snapshot"},
    {"a choice without a disk",
     "disk0: a", "create s1 --overlay x",
     "usage: --overlay x: it is DISK=FILE, with a disk of this snapshot"},
    {"a choice of nothing", "disk0: a", "create s1 --overlay disk0=",
     "usage: --overlay disk0=: it is DISK=FILE, with a disk of this snapshot"},
    {"two choices for one disk",
     "disk0: a", "create s1 --overlay disk0=x --overlay disk0=y",
     "usage: --overlay disk0=y: that disk has one already"},
    {"a disk that is asked for and left out",
     "disk0: a; disk1: b", "create s1 --disk disk0 --exclude disk0",
     "usage: --disk and --exclude exclude each other"},
    {"the choice is a layer, active",
     "disk0: a", "create s1 --overlay disk0=/vm/a.qcow2",
     "refused: a is a layer already"},
    {"the choice is a layer of the sidecar",
     "disk0: base* <- a; + base <- old", "create s2 --overlay disk0=/vm/old.qcow2",
     "refused: old is a layer already"},
    {"one file for two disks",
     "disk0: a; disk1: b", "create s1 --overlay disk0=/vm/x --overlay disk1=/vm/x",
     "refused: x cannot be the overlay of two disks"},
    {"a file that another disk's overlay will be",
     "disk0: a; disk1: b", "create s1 --overlay disk1=/vm/a.s1.qcow2",
     "refused: a.s1 cannot be the overlay of two disks"},
    {"a network disk without a choice",
     "disk0: a(remote)", "create s1",
     "refused: disk disk0 is not a file in a folder of this host: nbd://host/a (say where its "
     "overlay goes: --overlay disk0=FILE)"},
    {"two disks share an image",
     "disk0: a; disk1: a", "create s1",
     "refused: disks disk0 and disk1 share the image a (it is under both: --exclude disk1)"},
    {"our job holds the disk",
     "disk0: a; job qrw-mirror-disk0 mirror ready", "create s1",
     "locked: disk disk0 is busy: the job qrw-mirror-disk0 (mirror) is ready (wait for it "
     "(qrewind job wait qrw-mirror-disk0) or cancel it)"},
    {"a job that has ended holds the disk until it is dismissed",
     "disk0: a; job qrw-mirror-disk0 mirror concluded", "create s1",
     "refused: disk disk0 is busy: the job qrw-mirror-disk0 (mirror) is concluded (it has ended; "
     "to let it go: qrewind job dismiss qrw-mirror-disk0)"},
    {"a job that QEMU named after the drive holds the disk",
     "vda[legacy]: a; job vda stream running", "create s1",
     "locked: disk vda is busy: the job vda (stream) is running (wait for it (qrewind job wait "
     "vda) or cancel it)"},
    {"a filter on top",
     "disk0[filter]: a", "create s1",
     "unsupported: disk disk0: a filter (throttle) is on top of its image (if a job put it there, "
     "wait for the job; a filter of the command line has to go)"},
    {"QEMU names no node",
     "disk0[nodeless]: a; disk1: b", "create s1",
     "unsupported: disk disk0: QEMU does not tell the nodes of its images"},
    {"the active layer is not the sidecar's",
     "disk0[active=old]: base* <- new(unknown); + base <- old", "create s2",
     "refused: disk disk0 runs on new, the sidecar says old (start the VM with old, or remove the "
     "sidecar if it is of another VM)"},
    {"the VM was started with a frozen image",
     "disk0[active=top]: base*; + base <- top", "create s2",
     "refused: disk disk0 runs on base, which holds snapshot s1 (if the VM was started with an old image, stop it "
     "and start it with top; if another tool has merged that into this one, never start it with that again: qrewind check tells more)"},
};
/* clang-format on */

Test(create, pins_the_active_layers_and_puts_overlays_on_top)
{
    picture_cases(plans, sizeof(plans) / sizeof(plans[0]));
}

Test(create, refuses_before_anything_has_changed)
{
    picture_cases(refusals, sizeof(refusals) / sizeof(refusals[0]));
}

static struct plan plan_of(const char *picture, const char *command)
{
    struct picture *p = picture_new(picture);
    struct plan plan;

    picture_plan_as(&plan, p, command);
    picture_free(p);
    return plan;
}

Test(create, the_commands_say_all_that_qemu_must_know_and_no_more)
{
    struct plan plan = plan_of("disk0: a", "create s1");
    json_auto_t *commands = picture_commands(&plan);
    auto_free char *text = json_dumps(commands, JSON_COMPACT);

    cr_expect_str_eq(text,
                     "[{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"qcow2\","
                     "\"node-name\":\"qrw-t-0\",\"backing\":null,\"discard\":\"unmap\","
                     "\"file\":{\"driver\":\"file\",\"filename\":\"/vm/a.s1.qcow2\"}}},"
                     "{\"execute\":\"blockdev-del\",\"arguments\":{\"node-name\":\"qrw-t-0\"}},"
                     "{\"execute\":\"blockdev-snapshot\",\"arguments\":{\"node\":\"#a\","
                     "\"overlay\":\"qrw-t-0\"}}]");
    plan_done(&plan);
}

Test(create, the_record_tells_when_from_what_and_in_which_state)
{
    struct plan plan = plan_of("disk0: base* <- base.s1; paused", "create s2 --description why");
    json_auto_t *wanted =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:{s:{s:s}}, s:n, s:b}", "name", "s2",
                  "id", "t", "parent", "s1", "created", "2026-11-21T10:00:00.123Z", "description",
                  "why", "kind", "external", "state", "paused", "quiesced", 0, "disks", "disk0",
                  "layer", "L2", "memory", "pinned", 0);
    const json_t *record = chain_snapshot(&plan.after, "s2");
    auto_free char *text = json_dumps(record, 0);

    cr_expect(json_equal(record, wanted), "%s", text);
    cr_expect_str_eq(chain_current(&plan.after), "s2");
    plan_done(&plan);
}

Test(create, the_record_of_the_memory_tells_where_it_fits)
{
    struct plan plan = plan_of("disk0: a", "create s1 --memory");
    const json_t *memory = json_object_get(chain_snapshot(&plan.after, "s1"), "memory");
    json_auto_t *wanted =
        json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "file", "a.s1.vmstate.qcow2", "tag", "s1",
                  "qemu", "7.2.22", "machine", "pc-q35-7.2", "ram", 128 << 20, "cpus", 2);
    auto_free char *text = json_dumps(memory, 0);

    cr_expect(json_equal(memory, wanted), "%s", text);
    plan_done(&plan);
}

Test(create, memory_that_cannot_be_saved_is_refused_in_qemus_words)
{
    struct picture *p = picture_new("disk0: a");

    p->machine.blockers = json_pack("[s]", "State blocked by non-migratable device 'nvme'");
    auto_free char *blocked = picture_plan(p, "create s1 --memory");
    auto_free char *disks_alone = picture_plan(p, "create s1");
    cr_expect(strstr(blocked, "unsupported: the memory cannot be saved: State blocked by"), "%s",
              blocked);
    cr_expect(!strncmp(disks_alone, "need", 4), "%s", disks_alone);

    json_decref(p->machine.blockers);
    p->machine.blockers = NULL;
    p->machine.migration = mem_strdup("active");
    auto_free char *busy = picture_plan(p, "create s1 --memory");
    cr_expect_str_eq(busy, "refused: a migration is running (active) "
                           "(wait until it is through, or end it: qrewind qmp migrate_cancel)");
    picture_free(p);
}

Test(create, memory_needs_a_qemu_that_has_snapshot_save)
{
    struct picture *p = picture_new("disk0: a");

    p->scene.version = 50200;
    p->scene.qemu = "5.2.0";
    auto_free char *old = picture_plan(p, "create s1 --memory");
    cr_expect(strstr(old, "unsupported: QEMU 5.2.0 cannot save or load memory"), "%s", old);
    cr_expect(strstr(old, "create --internal --memory works there"), "%s", old);
    picture_free(p);
}
