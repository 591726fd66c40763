/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real guest with snapshots inside of its images: back and forth in one and the same QEMU.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "tests/cases/inside.h"
#include "tests/guest/guest.h"
#include "tests/tidy/tidy.h"

/* The file systems of both disks must be clean, the logs without a gap and not shorter than
 * @least, nor longer than @most. Ends the guest. */
static void check_disks(struct guest *g, long least, long most)
{
    static const char *const names[] = {"vda.qcow2", "vdb.qcow2"};

    lab_kill(g->lab);
    for (int disk = 0; disk < 2; disk++) {
        auto_free char *path = lab_path(g->lab, names[disk]);
        long last = 0;
        auto_free char *wrong = guest_check_disk(path, "qcow2", &last);

        cr_assert_null(wrong, "%s: %s", names[disk], wrong);
        cr_assert(last >= least && last <= most, "%s ends at %ld, not between %ld and %ld",
                  names[disk], last, least, most);
    }
    guest_stop(g);
}

static void goes_on_from_the_checkpoint(enum lab_bus bus, bool modern)
{
    struct guest *g =
        guest_start(&(struct guest_options){.disks = 2, .bus = bus, .modern = modern});
    long at = guest_beyond(g, 20), lost, after;

    does(g->lab, "create", "m1", "--internal", "--memory");
    lost = guest_beyond(g, at + 40);
    json_auto_t *doc = has_snapshot_jobs(g->lab) ? tells(g->lab, "revert", "m1")
                                                 : tells(g->lab, "revert", "m1", "--discard");
    says(doc, "method", "memory");

    /* it goes on from where it was, not from where it had come to, and it does not boot */
    after = guest_position(g);
    cr_assert(after < lost, "at %ld after the revert, at %ld before it", after, lost);
    after = guest_beyond(g, after + 20);
    is_tidy(g->lab);
    check_disks(g, after, after + 200);
}

/* On virtio alone: test-qemu-guest-many.c. */
Test(guest_internal, with_memory_it_goes_on_from_that_instant_on_ide)
{
    goes_on_from_the_checkpoint(LAB_IDE, false);
}

Test(guest_internal, with_memory_it_goes_on_from_that_instant_with_an_iothread)
{
    goes_on_from_the_checkpoint(LAB_VIRTIO_IOTHREAD, true);
}

Test(guest_internal, with_memory_it_goes_on_from_that_instant_on_scsi)
{
    goes_on_from_the_checkpoint(LAB_SCSI, true);
}

Test(guest_internal, without_memory_it_starts_from_the_disks_as_they_were)
{
    struct guest *g = guest_start(&(struct guest_options){.disks = 2, .bus = LAB_VIRTIO_IOTHREAD});
    long at = guest_beyond(g, 20), lost, after;

    if (!has_snapshot_jobs(g->lab)) {
        guest_stop(g);
        return;
    }
    does(g->lab, "create", "d1", "--internal");
    lost = guest_beyond(g, at + 40);
    does(g->lab, "revert", "d1");
    free(guest_wait(g, "guest ready"));
    after = guest_position(g);
    cr_assert(after < lost, "at %ld after the revert, at %ld before it", after, lost);
    is_tidy(g->lab);

    /* and forward again, to what was abandoned */
    does(g->lab, "undo");
    free(guest_wait(g, "guest ready"));
    at = guest_position(g);
    cr_assert(at >= lost, "at %ld after the undo, at %ld when it was abandoned", at, lost);
    is_tidy(g->lab);
    check_disks(g, at, at + 200);
}
