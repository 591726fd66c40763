/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Back to snapshots inside the images, in the running process, and what becomes of that when
 * QEMU refuses or the client is killed. What QEMU 5.2 cannot do is skipped there, or must say so.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/inside.h"
#include "tests/tidy/tidy.h"

/* ---- revert ---- */

Test(internal_revert, the_guest_goes_on_from_that_instant)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = with_memory(modern);
        json_auto_t *doc = tells(lab, "revert", "m1", "--discard");

        says(doc, "method", "memory");
        hold_both(lab, 1);
        status_is(lab, "running");
        tags_are(lab, 0, "m1");
        is_tidy(lab);
        write_both(lab, 2);
        does(lab, "revert", "m1", "--discard", "--paused");
        hold_both(lab, 1);
        json_auto_t *status = lab_qmp(lab, "query-status", NULL);
        cr_expect(json_is_false(at(status, "running")));
        turn_off(lab);
        image_holds(lab, "vda.qcow2", "qcow2", 1);
        lab_stop(lab);
    }
}

Test(internal_revert, the_disks_alone_go_back_in_the_running_process)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);
        json_auto_t *doc = NULL;

        if (!has_snapshot_jobs(lab)) {
            lab_stop(lab);
            return;
        }
        doc = tells(lab, "revert", "d1");
        says(doc, "method", "reset");
        json_decref(lab_event(lab, "RESET"));
        hold_both(lab, 1);
        status_is(lab, "running");
        tags_are(lab, 0, "d1 undo");
        is_tidy(lab);
        write_both(lab, 2);
        turn_off(lab);
        image_holds(lab, "vda.qcow2", "qcow2", 2);
        image_holds(lab, "vdb.qcow2", "qcow2", 2);
        lab_stop(lab);
    }
}

/* The memory has to be saved for that, and loaded again. */
Test(internal_revert, a_device_that_cannot_be_saved_or_loaded_is_named)
{
    struct lab *lab =
        lab_start(&(struct lab_options){.disks = 2, .bus = LAB_NVME, .running = true});

    if (has_snapshot_jobs(lab)) {
        write_both(lab, 1);
        does(lab, "create", "d1", "--internal");
        write_both(lab, 2);
        auto_free char *state = state_of(lab);
        json_auto_t *error = refuses(lab, 7, "revert", "d1");

        says(error, "desc", "nvme");
        says(error, "hint", "or with the VM off: qrewind -i ");
        unchanged(lab, state);
        is_tidy(lab);
        does(lab, "create", "e1");
        does(lab, "revert", "d1");
        hold_both(lab, 1);
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal_revert, undo_and_undo_again)
{
    struct lab *lab = with_memory(false);

    if (!has_snapshot_jobs(lab)) {
        lab_stop(lab);
        return;
    }
    write_both(lab, 3);
    does(lab, "revert", "m1");
    hold_both(lab, 1);
    does(lab, "undo");
    hold_both(lab, 3);
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1, "the undo point is no snapshot");
    says(list, "current", "m1");
    does(lab, "undo");
    hold_both(lab, 1);
    tags_are(lab, 0, "m1 undo");
    tags_are(lab, 1, "m1 undo");
    is_tidy(lab);
    lab_stop(lab);
}

