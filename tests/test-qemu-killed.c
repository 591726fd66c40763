/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program, or QEMU, is killed in the middle of a job: what was begun is settled by
 * whoever comes next, and no data is lost.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/slow.h"

static void kill_program(struct lab *lab, const struct slow_job *job)
{
    struct lab_process p = slow_begin(lab, job);
    auto_result struct lab_result r = {0};

    kill(p.pid, SIGKILL);
    r = lab_finish(&p);
    cr_assert_eq(r.status, 128 + SIGKILL);
}

Test(killed, the_program_and_the_job_goes_on)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *lab = slow_lab();

        kill_program(lab, job);
        auto_result struct lab_result list = lab_run(lab, "list", NULL);
        cr_expect(strstr(list.err, "is under way: job"), "%s", list.err);
        json_auto_t *repair = tells(lab, "repair");
        says(repair, "settled", "running");
        json_auto_t *busy = refuses(lab, 8, "create", "s9");
        says(busy, "desc", job->id);
        does(lab, "job", "speed", job->id, "0");
        does(lab, "job", "wait", job->id);
        slow_is_done(lab, job);
        lab_stop(lab);
    }
}

/* Those that end by themselves have done their work when somebody comes, and wait for a word. */
Test(killed, the_program_and_the_job_has_ended_meanwhile)
{
    static const enum slow_kind kinds[] = {SLOW_COMMIT_BELOW, SLOW_STREAM};
    const char *const *const next[] = {WORDS("repair"), WORDS("create", "s9")};

    for (size_t i = 0; i < 4; i++) {
        const struct slow_job *job = &slow_jobs[kinds[i % 2]];
        struct lab *lab = slow_lab();

        kill_program(lab, job);
        json_decref(
            lab_qmp(lab, "block-job-set-speed", "{s:s, s:i}", "device", job->id, "speed", 0));
        wait_for_job(lab, job->id, "pending");
        auto_result struct lab_result list = lab_run(lab, "list", NULL);
        cr_expect_eq(list.status, 0, "%s", list.err);
        json_decref(cases_run(lab, __LINE__, 0, next[i / 2]));
        if (i / 2)
            does(lab, "commit", "vda", "--force");
        slow_is_done(lab, job);
        lab_stop(lab);
    }
}

Test(killed, the_program_and_the_job_is_cancelled_meanwhile)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *lab = slow_lab();

        kill_program(lab, job);
        json_decref(lab_qmp(lab, "block-job-cancel", "{s:s, s:b}", "device", job->id, "force", 1));
        wait_for_job(lab, job->id, "concluded");
        json_auto_t *repair = tells(lab, "repair");
        says(repair, "settled", "undone");
        slow_is_undone(lab, job);
        lab_stop(lab);
    }
}

/* Kill QEMU under the waiting program, start it again on the same image. */
static struct lab *kill_qemu(struct lab *lab, const struct slow_job *job)
{
    struct lab_process p = slow_begin(lab, job);
    auto_result struct lab_result r = {0};

    lab_kill(lab);
    r = lab_finish(&p);
    json_auto_t *doc = json_loads(r.out, 0, NULL), *sidecar = NULL;
    cr_assert_eq(r.status, 5, "%s: %d %s%s", job->id, r.status, r.out, r.err);
    says(doc, "error.kind", "unknown");
    says(doc, "error.hint", "qrewind repair");
    sidecar = sidecar_of(lab, "vda.qcow2");
    cr_assert(json_is_object(at(sidecar, "pending")));
    return start_again(lab, WORDS("vda.s2.qcow2"));
}

Test(killed, qemu_and_a_new_one_starts_on_the_same_image)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *old = slow_lab(), *lab = kill_qemu(old, job);
        json_auto_t *info = tells(lab, "info");

        says(info, "pending", job->words[0]);
        if (i % 2) {
            json_auto_t *repair = tells(lab, "repair");
            says(repair, "settled", "undone");
        } else {
            auto_result struct lab_result r = lab_run(lab, "create", "s8", NULL);
            cr_assert_eq(r.status, 0, "%s", r.err);
            cr_expect(strstr(r.err, "was undone first"), "%s", r.err);
            does(lab, "commit", "vda", "--force", "--base", "s8");
        }
        slow_is_undone(lab, job);
        turn_off(lab);
        lab_stop(lab);
        lab_stop(old);
    }
}

