/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A return to snapshots inside the images, of which QEMU is killed while it loads: it loads into
 * one disk after the other. Found by the next client in a new QEMU, every disk shows the same time
 * again, or what there was before is still there. And a deletion that came to one of two disks.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/inside.h"
#include "tests/faults/fault.h"
#include "tests/tidy/tidy.h"

static const char *const images[] = {"vda.qcow2", "vdb.qcow2", NULL};

static void apply(struct lab *lab, const char *tag, const char *file)
{
    auto_result struct lab_result r =
        lab_exec(lab->folder, WORDS("qemu-img", "snapshot", "-a", tag, file));

    cr_assert_eq(r.status, 0, "%s", r.err);
}

/* The client dies once the guest stands and the present is tagged. */
static void kill_it(struct lab *lab, const char *tag, const char *const *words)
{
    struct between b = {.kill_at = 3, .answered = true};
    auto_result struct lab_result r = between_run(lab, &b, words);
    auto_free char *tags = mem_printf("%s undo", tag);

    cr_assert_eq(r.status, 128 + SIGKILL, "%s", r.out);
    tags_are(lab, 0, tags);
    status_is(lab, "paused");
}

static void kill_client(struct lab *lab, const char *tag)
{
    kill_it(lab, tag, WORDS("revert", tag));
}

enum { CLEANED = 1u << 2 };

/* The client and QEMU die once the present is tagged, and @loaded of the disks have gone back; with
 * CLEANED also the scratch image is removed. */
static struct lab *cut(struct lab *lab, const char *tag, unsigned loaded)
{
    kill_client(lab, tag);
    lab_kill(lab);
    if (loaded & CLEANED) {
        auto_result struct lab_result r =
            lab_exec(lab->folder, WORDS("sh", "-c", "rm qrw-*.scratch.qcow2"));

        cr_assert_eq(r.status, 0, "%s", r.err);
    }
    for (size_t i = 0; images[i]; i++)
        if (loaded & 1u << i)
            apply(lab, tag, images[i]);
    return start_again(lab, images);
}

/* All combinations, the guest standing or running. */
static void is_brought_back(struct lab *(*begin)(bool modern), const char *tag)
{
    for (unsigned loaded = 0; loaded < 4; loaded++)
        for (int running = 0; running < 2; running++) {
            struct lab *old = begin(false), *lab = NULL;

            if (!has_snapshot_jobs(old)) {
                lab_stop(old);
                return;
            }
            lab = cut(old, tag, loaded);
            if (running)
                json_decref(lab_qmp(lab, "cont", NULL));
            json_auto_t *repair = tells(lab, "repair");
            says(repair, "settled", "undone");
            hold_both(lab, 2);
            tags_are(lab, 0, tag);
            tags_are(lab, 1, tag);
            status_is(lab, running ? "running" : "prelaunch");
            if (running && loaded)
                json_decref(lab_event(lab, "RESET"));
            is_tidy_on(lab, old);
            does(lab, "revert", tag, "--no-memory");
            hold_both(lab, 1);
            does(lab, "undo");
            hold_both(lab, 2);
            is_tidy_on(lab, old);
            lab_stop(lab);
            lab_stop(old);
        }
}

Test(internal_half, of_the_disks_alone_is_brought_back, .timeout = 300)
{
    is_brought_back(disks_alone, "d1");
}

Test(internal_half, with_memory_is_brought_back, .timeout = 300)
{
    is_brought_back(with_memory, "m1");
}

Test(internal_half, that_had_come_to_the_cleanup_is_brought_back)
{
    struct lab *old = disks_alone(false);

    if (has_snapshot_jobs(old)) {
        struct lab *lab = cut(old, "d1", 3 | CLEANED);
        json_auto_t *repair = tells(lab, "repair");

        says(repair, "settled", "undone");
        hold_both(lab, 2);
        tags_are(lab, 0, "d1");
        is_tidy_on(lab, old);
        lab_stop(lab);
    }
    lab_stop(old);
}

