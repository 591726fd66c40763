/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slow jobs, and what people do to them: wait, leave, come back, pause, hurry, cancel.
 * What is killed in the middle is in test-qemu-killed.c.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/slow.h"

Test(jobs, an_interrupt_ends_the_waiting_and_not_the_work)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *lab = slow_lab();
        struct lab_process p = slow_begin(lab, job);
        auto_result struct lab_result r = {0};

        kill(p.pid, SIGINT);
        r = lab_finish(&p);
        json_auto_t *doc = json_loads(r.out, 0, NULL), *info = tells(lab, "info");
        cr_assert_eq(r.status, 6, "%s: %s%s", job->id, r.out, r.err);
        says(doc, "error.kind", "waiting");
        says(doc, "error.hint", "qrewind job wait ");
        says(doc, "error.hint", job->id);
        says(info, "pending", job->words[0]);
        does(lab, "job", "speed", job->id, "0");
        json_auto_t *done = tells(lab, "job", "wait", job->id);
        says(done, "jobs.0.id", job->id);
        says(done, "jobs.0.status", "concluded");
        slow_is_done(lab, job);
        lab_stop(lab);
    }
}

Test(jobs, a_second_interrupt_leaves_at_once)
{
    struct lab *lab = slow_lab();
    struct lab_process p = slow_begin(lab, &slow_jobs[SLOW_STREAM]);

    /* stopped, it cannot act on the first one before the second one is there */
    kill(p.pid, SIGSTOP);
    kill(p.pid, SIGINT);
    kill(p.pid, SIGTERM);
    kill(p.pid, SIGCONT);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect(r.status == 6 || r.status == 128 + SIGINT || r.status == 128 + SIGTERM, "%d",
              r.status);
    does(lab, "job", "speed", "qrw-stream-vda", "0");
    does(lab, "job", "wait", "qrw-stream-vda");
    slow_is_done(lab, &slow_jobs[SLOW_STREAM]);
    lab_stop(lab);
}

Test(jobs, nobody_waits_and_somebody_comes_back)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *lab = slow_lab();

        slow_start(lab, job);
        json_auto_t *jobs = tells(lab, "jobs");
        says(jobs, "jobs.0.id", job->id);
        says(jobs, "jobs.0.disk", "vda");
        says(jobs, "jobs.0.status", "running");
        json_auto_t *busy = refuses(lab, 8, "create", "s9");
        says(busy, "kind", "locked");
        says(busy, "hint", "qrewind job wait");
        json_auto_t *late = refuses(lab, 6, "job", "wait", job->id, "--for", "0.1");
        says(late, "kind", "waiting");
        does(lab, "job", "speed", job->id, "0");
        json_auto_t *done = tells(lab, "job", "wait", job->id);
        says(done, "jobs.0.status", "concluded");
        slow_is_done(lab, job);
        json_decref(refuses(lab, 3, "job", "wait", job->id));
        lab_stop(lab);
    }
}

Test(jobs, paused_and_resumed)
{
    struct lab *lab = slow_lab();
    const char *id = "qrw-commit-vda";

    slow_start(lab, &slow_jobs[SLOW_COMMIT]);
    does(lab, "job", "pause", id);
    wait_for_job(lab, id, "paused"); /* on 5.2 this takes a moment */
    json_auto_t *paused = tells(lab, "jobs");
    says(paused, "jobs.0.status", "paused");
    does(lab, "job", "speed", id, "0");
    json_decref(refuses(lab, 6, "job", "wait", id, "--for", "0.1"));
    does(lab, "job", "resume", id);
    does(lab, "job", "wait", id);
    slow_is_done(lab, &slow_jobs[SLOW_COMMIT]);
    lab_stop(lab);
}

