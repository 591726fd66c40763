/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * revert, undo: back to the disks of a snapshot, in the running process. With memory:
 * test-qemu-memory.c; interrupted or refused: test-qemu-revert-failure.c; with a real guest:
 * test-qemu-guest-revert.c.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

static const struct lab_options one = {.disks = 1};

static void write_all(struct lab *lab, int disks, int generation)
{
    for (int disk = 0; disk < disks; disk++)
        write_generation(lab, disk, generation);
}

#define all_hold(lab, disks, generation)                                                           \
    for (int disk_ = 0; disk_ < (disks); disk_++)                                                  \
    cases_holds(lab, __LINE__, disk_, generation)

/* There and back, and to another branch. */
static void goes_to_and_fro(const struct lab_options *o)
{
    struct lab *lab = lab_start(o);
    pid_t pid = lab->pid;

    write_all(lab, o->disks, 1);
    does(lab, "create", "s1");
    write_all(lab, o->disks, 2);
    does(lab, "create", "s2");
    write_all(lab, o->disks, 3);

    does(lab, "revert", "s1");
    all_hold(lab, o->disks, 1);
    is_tidy(lab);
    write_all(lab, o->disks, 2);
    does(lab, "undo");
    all_hold(lab, o->disks, 3);
    is_tidy(lab);
    does(lab, "undo");
    all_hold(lab, o->disks, 2);
    is_tidy(lab);

    /* s2's layer is on a branch that is not open now */
    does(lab, "revert", "s2", "--keep", "four");
    all_hold(lab, o->disks, 2);
    write_all(lab, o->disks, 3);
    does(lab, "revert", "four", "--discard");
    all_hold(lab, o->disks, 2);
    is_tidy(lab);
    cr_assert_eq(lab->pid, pid);
    turn_off(lab);
    lab_stop(lab);
}

static const struct lab_options shapes[] = {
    {.disks = 2},
    {.disks = 2, .bus = LAB_VIRTIO_IOTHREAD},
    {.disks = 2, .bus = LAB_SCSI},
    {.disks = 2, .bus = LAB_IDE},
    {.disks = 2, .bus = LAB_NVME},
    {.disks = 1, .format = "raw"},
    {.disks = 8},
    {.disks = 2, .running = true},
    {.disks = 1, .relative = true},
};

Test(revert, goes_to_and_fro_with_drives)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        goes_to_and_fro(&shapes[i]);
}

Test(revert, goes_to_and_fro_with_blockdevs)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct lab_options o = shapes[i];

        o.modern = true;
        goes_to_and_fro(&o);
    }
}

/* ---- the run state ---- */

Test(revert, a_guest_that_ran_runs_afterwards_and_only_then)
{
    static const struct {
        bool running;
        const char *option, *then, *said;
    } cases[] = {
        {true, "--discard", "running", "back at s1: the guest restarts, "},
        {false, "--discard", "stopped", "back at s1: the guest was reset, and is stopped, took"},
        {true, "--paused", "stopped", "back at s1: the guest was reset, and is stopped, took"},
        {false, "--running", "running", "back at s1: the guest restarts, took"},
        {true, "--no-reset", "running", "back at s1, "},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

        write_generation(lab, 0, 1);
        does(lab, "create", "s1");
        if (cases[i].running)
            json_decref(lab_qmp(lab, "cont", NULL));
        write_generation(lab, 0, 2);
        auto_result struct lab_result r = lab_run(lab, "revert", "s1", cases[i].option, NULL);
        cr_expect(!r.status && !strncmp(r.out, cases[i].said, strlen(cases[i].said)), "%s%s", r.out,
                  r.err);
        cr_expect_str_eq(status_of(lab), cases[i].then, "%s of a guest that %s", cases[i].option,
                         cases[i].running ? "ran" : "was stopped");
        holds(lab, 0, 1);
        lab_stop(lab);
    }
}

Test(revert, tells_that_there_is_an_undo_point_and_so_do_list_and_info)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    auto_result struct lab_result back = lab_run(lab, "revert", "s1", NULL);
    cr_expect(strstr(back.out, "qrewind undo goes back"), "%s", back.out);
    for (const char *const *verb = WORDS("list", "info"); *verb; verb++) {
        auto_result struct lab_result text = lab_run(lab, *verb, NULL);
        json_auto_t *doc = tells(lab, *verb);

        cr_expect(strstr(text.out, "what there was until"), "%s", text.out);
        says(doc, "undo.created", "Z");
        says(doc, "undo.current", "s1");
    }
    auto_result struct lab_result gone = lab_run(lab, "revert", "s1", "--discard", NULL);
    cr_expect(!strstr(gone.out, "undo"), "%s", gone.out);
    json_auto_t *list = tells(lab, "list");
    cr_expect(json_is_null(at(list, "undo")));
    lab_stop(lab);
}