/* The guest may need what it wrote: that is the user's choice. */
Test(internal_half, what_was_written_since_is_left_and_what_there_was_before_too)
{
    struct lab *old = disks_alone(false), *lab = NULL;

    if (has_snapshot_jobs(old)) {
        lab = cut(old, "d1", 1);
        lab_write(lab, 0, 99, "1M", "64k");
        json_auto_t *repair = tells(lab, "repair");
        says(repair, "settled", "undone");
        says(repair, "notes.0", "stays in it as the internal snapshot qrw-undo-");
        cr_expect(lab_reads(lab, 0, 99, "1M", "64k"));
        holds(lab, 1, 2);
        tags_are(lab, 0, "d1 undo");
        lab_stop(lab);
    }
    lab_stop(old);
}

/* The storage is still broken: neither tag is let go, nor the guest. */
Test(internal_half, what_cannot_be_brought_back_yet_is_brought_back_later)
{
    for (unsigned loaded = 1; loaded < 4; loaded++) {
        struct lab *old = disks_alone(loaded == 2), *lab = NULL;
        struct between b = {.spoil = "snapshot-load"};

        if (!has_snapshot_jobs(old)) {
            lab_stop(old);
            return;
        }
        lab = cut(old, "d1", loaded);
        auto_result struct lab_result r = between_run(lab, &b, WORDS("repair"));
        json_auto_t *failed = json_loads(r.out, 0, NULL);
        cr_assert_eq(r.status, 5, "%s", r.out);
        says(failed, "error.desc", "cannot bring disk vd");
        says(failed, "error.hint", "end QEMU, then: qrewind --image FILE repair");
        tags_are(lab, 0, "d1 undo");
        tags_are(lab, 1, "d1 undo");
        status_is(lab, "prelaunch");
        json_auto_t *repair = tells(lab, "repair");
        says(repair, "settled", "undone");
        hold_both(lab, 2);
        tags_are(lab, 0, "d1");
        tags_are(lab, 1, "d1");
        is_tidy_on(lab, old);
        lab_stop(lab);
        lab_stop(old);
    }
}

Test(internal_half, is_brought_back_without_a_vm)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *old = disks_alone(modern);

        if (has_snapshot_jobs(old)) {
            lab_stop(cut(old, "d1", 1));
            auto_result struct lab_result r = lab_exec(
                old->folder, WORDS("qrewind", "-j", "-i", images[0], "-i", images[1], "repair"));
            json_auto_t *repair = json_loads(r.out, 0, NULL);
            cr_assert_eq(r.status, 0, "%s%s", r.out, r.err);
            says(repair, "settled", "undone");
            for (size_t i = 0; images[i]; i++) {
                image_holds(old, images[i], "qcow2", 2);
                file_tags_are(old, images[i], "d1");
            }
        }
        lab_stop(old);
    }
}

Test(internal_half, of_one_disk_is_brought_back)
{
    static const char *const image[] = {"vda.qcow2", NULL};
    struct lab *old = lab_start(&(struct lab_options){.disks = 1, .running = true});

    if (has_snapshot_jobs(old)) {
        write_generation(old, 0, 1);
        does(old, "create", "d1", "--internal");
        write_generation(old, 0, 2);
        kill_client(old, "d1");
        lab_kill(old);
        apply(old, "d1", image[0]);
        struct lab *lab = start_again(old, image);
        json_auto_t *repair = tells(lab, "repair");
        says(repair, "settled", "undone");
        holds(lab, 0, 2);
        tags_are(lab, 0, "d1");
        is_tidy_on(lab, old);
        lab_stop(lab);
    }
    lab_stop(old);
}

/* ---- done, but for the cleanup ---- */

static void drop_what_was(struct lab *lab, const char *file)
{
    auto_result struct lab_result r = lab_exec(
        lab->folder, WORDS("sh", "-c",
                           "t=$(qemu-img snapshot -l $0 | grep -o 'qrw-undo-[0-9a-f]*') && "
                           "qemu-img snapshot -d $t $0",
                           file));

    cr_assert_eq(r.status, 0, "%s", r.err);
}

