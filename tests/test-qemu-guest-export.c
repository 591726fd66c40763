/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real guest that writes all the time, and snapshots that are copied out meanwhile: their file
 * systems are sound and end where the guest was, whether they lie in layers or inside the image.
 */
#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/guest/guest.h"

/* Its log ends between @least and @most. */
static void ends_between(struct lab *lab, const char *file, const char *format, long least,
                         long most)
{
    auto_free char *path = lab_path(lab, file);
    long last = 0;
    auto_free char *wrong = guest_check_disk(path, format, &last);

    cr_assert_null(wrong, "%s: %s", file, wrong);
    cr_expect(last >= least && last <= most, "%s ends at %ld, not between %ld and %ld", file, last,
              least, most);
}

Test(guest_export, what_is_copied_out_of_a_busy_guest_is_sound)
{
    struct guest *g = guest_start(&(struct guest_options){.disks = 2});
    long before, taken;

    before = guest_position(g);
    does(g->lab, "create", "i1", "--internal");
    does(g->lab, "create", "s1");
    taken = guest_position(g);
    while (guest_position(g) < taken + 60)
        ;
    does(g->lab, "export", "i1", "i1", "--format=raw");
    does(g->lab, "export", "s1", "s1", "--compress");
    /* and it goes on */
    guest_position(g);
    lab_kill(g->lab);
    ends_between(g->lab, "client/i1/vda.raw", "raw", before - 30, taken + 30);
    ends_between(g->lab, "client/i1/vdb.raw", "raw", before - 30, taken + 30);
    ends_between(g->lab, "client/s1/vda.qcow2", "qcow2", before - 30, taken + 30);
    ends_between(g->lab, "client/s1/vdb.qcow2", "qcow2", before - 30, taken + 30);
    guest_stop(g);
}