Test(jobs, cancelled_and_nothing_is_left_of_it)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *lab = slow_lab();

        slow_start(lab, job);
        does(lab, "job", "cancel", job->id);
        json_auto_t *check = tells(lab, "check"), *jobs = tells(lab, "jobs");
        cr_expect_eq(json_array_size(at(jobs, "jobs")), 0);
        cr_expect_eq(json_array_size(at(check, "findings")), 0);
        slow_is_undone(lab, job);
        lab_stop(lab);
    }
}

/*
 * With the waiting program there the cancel is news to it: it undoes, and says so. What a commit
 * had begun to overwrite does not come back: that is not as if nothing had been.
 */
Test(jobs, cancelled_by_another_while_one_waits)
{
    for (size_t i = 0; i < SLOW_JOBS; i++) {
        const struct slow_job *job = &slow_jobs[i];
        struct lab *lab = slow_lab();
        struct lab_process p = slow_begin(lab, job);

        json_decref(lab_qmp(lab, "block-job-cancel", "{s:s, s:b}", "device", job->id, "force", 1));
        auto_result struct lab_result r = lab_finish(&p);
        json_auto_t *doc = json_loads(r.out, 0, NULL);
        cr_expect_eq(r.status, job->lost ? 5 : 1, "%s: %d %s", job->id, r.status, r.out);
        says(doc, "error.kind", job->lost ? "unknown" : "failed");
        slow_is_undone(lab, job);
        lab_stop(lab);
    }
}

Test(jobs, complete_is_for_those_that_are_ready)
{
    struct lab *lab = slow_lab();

    slow_start(lab, &slow_jobs[SLOW_COMMIT]);
    json_auto_t *early = refuses(lab, 1, "job", "complete", "qrw-commit-vda");
    says(early, "class", "GenericError");
    does(lab, "job", "speed", "qrw-commit-vda", "0");
    wait_for_job(lab, "qrw-commit-vda", "ready");
    does(lab, "job", "complete", "qrw-commit-vda");
    wait_for_job(lab, "qrw-commit-vda", "concluded");
    json_auto_t *repair = tells(lab, "repair");
    says(repair, "settled", "finished");
    slow_is_done(lab, &slow_jobs[SLOW_COMMIT]);
    lab_stop(lab);
}

Test(jobs, of_others_are_shown_and_can_be_waited_for)
{
    struct lab *lab = slow_lab();
    auto_free char *target = lab_path(lab, "theirs.qcow2");

    json_decref(lab_qmp(lab, "drive-backup", "{s:s, s:s, s:s, s:s, s:s, s:I, s:b}", "job-id",
                        "theirs", "device", "vda", "target", target, "format", "qcow2", "sync",
                        "full", "speed", (json_int_t)1 << 19, "auto-dismiss", 0));
    json_auto_t *jobs = tells(lab, "jobs");
    says(jobs, "jobs.0.id", "theirs");
    says(jobs, "jobs.0.type", "backup");
    json_decref(refuses(lab, 6, "job", "wait", "theirs", "--for", "0.1"));
    does(lab, "job", "speed", "theirs", "0");
    json_auto_t *done = tells(lab, "job", "wait", "theirs");
    says(done, "jobs.0.status", "concluded");
    does(lab, "job", "dismiss", "theirs");
    lab_stop(lab);
}

/* Neither the disk's name nor ours is in their ids. */
Test(jobs, of_others_are_known_to_hold_a_disk)
{
    static const char *const commands[] = {"drive-mirror", "drive-backup", "block-stream"};

    for (size_t i = 0; i < 3; i++) {
        struct lab *lab = slow_lab();
        auto_free char *target = lab_path(lab, "theirs.qcow2");
        const json_int_t speed = 1 << 19;

        if (i < 2)
            json_decref(lab_qmp(lab, commands[i], "{s:s, s:s, s:s, s:s, s:I}", "job-id", "theirs",
                                "device", "vda", "target", target, "sync", "full", "speed", speed));
        else
            json_decref(lab_qmp(lab, commands[i], "{s:s, s:s, s:I}", "job-id", "theirs", "device",
                                "vda", "speed", speed));
        json_auto_t *jobs = tells(lab, "jobs");
        json_auto_t *plain = refuses(lab, 8, "create"),
                    *inside = refuses(lab, 8, "create", "--internal");
        says(jobs, "jobs.0.disk", "vda");
        says(plain, "desc", "disk vda is busy: the job theirs (");
        says(plain, "hint", "qrewind job wait theirs");
        says(inside, "desc", "disk vda is busy: the job theirs (");
        lab_stop(lab);
    }
}

