/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real guest whose memory is saved while it runs on, and that goes on from there in another
 * QEMU: what it wrote until that instant is there, what it writes then follows without a gap.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/live.h"
#include "tests/guest/guest.h"

enum { DISKS = 2 };

/* The disks "vdX@suffix": a clean file system, and a log without a gap that ends from @least to
 * @most. */
static void check_disks(struct guest *g, const char *suffix, long least, long most)
{
    for (int disk = 0; disk < DISKS; disk++) {
        auto_free char *name = mem_printf("vd%c%s", 'a' + disk, suffix);
        auto_free char *path = lab_path(g->lab, name);
        long last = 0;
        auto_free char *wrong = guest_check_disk(path, "qcow2", &last);

        cr_assert_null(wrong, "%s: %s", name, wrong);
        cr_assert(last >= least && last <= most, "%s ends at %ld, not from %ld to %ld", name, last,
                  least, most);
    }
}

static void goes_on_elsewhere(bool modern)
{
    struct guest *g = guest_start(&(struct guest_options){.disks = DISKS, .modern = modern});
    long begun, lost, now;

    if (!live_can(g->lab)) {
        guest_stop(g);
        return;
    }
    begun = guest_beyond(g, 20);
    json_auto_t *doc = tells(g->lab, "create", "c1", "--memory=live");
    cr_log_info("%.1f ms pause", json_number_value(at(doc, "pause_ms")));
    lost = guest_beyond(g, begun + 40);
    lab_kill(g->lab);

    struct guest *h = guest_start(&(struct guest_options){
        .disks = DISKS, .modern = modern, .after = g, .suffix = ".c1.qcow2"});
    does(h->lab, "revert", "c1");
    now = guest_position(h);
    cr_assert(now >= begun && now < lost, "at %ld, it was at %ld then and at %ld at last", now,
              begun, lost);
    now = guest_beyond(h, lost + 20);
    /* the agent answers */
    json_auto_t *quiesced = tells(h->lab, "create", "c2", "--quiesce");
    cr_expect(json_is_true(at(quiesced, "quiesced")));
    lab_kill(h->lab);
    check_disks(g, ".qcow2", 20, lost);
    check_disks(g, ".c1.qcow2", begun, lost + 100);
    check_disks(g, ".c1-2.qcow2", now, now + 100);
    guest_stop(h);
    guest_stop(g);
}

Test(guest_live, goes_on_from_that_instant_in_another_qemu_drives)
{
    goes_on_elsewhere(false);
}

Test(guest_live, goes_on_from_that_instant_in_another_qemu_blockdevs)
{
    goes_on_elsewhere(true);
}

/* Again and again while it writes, and none of that costs it a line. */
Test(guest_live, does_not_notice)
{
    struct guest *g = guest_start(&(struct guest_options){.disks = DISKS});
    double longest = 0;

    if (!live_can(g->lab)) {
        guest_stop(g);
        return;
    }
    for (int i = 0; i < 5; i++) {
        auto_free char *name = mem_printf("c%d", i);
        json_auto_t *doc = tells(g->lab, "create", name, "--memory=live");
        double pause = json_number_value(at(doc, "pause_ms"));

        longest = pause > longest ? pause : longest;
        guest_beyond(g, guest_position(g));
    }
    cr_log_info("%.1f ms pause at most", longest);
    long now = guest_position(g);
    does(g->lab, "delete", "c0", "c1", "c2", "c3", "c4");
    lab_kill(g->lab);
    check_disks(g, ".qcow2", now, now + 200);
    guest_stop(g);
}