Test(killed, qemu_and_the_same_again_then_works)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *old = slow_lab(), *lab = kill_qemu(old, job);
        auto_free char *copy = mem_printf("%s/again.qcow2", old->folder);

        does(lab, "repair");
        if (i == SLOW_MIRROR)
            does(lab, "mirror", "vda", copy, "--pivot");
        else if (i == SLOW_COMMIT_BELOW)
            does(lab, "commit", "vda", "--top", "vda.s1.qcow2", "--force");
        else if (i == SLOW_COMMIT)
            does(lab, "commit", "vda", "--force");
        else
            does(lab, "stream", "vda");
        holds(lab, 0, 3);
        cr_assert(lab_reads(lab, 0, 201, "16M", "16M"));
        cr_assert(lab_reads(lab, 0, 202, "40M", "48M"));
        turn_off(lab);
        lab_stop(lab);
        lab_stop(old);
    }
}

/* QEMU ends properly: on the way out it cancels the job, and nobody can see how it ended. */
Test(killed, qemu_quits_while_a_job_runs)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *old = slow_lab(), *lab = NULL;
        struct lab_process p = slow_begin(old, job);

        turn_off(old);
        auto_result struct lab_result r = lab_finish(&p);
        cr_assert(r.status == 5 || r.status == 1, "%s: %d %s%s", job->id, r.status, r.out, r.err);
        lab = start_again(old, WORDS("vda.s2.qcow2"));
        does(lab, "repair");
        slow_is_undone(lab, job);
        lab_stop(lab);
        lab_stop(old);
    }
}