/* QEMU tells no names below the filter that it has put there: the guest's layer is free. */
Test(jobs, of_others_on_a_frozen_layer_hold_it)
{
    struct lab *lab = slow_lab();

    does(lab, "create", "s8");
    does(lab, "create", "s9");
    json_auto_t *chain = tells(lab, "chain", "vda");
    json_decref(lab_qmp(lab, "blockdev-add", "{s:s, s:s, s:I}", "driver", "null-co", "node-name",
                        "theirs", "size", (json_int_t)number(chain, "disks.0.layers.2.size")));
    json_decref(lab_qmp(lab, "blockdev-backup", "{s:s, s:s, s:s, s:s, s:I}", "job-id", "theirs",
                        "device", text(chain, "disks.0.layers.2.node"), "target", "theirs", "sync",
                        "full", "speed", (json_int_t)1 << 16));
    json_auto_t *jobs = tells(lab, "jobs"), *error = refuses(lab, 8, "revert", "s8");
    says(jobs, "jobs.0.disk", "vda");
    says(error, "desc", "disk vda is busy: the job theirs (backup) is running");
    does(lab, "create", "s10");
    lab_stop(lab);
}

Test(jobs, what_is_not_there_or_makes_no_sense)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    json_auto_t *none = refuses(lab, 3, "job", "wait", "nope");
    says(none, "kind", "not-found");
    json_decref(refuses(lab, 3, "job", "cancel", "nope"));
    json_decref(refuses(lab, 2, "job", "dance", "nope"));
    json_decref(refuses(lab, 2, "job", "speed", "nope"));
    json_decref(refuses(lab, 2, "job", "speed", "nope", "fast"));
    json_decref(refuses(lab, 2, "job", "pause", "nope", "1"));
    lab_stop(lab);
}

Test(jobs, one_disk_works_and_the_other_is_free_to_look_at)
{
    static const char *const second[] = {SECOND_MONITOR, NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .args = second});
    auto_free struct lab *other = by_second_monitor(lab);

    write_generation(lab, 0, 1);
    lab_write(lab, 1, 5, "1M", "8M");
    does(lab, "create", "s1");
    struct lab_process p = begins(lab, "qrw-stream-vdb", "stream", "vdb", "--speed", "512k");
    does(other, "list");
    does(other, "chain");
    does(other, "disks");
    does(other, "info");
    json_auto_t *busy = refuses(other, 8, "create", "s2", "--disk", "vda");
    says(busy, "desc", "another qrewind works on this VM: pid");
    does(other, "job", "speed", "qrw-stream-vdb", "0");
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 0, "%s%s", r.out, r.err);
    does(other, "create", "s2");
    lab_stop(lab);
}

Test(jobs, a_monitor_that_another_client_holds)
{
    struct lab *lab = slow_lab();
    struct lab_process p = slow_begin(lab, &slow_jobs[SLOW_STREAM]);
    json_auto_t *busy = refuses(lab, 4, "list", "--timeout", "0.3");

    says(busy, "hint", "another client");
    says(busy, "hint", "-qmp");
    json_decref(
        lab_qmp(lab, "block-job-set-speed", "{s:s, s:i}", "device", "qrw-stream-vda", "speed", 0));
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 0, "%s%s", r.out, r.err);
    slow_is_done(lab, &slow_jobs[SLOW_STREAM]);
    lab_stop(lab);
}
