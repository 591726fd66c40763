/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create --memory=live, and somebody dies, gives up, or refuses: either there is a snapshot
 * with all of its memory, or all is as before.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/cases.h"
#include "tests/cases/live.h"
#include "tests/tidy/tidy.h"

static struct lab *start(void)
{
    struct lab *lab = live_start((struct lab_options){.disks = 2});

    if (lab)
        write_generation(lab, 0, 1);
    return lab;
}

/* Nothing is left of the snapshot, and the guest runs. */
static void is_undone(struct lab *lab, const char *settings)
{
    auto_free char *now = live_settings(lab);

    cr_expect_str_eq(now, settings);
    cr_expect_str_eq(live_status(lab), "running");
    chain_is(lab, 0, "vda.qcow2");
    chain_is(lab, 1, "vdb.qcow2");
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 0);
    cr_expect(!has_file(lab, "vda.m1.vmstate"));
    holds(lab, 0, 1);
    is_tidy(lab);
}

/* It is there as if nothing had happened. */
static void is_done(struct lab *lab, const char *settings)
{
    auto_free char *now = live_settings(lab);

    cr_expect_str_eq(now, settings);
    cr_expect_str_eq(live_status(lab), "running");
    chain_is(lab, 0, "vda.qcow2 <- vda.m1.qcow2");
    json_auto_t *doc = tells(lab, "show", "m1");
    says(doc, "snapshot.memory.method", "live");
    holds(lab, 0, 1);
    is_tidy(lab);
}

/* ---- the program is killed ---- */

/* Returns whether there were so many commands. */
static bool killed_at(int command, bool answered)
{
    struct between b = {.kill_at = command, .answered = answered};
    struct lab *lab = start();

    if (!lab)
        return false;
    auto_free char *settings = live_settings(lab);
    auto_result struct lab_result r = between_run(lab, &b, WORDS("create", "m1", "--memory=live"));
    bool more = b.commands >= command;

    if (more)
        does(lab, "repair");
    json_auto_t *list = tells(lab, "list");
    if (json_array_size(at(list, "snapshots")))
        is_done(lab, settings);
    else
        is_undone(lab, settings);
    lab_stop(lab);
    return more;
}

Test(live_failure, the_program_is_killed_at_any_command)
{
    for (int answered = 0; answered < 2; answered++)
        for (int command = 1; killed_at(command, answered); command++)
            ;
}

/* ---- QEMU refuses ---- */

Test(live_failure, what_qemu_refuses_is_undone)
{
    static const char *const commands[] = {"migrate", "migrate-set-parameters", "stop",
                                           "transaction"};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct between b = {.spoil = commands[i]};
        struct lab *lab = start();

        if (!lab)
            return;
        auto_free char *settings = live_settings(lab);
        auto_result struct lab_result r =
            between_run(lab, &b, WORDS("create", "m1", "--memory=live"));
        cr_assert_eq(r.status, 1, "%s: %d %s%s", commands[i], r.status, r.out, r.err);
        is_undone(lab, settings);
        does(lab, "create", "m1", "--memory=live");
        is_done(lab, settings);
        lab_stop(lab);
    }
}

Test(live_failure, what_qemu_cannot_is_said_before_anything_is_changed)
{
    struct lab *lab = start();

    if (!lab)
        return;
    struct between b = {.spoil = "migrate-set-capabilities"};
    auto_free char *state = state_of(lab), *settings = live_settings(lab);
    auto_result struct lab_result r = between_run(lab, &b, WORDS("create", "m1", "--memory=live"));
    cr_expect_eq(r.status, 7, "%d %s", r.status, r.out);
    cr_expect(strstr(r.out, "vm.unprivileged_userfaultfd=1"), "%s", r.out);
    auto_free char *now = live_settings(lab);
    cr_expect_str_eq(now, settings);
    unchanged(lab, state);
    lab_stop(lab);
}

/* ---- while it is being saved ---- */

static void set_bandwidth(struct lab *lab, json_int_t limit)
{
    json_decref(lab_qmp(lab, "migrate-set-parameters", "{s:I}", "max-bandwidth", limit));
}

static bool migrates(struct lab *lab)
{
    json_auto_t *reply = lab_qmp(lab, "query-migrate", NULL);

    return text(reply, "status") && !strcmp(text(reply, "status"), "active");
}

/* A VM with so much memory that there is time to slow QEMU down until it stands still. */
static struct lab *start_big(void)
{
    struct lab *lab = live_start((struct lab_options){.disks = 2, .args = WORDS("-m", "2048")});

