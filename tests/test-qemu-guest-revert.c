/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real guest that is taken back, again and again, in one and the same QEMU: with memory it
 * does not notice, without it starts from the disks as they were.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/guest/guest.h"
#include "tests/tidy/tidy.h"

enum { DISKS = 2 };

/* 5.2 says what it cannot do: test-qemu-memory.c. */
static bool has_memory(void)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 0});
    bool has = number(lab->greeting, "QMP.version.qemu.major") >= 6;

    lab_stop(lab);
    return has;
}

/* ---- the disks ---- */

/* The file systems of the disks that run on "vdX@suffix" must be clean, the logs without a
 * gap, and not shorter than @least. Returns the last line. */
static long check_disks(struct guest *g, const char *suffix, long least)
{
    long last = 0;

    for (int disk = 0; disk < DISKS; disk++) {
        auto_free char *name = mem_printf("vd%c%s", 'a' + disk, suffix);
        auto_free char *path = lab_path(g->lab, name);
        auto_free char *wrong = guest_check_disk(path, "qcow2", &last);

        cr_assert_null(wrong, "%s: %s", name, wrong);
        cr_assert(last >= least, "%s ends at %ld, the guest was at %ld", name, last, least);
    }
    return last;
}

static struct guest *start(enum lab_bus bus, bool modern)
{
    return guest_start(&(struct guest_options){.disks = DISKS, .bus = bus, .modern = modern});
}

/* ---- with memory ---- */

static void goes_on_from_the_checkpoint(enum lab_bus bus, bool modern)
{
    if (!has_memory())
        return;
    struct guest *g = start(bus, modern);
    pid_t pid = g->lab->pid;
    long at, lost, after;
    int agent = guest_agent_open(g);

    guest_agent_answers(agent, 1);
    at = guest_beyond(g, 20);
    does(g->lab, "create", "c1", "--memory");
    lost = guest_beyond(g, at + 40);
    json_auto_t *doc = tells(g->lab, "revert", "c1");
    says(doc, "method", "memory");
    cr_expect_eq(g->lab->pid, pid);

    /* it goes on from where it was, not from where it had come to, and it does not boot */
    after = guest_position(g);
    cr_assert(after < lost, "at %ld after the revert, at %ld before it", after, lost);
    guest_agent_answers(agent, 2);
    after = guest_beyond(g, after + 20);
    is_tidy(g->lab);
    close(agent);
    lab_kill(g->lab);
    check_disks(g, ".c1-2.qcow2", after);
    check_disks(g, ".c1.qcow2", lost);
    cr_assert(check_disks(g, ".qcow2", 20) < lost);
    guest_stop(g);
}

Test(guest_revert, with_memory_it_goes_on_from_that_instant_drives)
{
    goes_on_from_the_checkpoint(LAB_VIRTIO, false);
}

Test(guest_revert, with_memory_it_goes_on_from_that_instant_blockdevs)
{
    goes_on_from_the_checkpoint(LAB_VIRTIO, true);
}

/* Each has state of its own: a thread, requests under way, a controller's registers. */
Test(guest_revert, with_memory_on_virtio_with_an_iothread)
{
    goes_on_from_the_checkpoint(LAB_VIRTIO_IOTHREAD, true);
}

Test(guest_revert, with_memory_on_scsi)
{
    goes_on_from_the_checkpoint(LAB_SCSI, false);
}

Test(guest_revert, with_memory_on_ide)
{
    goes_on_from_the_checkpoint(LAB_IDE, true);
}

/* What QEMU keeps of the code that the guest has run since is of no use then. */
Test(guest_revert, with_memory_after_the_guest_has_booted_again)
{
    if (!has_memory())
        return;
    struct guest *g = guest_start(&(struct guest_options){.disks = 1});
    long at = guest_beyond(g, 20);
    int agent;

    does(g->lab, "create", "i1", "--internal", "--memory");
    for (int i = 0; i < 5; i++) {
        if (i == 2)
            does(g->lab, "create", "c1", "--memory");
        json_decref(lab_qmp(g->lab, "system_reset", NULL));
        free(guest_wait(g, "guest ready"));
        guest_beyond(g, guest_position(g) + 10);
        if (i & 1)
            json_decref(lab_qmp(g->lab, "stop", NULL));
        does(g->lab, "revert", i < 2 ? "i1" : "c1", "--discard");
        at = guest_position(g);
        agent = guest_agent_open(g);
        guest_agent_answers(agent, i);
        close(agent);
        guest_beyond(g, at + 40);
    }
    lab_kill(g->lab);
    guest_stop(g);
}

/* ---- without ---- */

static void starts_from_the_disks(enum lab_bus bus, bool modern)
{
    struct guest *g = start(bus, modern);
    pid_t pid = g->lab->pid;
    long at = guest_beyond(g, 20), lost, after;

    does(g->lab, "create", "s1");
    lost = guest_beyond(g, at + 40);
    does(g->lab, "revert", "s1");
    free(guest_wait(g, "guest ready"));
    after = guest_position(g);
    cr_assert(after < lost, "at %ld after the revert, at %ld before it", after, lost);
    cr_expect_eq(g->lab->pid, pid);
    is_tidy(g->lab);

    /* and forward again, to what was abandoned */
    does(g->lab, "undo");
    free(guest_wait(g, "guest ready"));
    at = guest_position(g);
    cr_assert(at >= lost, "at %ld after the undo, at %ld when it was abandoned", at, lost);
    is_tidy(g->lab);
    lab_kill(g->lab);
    check_disks(g, ".s1.qcow2", at);
    check_disks(g, ".s1-2.qcow2", after - 10);
    check_disks(g, ".qcow2", 20);
    guest_stop(g);
}

Test(guest_revert, without_memory_it_starts_from_the_disks_as_they_were)
{
    starts_from_the_disks(LAB_VIRTIO, false);
}

/* Older ones cannot save its state, and 11.1 dies when it loads it over one that is in use. */
Test(guest_revert, without_memory_on_nvme)
{
    starts_from_the_disks(LAB_NVME, true);
}