Test(internal_revert, an_old_qemu_keeps_nothing_and_says_so_first)
{
    struct lab *lab = with_memory(false);

    if (!has_snapshot_jobs(lab)) {
        auto_free char *state = state_of(lab);
        json_auto_t *error = refuses(lab, 7, "revert", "m1");

        says(error, "kind", "unsupported");
        says(error, "hint", "qrewind revert --discard m1");
        json_decref(refuses(lab, 7, "revert", "m1", "--dry-run"));
        json_decref(refuses(lab, 7, "revert", "m1", "--keep", "k1"));
        unchanged(lab, state);
        hold_both(lab, 2);
        does(lab, "check");
        /* what the hint says */
        does(lab, "create", "m2", "--internal", "--memory");
        does(lab, "revert", "m1", "--discard");
        hold_both(lab, 1);
        json_decref(refuses(lab, 3, "undo"));
        does(lab, "revert", "m2", "--discard");
        hold_both(lab, 2);
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal_revert, the_present_state_under_a_name)
{
    struct lab *lab = with_memory(false);

    if (has_snapshot_jobs(lab)) {
        does(lab, "revert", "m1", "--keep", "k1");
        hold_both(lab, 1);
        json_auto_t *list = tells(lab, "list");
        says(list, "snapshots.1.name", "k1");
        says(list, "current", "m1");
        does(lab, "revert", "k1", "--no-reset", "--discard");
        hold_both(lab, 2);
        tags_are(lab, 0, "m1 k1");
        json_decref(refuses(lab, 3, "undo"));
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal_revert, some_of_the_disks)
{
    struct lab *lab = disks_alone(false);

    if (has_snapshot_jobs(lab)) {
        does(lab, "create", "d2", "--internal", "--disk", "vdb");
        write_both(lab, 3);
        does(lab, "revert", "d2");
        holds(lab, 0, 3);
        holds(lab, 1, 2);
        does(lab, "undo");
        hold_both(lab, 3);
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal_revert, with_memory_but_without_loading_it)
{
    struct lab *lab = with_memory(true);

    if (has_snapshot_jobs(lab)) {
        json_auto_t *doc = tells(lab, "revert", "m1", "--no-memory");

        says(doc, "method", "reset");
        hold_both(lab, 1);
        is_tidy(lab);
    } else {
        json_auto_t *error = refuses(lab, 7, "revert", "m1", "--no-memory");

        says(error, "desc", "6.0");
        says(error, "hint", "qrewind create NAME, and then again");
        does(lab, "create", "e1");
        does(lab, "revert", "m1", "--no-memory");
        hold_both(lab, 1);
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal_revert, those_of_others_can_be_gone_back_to)
{
    struct lab *lab = disks_alone(false);
    human_saves(lab, "\"of \\\"others\\\"\"");

    write_both(lab, 3);
    does(lab, "revert", "of \"others\"", "--discard");
    hold_both(lab, 2);
    json_auto_t *list = tells(lab, "list");
    cr_expect(json_is_null(at(list, "current")));
    tags_are(lab, 0, "d1 of \"others\"");
    lab_stop(lab);
}

Test(internal_revert, a_size_that_changed_changes_back)
{
    struct lab *lab = disks_alone(false);

    if (has_snapshot_jobs(lab)) {
        json_decref(lab_qmp(lab, "block_resize", "{s:s, s:I}", "device", "vda", "size",
                            (json_int_t)32 << 20));
        does(lab, "revert", "d1");
        json_auto_t *disks = tells(lab, "disks");
        cr_expect_eq(number(disks, "disks.0.size"), 16 << 20);
        hold_both(lab, 1);
    }
    lab_stop(lab);
}

/* ---- what goes wrong ---- */

Test(internal_revert, memory_that_does_not_load_leaves_every_disk_as_it_was)
{
    struct lab *old = lab_start(&(struct lab_options){
        .disks = 2, .args = (const char *const[]){"-device", "virtio-rng-pci", NULL}});
    struct lab *lab = NULL;

    write_both(old, 1);
    human_saves(old, "m0");
    write_both(old, 2);
    turn_off(old);
    lab = start_again(old, WORDS("vda.qcow2", "vdb.qcow2"));
    json_decref(lab_qmp(lab, "cont", NULL));
    /* an old QEMU has taken the disks back by then, and nobody can tell */
    json_auto_t *error = has_snapshot_jobs(lab) ? refuses(lab, 1, "revert", "m0")
                                                : refuses(lab, 5, "revert", "m0", "--discard");
    says(error, "kind", has_snapshot_jobs(lab) ? "failed" : "unknown");
    if (has_snapshot_jobs(lab))
        hold_both(lab, 2);
    else
        does(lab, "repair");
    status_is(lab, "running");
    tags_are(lab, 0, "m0");
    tags_are(lab, 1, "m0");
    json_auto_t *jobs = lab_qmp(lab, "query-jobs", NULL);
    cr_expect_eq(json_array_size(jobs), 0);
    auto_result struct lab_result files =
        lab_exec(old->folder, WORDS("sh", "-c", "ls *.qcow2 | wc -l"));
    cr_expect_eq(atoi(files.out), 2, "%s", files.out);
    lab_stop(lab);
    lab_stop(old);
}

Test(internal_revert, a_command_that_qemu_refuses_changes_nothing)
{
    static const char *const spoiled[] = {"blockdev-add", "stop", "transaction", "snapshot-save",
                                          "snapshot-load"};

    for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
        struct lab *lab = disks_alone(false);
        struct between b = {.spoil = spoiled[i]};

        if (has_snapshot_jobs(lab)) {
            auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "d1"));

            cr_expect_eq(r.status, 1, "%s: %d %s", spoiled[i], r.status, r.out);
            hold_both(lab, 2);
            status_is(lab, "running");
            is_tidy(lab);
            tags_are(lab, 0, "d1");
            tags_are(lab, 1, "d1");
        }
        lab_stop(lab);
    }
}

/* Whatever was settled, the disks agree with the document and with each other. */
static void settles(struct lab *lab, const char *name, int at_command)
{
    json_auto_t *repair = tells(lab, "repair"), *info = NULL;
    const char *how = text(repair, "settled");
    bool done = lab_reads(lab, 0, 1, "0", "64k");
    json_auto_t *list = tells(lab, "list");

    info = json_pack("{s:i, s:s}", "command", at_command, "settled", how);
    hold_both(lab, done ? 1 : 2);
    if (!strcmp(how, "finished"))
        cr_assert(done, "command %d", at_command);
    if (!strcmp(how, "undone"))
        cr_assert(!done, "command %d", at_command);
    cr_assert_str_eq(text(list, "current"), name);
    is_tidy(lab);
    status_is(lab, "running");
    does(lab, "revert", name, "--discard");
    hold_both(lab, 1);
    is_tidy(lab);
}

static void kill_everywhere(struct lab *(*begin)(bool modern), const char *name)
{
    for (int n = 1, last = 2; n < last; n++)
        for (int answered = 0; answered < 2; answered++) {
            struct lab *lab = begin(false);
            struct between b = {.kill_at = n, .answered = answered};

            if (!has_snapshot_jobs(lab)) {
                lab_stop(lab);
                return;
            }
            auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", name));
            cr_expect(r.status == 0 || r.status == 128 + SIGKILL, "%d: %s", r.status, r.out);
            last = b.commands >= n ? n + 2 : n;
            if (b.commands >= n)
                settles(lab, name, n);
            lab_stop(lab);
        }
}

Test(internal_revert, killed_at_any_command_of_a_revert_with_memory, .timeout = 600)
{
    kill_everywhere(with_memory, "m1");
}

Test(internal_revert, killed_at_any_command_of_a_revert_of_the_disks, .timeout = 600)
{
    kill_everywhere(disks_alone, "d1");
}