Test(revert, resets_the_guest_once_unless_told_not_to)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .running = true});

    does(lab, "create", "s1");
    json_auto_t *quiet = tells(lab, "revert", "s1", "--no-reset");
    says(quiet, "method", "disks");
    json_auto_t *loud = tells(lab, "revert", "s1");
    says(loud, "method", "reset");
    json_decref(lab_event(lab, "RESET"));
    json_array_clear(lab->events);
    does(lab, "info");
    cr_expect_eq(json_array_size(lab->events), 0);
    lab_stop(lab);
}

/* ---- what is kept ---- */

Test(revert, the_abandoned_state_is_one_undo_point_and_the_one_before_it_dies)
{
    struct lab *lab = tower(&one, 1);
    does(lab, "revert", "s1");

    cr_expect(has_file(lab, "vda.s1.qcow2"), "the undo point");
    write_generation(lab, 0, 2);
    write_generation(lab, 0, 3);
    json_auto_t *second = tells(lab, "revert", "s1");
    cr_expect(mentions(at(second, "removed"), "/vda.s1.qcow2"));
    cr_expect(!has_file(lab, "vda.s1.qcow2"));
    is_tidy(lab);
    does(lab, "undo");
    holds(lab, 0, 3);
    lab_stop(lab);
}

Test(revert, a_kept_state_is_a_snapshot_where_it_grew)
{
    struct lab *lab = tower(&one, 2);
    does(lab, "revert", "s1", "--keep", "end");

    json_auto_t *list = tells(lab, "list");
    says(list, "current", "s1");
    says(list, "snapshots.2.name", "end");
    says(list, "snapshots.2.parent", "s2");
    json_auto_t *none = refuses(lab, 3, "undo");
    says(none, "desc", "nothing to undo");
    holds(lab, 0, 1);
    does(lab, "revert", "end");
    holds(lab, 0, 3);
    is_tidy(lab);
    lab_stop(lab);
}

Test(revert, a_discarded_state_leaves_nothing)
{
    struct lab *lab = tower(&one, 1);
    json_auto_t *doc = tells(lab, "revert", "s1", "--discard");

    cr_expect(mentions(at(doc, "removed"), "/vda.s1.qcow2"));
    is_tidy(lab);
    json_decref(refuses(lab, 3, "undo"));
    holds(lab, 0, 1);
    lab_stop(lab);
}

Test(revert, a_hundred_times_leaves_as_much_as_once)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = tower(&(struct lab_options){.disks = 1, .modern = modern}, 2);
        struct tidy_weight once, now;

        for (int i = 0; i < 4; i++)
            does(lab, "revert", i % 2 ? "s2" : "s1");
        once = tidy_weigh(lab);
        for (int i = 0; i < 100; i++)
            does(lab, "revert", i % 2 ? "s2" : "s1");
        now = tidy_weigh(lab);
        cr_expect_eq(now.files, once.files, "%ld files, then %ld", once.files, now.files);
        cr_expect_eq(now.nodes, once.nodes, "%ld nodes, then %ld", once.nodes, now.nodes);
        cr_expect_eq(now.fds, once.fds, "%ld descriptors, then %ld", once.fds, now.fds);
        cr_expect_leq(now.rss_kib, once.rss_kib + 2048, "%ld KiB, then %ld", once.rss_kib,
                      now.rss_kib);
        is_tidy(lab);
        holds(lab, 0, 2);
        turn_off(lab);
        lab_stop(lab);
    }
}

Test(undo, is_a_revert_to_the_one_before_and_does_not_end)
{
    struct lab *lab = tower(&one, 1);

    does(lab, "revert", "s1");
    for (int i = 0; i < 10; i++) {
        does(lab, "undo");
        holds(lab, 0, i % 2 ? 1 : 2);
        is_tidy(lab);
    }
    does(lab, "undo", "--keep", "one");
    holds(lab, 0, 2);
    json_decref(refuses(lab, 3, "undo"));
    does(lab, "revert", "one", "--discard");
    holds(lab, 0, 1);
    is_tidy(lab);
    lab_stop(lab);
}