    if (lab)
        write_generation(lab, 0, 1);
    return lab;
}

static struct lab_process begin(struct lab *lab)
{
    struct lab_process p = lab_begin(lab, "--timeout", "1", "create", "m1", "--memory=live", NULL);

    while (!migrates(lab))
        poll(NULL, 0, 1);
    set_bandwidth(lab, 10000);
    while (strcmp(live_status(lab), "running") != 0)
        poll(NULL, 0, 1);
    cr_assert(migrates(lab));
    return p;
}

static void end(struct lab_process *p, int status, const char *words)
{
    auto_result struct lab_result r = lab_finish(p);

    cr_assert_eq(r.status, status, "exit %d: %s%s", r.status, r.out, r.err);
    cr_expect(strstr(r.err, words), "%s", r.err);
}

/* Before 8.1 QEMU itself hangs after that: runner-migration.c says so. */
static bool lets_go(const struct lab *lab)
{
    return number(lab->greeting, "QMP.version.qemu.major") > 8;
}

Test(live_failure, who_does_not_wait_finds_it_done_later)
{
    const char *const *const next[] = {WORDS("repair"), WORDS("create", "s2")};

    for (size_t i = 0; i < 4; i++) {
        struct lab *lab = start_big();

        if (!lab)
            return;
        auto_free char *settings = live_settings(lab);
        struct lab_process p = begin(lab);

        kill(p.pid, i & 1 ? SIGKILL : SIGINT);
        auto_result struct lab_result r = lab_finish(&p);
        cr_assert_eq(r.status, i & 1 ? 128 + SIGKILL : 6, "exit %d: %s%s", r.status, r.out, r.err);
        cr_expect(i & 1 || strstr(r.err, "qrewind repair waits for it"), "%s", r.err);
        /* nobody is told to do what would hang QEMU */
        cr_expect_eq(strstr(r.err, "migrate_cancel") != NULL, !(i & 1) && lets_go(lab), "%s",
                     r.err);
        cr_assert(migrates(lab));
        set_bandwidth(lab, 1 << 30);
        json_auto_t *doc = cases_run(lab, __LINE__, 0, next[i / 2]);
        if (i < 2)
            says(doc, "settled", "finished");
        else
            does(lab, "delete", "s2");
        is_done(lab, settings);
        lab_stop(lab);
    }
}

Test(live_failure, who_gives_it_up_has_what_there_was)
{
    for (size_t i = 0; i < 3; i++) {
        struct lab *lab = start_big();

        if (!lab || !lets_go(lab)) {
            lab_stop(lab);
            return;
        }
        auto_free char *settings = live_settings(lab);
        struct lab_process p = begin(lab);

        if (i)
            kill(p.pid, i == 1 ? SIGINT : SIGKILL);
        if (i)
            end(&p, i == 1 ? 6 : 128 + SIGKILL, "");
        json_decref(lab_qmp(lab, "migrate_cancel", NULL));
        if (i) {
            json_auto_t *doc = tells(lab, "repair");
            says(doc, "settled", "undone");
        } else {
            end(&p, 1, "cancelled");
        }
        is_undone(lab, settings);
        does(lab, "create", "m1", "--memory=live");
        is_done(lab, settings);
        lab_stop(lab);
    }
}

/* A disk that is full would be such a failure. */
Test(live_failure, where_qemu_would_hang_the_space_is_taken_before)
{
    struct lab *lab = start_big();

    if (!lab)
        return;
    auto_free char *file = lab_path(lab, "vda.m1.vmstate");
    struct lab_process p = begin(lab);
    struct stat meanwhile, then;

    cr_assert_eq(stat(file, &meanwhile), 0);
    set_bandwidth(lab, 1 << 30);
    end(&p, 0, "");
    cr_assert_eq(stat(file, &then), 0);
    cr_expect_eq(meanwhile.st_blocks / 2048 >= 2048, !lets_go(lab), "%ld MiB are taken",
                 (long)meanwhile.st_blocks / 2048);
    cr_expect_lt(then.st_blocks / 2048, 1024, "%ld MiB stay taken", (long)then.st_blocks / 2048);
    lab_stop(lab);
}

