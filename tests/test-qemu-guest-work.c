/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots, merges and copies under a Linux guest that writes to both disks all the
 * time: it never stops, its file systems stay clean, and what a snapshot holds is one
 * instant on both disks.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/guest/guest.h"

/* The guest writes on: two positions apart. */
static void lives(struct guest *g, const char *after)
{
    long before = guest_position(g);

    cr_assert_gt(guest_position(g), before, "the guest stands still after %s", after);
}

/* The last line of the log on the image; the file system must be clean, the log whole. */
static long last_line(struct lab *lab, const char *name, const char *format)
{
    auto_free char *path = lab_path(lab, name), *wrong = NULL;
    long last = -1;

    wrong = guest_check_disk(path, format, &last);
    cr_assert_null(wrong, "%s: %s", name, wrong);
    return last;
}

/* One instant: the guest writes a line to one disk, then the same to the other. */
static void same_instant(struct lab *lab, const char *a, const char *b)
{
    long one = last_line(lab, a, "qcow2"), other = last_line(lab, b, "qcow2");

    cr_expect(one - other >= -1 && one - other <= 1, "%s has %ld, %s has %ld", a, one, b, other);
}

static void works(struct guest_options o)
{
    struct guest *g = guest_start(&o);
    struct lab *lab = g->lab;
    const char *const first = o.modern ? "disk0" : "vda", *const second =
                                                              o.modern ? "disk1" : "vdb";

    does(lab, "create", "s1");
    lives(g, "create s1");
    does(lab, "create", "s2", "--method=sync");
    lives(g, "create s2");
    does(lab, "create", "s3");
    lives(g, "create s3");
    does(lab, "commit", second, "--force"); /* s3 of vdb goes, s3 of vda with it */
    lives(g, "commit");
    does(lab, "stream", first, "--base", "s1");
    lives(g, "stream");
    does(lab, "mirror", first, "../copy.qcow2", "--sync=top", "--pivot");
    lives(g, "mirror");
    does(lab, "mirror", second, "../backup.qcow2");
    lives(g, "a copy that follows");
    does(lab, "mirror", second, "--finish");
    lives(g, "a copy that is kept");
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 2);
    says(list, "snapshots.0.state", "running");
    long at_end = guest_position(g);
    lab_kill(lab);

    same_instant(lab, "vda.qcow2", "vdb.qcow2");       /* s1 */
    same_instant(lab, "vda.s1.qcow2", "vdb.s1.qcow2"); /* s2 */
    cr_expect(last_line(lab, "copy.qcow2", "qcow2") >= at_end);
    cr_expect(last_line(lab, "vdb.s2.qcow2", "qcow2") >= at_end);
    cr_expect(last_line(lab, "backup.qcow2", "qcow2") > 0);
    guest_stop(g);
}

Test(guest, works_on_while_its_disks_are_snapshotted_merged_and_copied)
{
    works((struct guest_options){.disks = 2, .modern = true, .bus = LAB_VIRTIO_IOTHREAD});
}

Test(guest, works_on_with_legacy_drives)
{
    works((struct guest_options){.disks = 2, .relative = true, .bus = LAB_SCSI});
}