/* --discard lets what there was before go, disk by disk: there is no way back then. */
Test(internal_half, that_lets_what_there_was_go_is_finished)
{
    for (unsigned gone = 1; gone < 4; gone++) {
        struct lab *old = disks_alone(false);

        if (has_snapshot_jobs(old)) {
            kill_it(old, "d1", WORDS("revert", "d1", "--discard"));
            lab_kill(old);
            for (size_t i = 0; images[i]; i++) {
                apply(old, "d1", images[i]);
                if (gone & 1u << i)
                    drop_what_was(old, images[i]);
            }
            struct lab *lab = gone == 3 ? start_again(old, images) : NULL;
            auto_result struct lab_result r = lab_exec(
                old->folder, WORDS("qrewind", "-j", lab ? "-s" : "-S",
                                   lab ? lab->socket : "vda.qcow2.qrewind.json", "repair"));
            json_auto_t *repair = json_loads(r.out, 0, NULL);
            cr_assert_eq(r.status, 0, "%s%s", r.out, r.err);
            says(repair, "settled", "finished");
            if (!lab)
                lab = start_again(old, images);
            hold_both(lab, 1);
            tags_are(lab, 0, "d1");
            tags_are(lab, 1, "d1");
            json_auto_t *list = tells(lab, "list");
            says(list, "current", "d1");
            is_tidy_on(lab, old);
            lab_stop(lab);
        }
        lab_stop(old);
    }
}

/* ---- the guest goes on, or the user is told ---- */

/* Somebody before us came as far as the reset, which makes of a stopped guest one that has not
 * begun. */
Test(internal_half, a_guest_that_was_reset_while_it_stood_goes_on)
{
    struct lab *lab = disks_alone(false);

    if (has_snapshot_jobs(lab)) {
        kill_client(lab, "d1");
        json_decref(lab_qmp(lab, "system_reset", NULL));
        json_decref(lab_event(lab, "RESET"));
        json_auto_t *repair = tells(lab, "repair");
        says(repair, "settled", "undone");
        status_is(lab, "running");
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal_half, that_qemu_does_not_let_the_guest_go_on_is_told)
{
    struct lab *lab = disks_alone(false);
    struct between b = {.spoil = "cont"};

    if (has_snapshot_jobs(lab)) {
        kill_client(lab, "d1");
        auto_result struct lab_result r = between_run(lab, &b, WORDS("repair"));
        json_auto_t *repair = json_loads(r.out, 0, NULL);

        cr_assert_eq(r.status, 0, "%s", r.out);
        says(repair, "notes.0", "the guest stands still");
        status_is(lab, "paused");
    }
    lab_stop(lab);
}

/* ---- a deletion ---- */

/* Offline a node is called otherwise by each engine, and each disk is a command of its own. */
Test(internal_half, a_deletion_that_came_to_some_disks_is_finished)
{
    for (int at = 3; at < 7; at++) {
        const struct fault f = {.what = "EIO", .at = at, .set = "sendmsg", .stays = true};
        struct lab *old = disks_alone(false), *lab = NULL;
        auto_free char *a = lab_path(old, images[0]), *b = lab_path(old, images[1]);
        auto_free char *words = mem_printf("delete d1 --image %s --image %s", a, b);

        lab_kill(old);
        auto_result struct lab_result r = fault_run(old, &f, words);
        cr_expect(at > 4 || r.status == 5, "%s", r.out);
        lab = start_again(old, images);
        does(lab, "repair");
        json_auto_t *list = tells(lab, "list");
        const char *left = text(list, "snapshots.0.name") ? "d1" : "";
        tags_are(lab, 0, left);
        tags_are(lab, 1, left);
        lab_stop(lab);
        lab_stop(old);
    }
}