Test(live_failure, too_little_space_is_said_before_anything_is_changed)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
        cr_skip_test("needs root, to mount a small file system");
    struct lab *lab = live_start((struct lab_options){.disks = 1});

    if (!lab)
        return;
    auto_free char *small = lab_path(lab, "small");
    cr_assert(!mkdir(small, 0700) && !mount("tmpfs", small, "tmpfs", 0, "size=16M"), "%m");
    auto_free char *state = state_of(lab);
    json_auto_t *error =
        refuses(lab, 1, "create", "m1", "--memory=live", "--overlay", "vda=../small/m1.qcow2");
    says(error, "desc", "MiB free");
    unchanged(lab, state);
    cr_assert_eq(umount2(small, MNT_DETACH), 0);
    lab_stop(lab);
}

/*
 * Somebody else cancels it where the guest hangs after that, and now and then QEMU's monitor, too,
 * before the overlays are merged again. Either way the exit code is true, and the words help.
 */
Test(live_failure, who_gives_it_up_where_qemu_hangs_is_told_to_end_it)
{
    static const char *const files[][2] = {{"vda.m1.qcow2", "vda.qcow2"},
                                           {"vdb.m1.qcow2", "vdb.qcow2"}};
    struct lab *old = start_big();

    if (!old || lets_go(old)) {
        lab_stop(old);
        return;
    }
    struct lab_process p = begin(old);
    json_decref(lab_qmp(old, "migrate_cancel", NULL));
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect(strstr(r.err, "hang"), "%s", r.err);
    cr_assert(r.status == 1 || (r.status == 5 && strstr(r.err, "qrewind repair")), "exit %d: %s",
              r.status, r.err);
    cr_expect(r.status == 5 || (!has_file(old, files[0][0]) && !has_file(old, files[1][0])));
    lab_kill(old);
    struct lab *lab = start_again(
        old, WORDS(files[0][!has_file(old, files[0][0])], files[1][!has_file(old, files[1][0])]));
    does(lab, "repair");
    holds(lab, 0, 1);
    chain_is(lab, 0, "vda.qcow2");
    chain_is(lab, 1, "vdb.qcow2");
    cr_expect(!has_file(old, "vda.m1.vmstate") && !has_file(old, "vda.m1.qcow2"));
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 0);
    turn_off(lab);
    lab_stop(lab);
    lab_stop(old);
}

Test(live_failure, one_at_a_time)
{
    struct lab *lab = start_big();

    if (!lab)
        return;
    set_bandwidth(lab, 10000);
    json_decref(lab_qmp(lab, "migrate", "{s:s}", "uri", "exec:cat >/dev/null"));
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "m1", "--memory=live");
    says(error, "desc", "a migration is running");
    unchanged(lab, state);
    lab_stop(lab);
}

/* ---- QEMU dies ---- */

/* While the memory is saved, and after the guest has written. NULL: this QEMU cannot do it. */
static struct lab *die_meanwhile(void)
{
    struct lab *lab = start_big();

    if (!lab)
        return NULL;
    struct lab_process p = begin(lab);
    write_generation(lab, 0, 2);
    free(lab_human(lab, "qemu-io vda flush"));
    lab_kill(lab);
    end(&p, 5, "qrewind repair");
    return lab;
}

Test(live_failure, qemu_dies_and_a_new_one_starts_on_the_overlays)
{
    struct lab *old = die_meanwhile();

    if (!old)
        return;
    struct lab *lab = start_again(old, WORDS("vda.m1.qcow2", "vdb.m1.qcow2"));
    json_auto_t *doc = tells(lab, "repair");
    says(doc, "settled", "undone");
    holds(lab, 0, 2);
    chain_is(lab, 0, "vda.qcow2");
    chain_is(lab, 1, "vdb.qcow2");
    cr_expect(!has_file(old, "vda.m1.vmstate") && !has_file(old, "vda.m1.qcow2"));
    cr_expect_str_eq(live_status(lab), "prelaunch");
    turn_off(lab);
    lab_stop(lab);
    lab_stop(old);
}

Test(live_failure, qemu_dies_and_a_new_one_starts_on_what_there_was_before)
{
    struct lab *old = die_meanwhile();

    if (!old)
        return;
    struct lab *lab = start_again(old, WORDS("vda.qcow2", "vdb.qcow2"));
    json_auto_t *doc = tells(lab, "repair");
    says(doc, "settled", "undone");
    /* what the guest wrote since is nobody else's: it stays */
    cr_expect(mentions(at(doc, "notes"), "vda.m1.qcow2 stays"));
    cr_expect(has_file(old, "vda.m1.qcow2") && !has_file(old, "vdb.m1.qcow2"));
    cr_expect(!has_file(old, "vda.m1.vmstate"));
    holds(lab, 0, 1);
    lab_stop(lab);
    lab_stop(old);
}