/* QEMU holds in memory where it has put data; what gives up the old place must come after. */
Test(killed, qemu_right_after_a_stream_or_a_commit_has_ended)
{
    static const struct {
        const char *words[8];
        const char *chain;
    } rows[] = {
        {{"stream", "vda", "--force"}, "vda.s2.qcow2"},
        {{"commit", "vda", "--top", "s2", "--base", "s1", "--force"}, "vda.qcow2 <- vda.s2.qcow2"},
        {{"delete", "s1"}, "vda.qcow2 <- vda.s2.qcow2"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *old = tower(&(struct lab_options){.disks = 1}, 2), *lab;

        free(lab_human(old, "qemu-io vda flush")); /* the guest's own data */
        json_decref(cases_run(old, __LINE__, 0, rows[i].words));
        lab_kill(old);
        lab = start_again(old, WORDS("vda.s2.qcow2"));
        chain_is(lab, 0, rows[i].chain);
        holds(lab, 0, 3);
        turn_off(lab);
        lab_stop(lab);
        lab_stop(old);
    }
}

/* check has the same to say as repair, which refused with @error. */
static void check_says(struct lab *lab, const char *finding, const json_t *error)
{
    json_auto_t *check = lab_json(lab, NULL, "check", NULL);
    auto_free char *found = findings_of(check);
    auto_free char *words = mem_printf("%s; %s", text(error, "desc"), text(error, "hint"));

    cr_expect_str_eq(found, finding, "'%s', not '%s'", found, finding);
    cr_expect_str_eq(text(check, "findings.0.text"), words);
}

Test(killed, qemu_and_a_new_one_starts_on_what_was_not_filled_yet)
{
    struct lab *old = slow_lab();

    lab_stop(kill_qemu(old, &slow_jobs[SLOW_MIRROR]));
    struct lab *lab = start_again(old, WORDS("copy.qcow2"));
    json_auto_t *error = refuses(lab, 5, "repair");
    says(error, "desc", "had not filled yet");
    check_says(lab, "pending mirror", error);
    lab_stop(lab);
    lab = start_again(old, WORDS("vda.s2.qcow2"));
    does(lab, "repair");
    slow_is_undone(lab, &slow_jobs[SLOW_MIRROR]);
    lab_stop(lab);
    lab_stop(old);
}

/* All disks had switched, and what one of them ran on before is removed. */
Test(killed, during_the_removal_and_one_disk_is_started_on_what_it_ran_on_before)
{
    const char *const *revert = WORDS("revert", "s1", "--discard");
    struct between count = {0}, b = {0}; /* at the last command, which closes what they ran on */
    struct lab *labs[2], *old, *mixed, *right;

    for (int i = 0; i < 2; i++) {
        labs[i] = lab_start(&(struct lab_options){.disks = 2});
        write_generation(labs[i], 0, 1);
        does(labs[i], "create", "s1");
        auto_result struct lab_result r = between_run(labs[i], i ? &b : &count, revert);
        cr_assert_eq(r.status, i ? 128 + SIGKILL : 0, "%s%s", r.out, r.err);
        b.kill_at = count.commands;
    }
    lab_stop(labs[0]);
    old = labs[1];
    lab_kill(old);
    auto_free char *removed = lab_path(old, "vda.s1.qcow2");
    cr_assert_eq(unlink(removed), 0);

    mixed = start_again(old, WORDS("vda.s1-2.qcow2", "vdb.s1.qcow2"));
    json_auto_t *error = refuses(mixed, 5, "repair");
    says(error, "desc", "has removed");
    says(error, "hint", "vda.s1-2.qcow2 and ");
    says(error, "hint", "vdb.s1-2.qcow2, then: qrewind repair");
    check_says(mixed, "pending revert", error);
    json_decref(refuses(mixed, 5, "create", "s9"));
    lab_kill(mixed);

    right = start_again(old, WORDS("vda.s1-2.qcow2", "vdb.s1-2.qcow2"));
    json_auto_t *repaired = tells(right, "repair");
    says(repaired, "settled", "finished");
    chain_is(right, 1, "vdb.qcow2 <- vdb.s1-2.qcow2");
    cr_expect(!has_file(old, "vdb.s1.qcow2"));
    holds(right, 0, 1);
    turn_off(right);
    lab_stop(right);
    lab_stop(mixed);
    lab_stop(old);
}

/* Kill the program when all disks have switched, and QEMU. Of what is to go then, @gone has gone.
 */
static struct lab *switched_and_killed(bool modern, const char *const *words, const char *gone)
{
    struct between b = {.only = "transaction", .kill_at = 1, .answered = true};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = modern});
    auto_free char *removed = gone ? lab_path(lab, gone) : NULL;

    write_generation(lab, 0, 1);
    write_generation(lab, 1, 1);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    if (!strcmp(words[0], "undo"))
        does(lab, "revert", "s1");
    auto_result struct lab_result r = between_run(lab, &b, words);
    cr_assert_eq(r.status, 128 + SIGKILL, "%s%s", r.out, r.err);
    lab_kill(lab);
    if (removed)
        cr_assert_eq(unlink(removed), 0);
    return lab;
}

/* The disks have changed their places; with that their names, or they have others. */
Test(killed, after_the_switch_and_the_disks_have_other_names_then)
{
    static const struct {
        const char *words[4], *gone;
        const char *a, *b;
        int generation;
    } rows[] = {
        {{"revert", "s1"}, NULL, "vda.s1-2.qcow2", "vdb.s1-2.qcow2", 1},
        {{"revert", "s1", "--discard"}, "vda.s1.qcow2", "vda.s1-2.qcow2", "vdb.s1-2.qcow2", 1},
        {{"undo"}, NULL, "vda.s1.qcow2", "vdb.s1.qcow2", 2},
    };

    for (size_t i = 0; i < 2 * (sizeof(rows) / sizeof(rows[0])); i++) {
        const size_t k = i / 2;
        struct lab *old = switched_and_killed(i % 2, rows[k].words, rows[k].gone);
        struct lab *lab = start_again(old, WORDS(rows[k].b, rows[k].a));

        json_auto_t *repaired = tells(lab, "repair");
        says(repaired, "settled", "finished");
        holds(lab, 1, rows[k].generation);
        does(lab, "create", "s2");
        does(lab, "check");
        auto_result struct lab_result r =
            lab_exec(old->folder, WORDS("sh", "-c", "ls *.qrewind.json"));
        cr_expect_str_eq(r.out, "vda.qcow2.qrewind.json\n");
        does(lab, "revert", "s1", "--discard");
        holds(lab, 0, 1);
        holds(lab, 1, 1);
        lab_stop(lab);
        lab_stop(old);
    }
}