Test(undo, the_snapshot_that_one_is_at_goes_and_comes_back)
{
    struct lab *lab = tower(&one, 2);
    json_auto_t *before = NULL, *after = NULL;

    does(lab, "revert", "s1");
    before = tells(lab, "current");
    says(before, "current", "s1");
    does(lab, "undo");
    after = tells(lab, "current");
    says(after, "current", "s2");
    lab_stop(lab);
}

/* ---- branches ---- */

Test(revert, to_layers_that_qemu_has_not_open)
{
    struct lab *lab = tower(&one, 4);

    does(lab, "revert", "s1", "--keep", "old");
    does(lab, "create", "b1");
    write_generation(lab, 0, 2);
    /* old builds on s4 builds on s3 builds on s2: all of them are opened */
    does(lab, "revert", "old");
    holds(lab, 0, 5);
    chain_is(lab, 0,
             "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2 <- vda.s4.qcow2 <- "
             "vda.old.qcow2");
    is_tidy(lab);
    does(lab, "revert", "b1");
    holds(lab, 0, 1);
    is_tidy(lab);
    turn_off(lab);
    lab_stop(lab);
}

Test(revert, a_snapshot_of_one_disk_leaves_the_other)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});

    write_all(lab, 2, 1);
    does(lab, "create", "s1", "--disk", "vda");
    write_all(lab, 2, 2);
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    holds(lab, 1, 2);
    chain_is(lab, 1, "vdb.qcow2");
    does(lab, "undo");
    holds(lab, 0, 2);
    is_tidy(lab);
    lab_stop(lab);
}

Test(revert, of_some_disks_keeps_the_present_state_of_all)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .running = true});

    write_generation(lab, 0, 1);
    write_generation(lab, 1, 1);
    does(lab, "create", "s1", "--disk", "vdb");
    write_generation(lab, 0, 2);
    write_generation(lab, 1, 2);
    does(lab, "revert", "s1", "--keep", "k");
    holds(lab, 0, 2);
    holds(lab, 1, 1);
    chain_is(lab, 0, "vda.qcow2 <- vda.k.qcow2");
    is_tidy(lab);
    write_generation(lab, 0, 3);
    write_generation(lab, 1, 2);
    write_generation(lab, 1, 3);
    does(lab, "revert", "k", "--discard");
    holds(lab, 0, 2);
    holds(lab, 1, 2);
    does(lab, "delete", "k", "s1");
    chain_is(lab, 0, "vda.qcow2");
    chain_is(lab, 1, "vdb.qcow2");
    is_tidy(lab);
    turn_off(lab);
    lab_stop(lab);
}

Test(revert, a_dry_run_changes_nothing_and_tells_everything)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *state = state_of(lab);
    json_auto_t *doc = tells(lab, "revert", "s1", "--dry-run");

    says(doc, "plan.0.step", "overlay");
    unchanged(lab, state);
    lab_stop(lab);
}

/* ---- another QEMU ---- */

Test(revert, in_a_qemu_that_was_started_anew)
{
    struct lab *old = tower(&one, 2), *lab;

    does(old, "revert", "s1");
    write_generation(old, 0, 2);
    turn_off(old);
    lab = start_again(old, WORDS("vda.s1-2.qcow2"));
    holds(lab, 0, 2);
    does(lab, "undo");
    holds(lab, 0, 3);
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    lab_stop(lab);
    lab_stop(old);
}

static void image(const char *folder, void *arg)
{
    auto_free char *path = mem_printf("%s/vda.qcow2", folder);

    lab_image(path, "qcow2", "16M", NULL, NULL);
}

Test(revert, the_options_of_a_disk_survive)
{
    static const char *const args[] = {
        "-drive", "if=none,id=vda,format=qcow2,file=vda.qcow2,cache=none,detect-zeroes=on",
        "-device", "virtio-blk-pci,drive=vda", NULL};
    struct lab *lab = lab_start(&(struct lab_options){.args = args, .prepare = image});

    does(lab, "create", "s1");
    for (int i = 0; i < 2; i++) {
        json_auto_t *blocks = NULL;

        does(lab, i ? "undo" : "revert", i ? "--running" : "s1");
        blocks = lab_qmp(lab, "query-block", NULL);
        cr_expect(json_is_true(at(blocks, "0.inserted.cache.direct")));
        cr_expect_str_eq(text(blocks, "0.inserted.detect_zeroes"), "on");
    }
    lab_stop(lab);
}
