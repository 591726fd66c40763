/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs on a stage (tests/scene/stage.h): followed to their true end, failed, cancelled, lost,
 * left alone, and what the next client makes of them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"
#include "tests/fake-monitor/fake-monitor.h"
#include "tests/scene/stage.h"
#include "tests/scratch/scratch.h"

TestSuite(run_jobs, .init = scratch_enter, .fini = scratch_leave, .timeout = 20);

static const struct stage_act nothing[] = {{NULL, NULL, NULL}};

#define CHANGED(status)                                                                            \
    "@ JOB_STATUS_CHANGE {\"id\": \"qrw-commit-disk0\", \"status\": \"" status "\"}"
#define LAYERS "disk0: base* <- a.s1 <- a.s2"

static const struct qrw_commit_args merge = {.disk = "disk0", .base = "#a.s1"};

/* A commit of a.s2 into a.s1, up to the job's being ready. */
#define STARTED                                                                                    \
    {                                                                                              \
        "block-commit", "= {}\n" CHANGED("ready"), LAYERS "; job qrw-commit-disk0 commit ready"    \
    }

static const struct stage_act committed[] = {
    STARTED,
    {"job-complete", "= {}\n" CHANGED("concluded"),
     "disk0: base <- a.s1; job qrw-commit-disk0 commit concluded"},
    {NULL, NULL, NULL}};

/* The stage with a sidecar that knows the layers. */
static void open_recorded(struct stage *s, const struct stage_act *acts)
{
    struct picture *p = picture_new_in(scratch_folder(), LAYERS);

    cr_assert_eq(sidecar_save("base.qcow2" SIDECAR_SUFFIX, p->chain.doc, NULL, NULL), 0);
    picture_free(p);
    stage_open(s, LAYERS, acts);
}

#define ALL_FILES "a.s1.qcow2 a.s2.qcow2 base.qcow2 base.qcow2.qrewind.json"

Test(run_jobs, a_job_is_followed_completed_dismissed_and_its_layer_removed)
{
    struct stage s;

    open_recorded(&s, committed);
    json_auto_t *result = stage_run(&s, &qrw_commit, &merge, 0, 0, NULL);
    stage_expect_commands(&s, "block-commit job-complete job-dismiss");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1");
    stage_expect_files("a.s1.qcow2 base.qcow2 base.qcow2.qrewind.json");
    auto_free char *removed = json_dumps(json_object_get(result, "removed"), 0);
    cr_expect(strstr(removed, "a.s2.qcow2"), "%s", removed);
    stage_close(&s);
}

Test(run_jobs, a_job_that_fails_changes_nothing)
{
    struct stage s;

    open_recorded(&s,
                  (const struct stage_act[]){
                      {"block-commit", "= {}\n" CHANGED("concluded"),
                       LAYERS "; job qrw-commit-disk0 commit concluded No space left on device"},
                      {NULL, NULL, NULL}});
    stage_run(&s, &qrw_commit, &merge, 0, QRW_ERR_FAILED, "No space left on device");
    stage_expect_commands(&s, "block-commit job-dismiss");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1 <- a.s2");
    stage_expect_files(ALL_FILES);
    stage_close(&s);
}

Test(run_jobs, a_job_that_cannot_be_started_changes_nothing)
{
    struct stage s;

    open_recorded(&s, (const struct stage_act[]){
                          {"block-commit", "! GenericError It is busy", NULL}, {NULL, NULL, NULL}});
    stage_run(&s, &qrw_commit, &merge, 0, QRW_ERR_FAILED, "It is busy (GenericError)");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1 <- a.s2");
    stage_expect_files(ALL_FILES);
    stage_close(&s);
}

Test(run_jobs, a_job_that_somebody_cancelled_has_failed)
{
    struct stage s;

    open_recorded(&s, (const struct stage_act[]){
                          STARTED,
                          {"job-complete", "! GenericError not now\n" CHANGED("concluded"),
                           LAYERS "; job qrw-commit-disk0 commit concluded Operation canceled"},
                          {NULL, NULL, NULL}});
    stage_run(&s, &qrw_commit, &merge, 0, QRW_ERR_FAILED, "Operation canceled");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1 <- a.s2");
    stage_close(&s);
}

Test(run_jobs, a_job_that_says_it_is_ready_is_not_asked_again)
{
    struct stage s;

    open_recorded(&s, committed);
    json_decref(stage_run(&s, &qrw_commit, &merge, 0, 0, NULL));
    const char *next = strchr(strstr(fake_log(s.fake), "\nblock-commit ") + 1, '\n');
    cr_expect_eq(strncmp(next, "\njob-complete ", 14), 0, "%s", next);
    stage_close(&s);
}

Test(run_jobs, a_job_that_was_not_ready_after_all_is_followed_on)
{
    struct stage s;

    open_recorded(&s, (const struct stage_act[]){
                          {"block-commit", "= {}\n" CHANGED("ready"),
                           LAYERS "; job qrw-commit-disk0 commit running"},
                          {"job-complete", "! GenericError not now\n" CHANGED("ready"),
                           LAYERS "; job qrw-commit-disk0 commit ready"},
                          {"job-complete", "= {}\n" CHANGED("concluded"),
                           "disk0: base <- a.s1; job qrw-commit-disk0 commit concluded"},
                          {NULL, NULL, NULL}});
    json_decref(stage_run(&s, &qrw_commit, &merge, 0, 0, NULL));
    stage_expect_commands(&s, "block-commit job-complete job-complete job-dismiss");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1");
    stage_close(&s);
}

Test(run_jobs, an_event_that_was_lost_is_not_needed)
{
    struct stage s;

    open_recorded(&s, (const struct stage_act[]){
                          {"block-commit", NULL, LAYERS "; job qrw-commit-disk0 commit ready"},
                          {"job-complete", NULL,
                           "disk0: base <- a.s1; job qrw-commit-disk0 commit concluded"},
                          {NULL, NULL, NULL}});
    json_decref(stage_run(&s, &qrw_commit, &merge, 0, 0, NULL));
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1");
    stage_close(&s);
}

Test(run_jobs, a_job_that_another_client_dismissed_is_judged_by_what_it_left)
{
    struct stage s;

    open_recorded(&s, (const struct stage_act[]){
                          STARTED,
                          {"job-complete", "= {}\n" CHANGED("null"), "disk0: base <- a.s1"},
                          {NULL, NULL, NULL}});
    json_decref(stage_run(&s, &qrw_commit, &merge, 0, 0, NULL));
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1");
    stage_close(&s);
}

/* A commit whose job runs on, and a client that does not wait for it. */
static const struct stage_act running[] = {
    {"block-commit", "= {}\n" CHANGED("running"), LAYERS "; job qrw-commit-disk0 commit running"},
    {NULL, NULL, NULL}};

Test(run_jobs, an_interrupted_wait_leaves_the_job_to_whoever_comes_next)
{
    struct stage s;

    open_recorded(&s, running);
    s.interrupt = true;
    stage_run(&s, &qrw_commit, &merge, 0, QRW_ERR_WAITING, "the job qrw-commit-disk0 goes on");
    stage_expect_commands(&s, "block-commit");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1 <- a.s2, pending commit");

    s.interrupt = false;
    stage_again(&s, NULL, nothing);
    stage_run(&s, &qrw_create, &(struct qrw_create_args){.name = "s2"}, 0, QRW_ERR_LOCKED,
              "commit is still under way: job qrw-commit-disk0");
    cr_expect_str_eq(stage_repair(&s), "running");
    stage_expect_commands(&s, "");

    stage_again(&s, LAYERS "; job qrw-commit-disk0 commit ready", committed + 1);
    struct qmp_error err = {0};
    json_auto_t *result = qrw_job_wait(s.vm, "qrw-commit-disk0", 0, &err);
    cr_expect(result, "%s", err.desc);
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1");
    stage_expect_files("a.s1.qcow2 base.qcow2 base.qcow2.qrewind.json");
    stage_close(&s);
}

Test(run_jobs, a_job_that_nobody_waits_for_is_settled_by_the_next_client)
{
    struct stage s;

    open_recorded(&s, running);
    json_auto_t *result = stage_run(&s, &qrw_commit, &merge, QRW_NO_WAIT, 0, NULL);
    const json_t *job = json_array_get(json_object_get(result, "jobs"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(job, "status")), "running");
    cr_expect(!json_array_size(json_object_get(result, "kept")), "that is not known yet");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1 <- a.s2, pending commit");

    stage_again(&s, "disk0: base <- a.s1; job qrw-commit-disk0 commit concluded", nothing);
    cr_expect_str_eq(stage_repair(&s), "finished");
    stage_expect_commands(&s, "job-dismiss");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1");
    stage_close(&s);
}

Test(run_jobs, a_wait_has_a_limit_of_its_own)
{
    struct qmp_error err = {0};
    struct stage s;

    open_recorded(&s, running);
    json_decref(stage_run(&s, &qrw_commit, &merge, QRW_NO_WAIT, 0, NULL));
    stage_again(&s, NULL, nothing);
    cr_expect_null(qrw_job_wait(s.vm, "qrw-commit-disk0", 1, &err));
    cr_expect_eq(err.kind, QRW_ERR_WAITING);
    cr_expect_null(qrw_job_wait(s.vm, "another", 1, &err));
    cr_expect_eq(err.kind, QRW_ERR_NOT_FOUND);
    stage_close(&s);
}

/* Unless it is told otherwise, QEMU forgets a job at once when it has ended. */
Test(run_jobs, a_cancelled_job_of_somebody_else_may_be_forgotten_already)
{
    struct qmp_error err = {0};
    struct stage s;

    stage_open(&s, "disk0: a; job theirs backup running",
               (const struct stage_act[]){{"job-cancel", NULL, "disk0: a"}, {NULL, NULL, NULL}});
    json_auto_t *jobs = qrw_job_action(s.vm, "cancel", "theirs", 0, &err);
    cr_assert(jobs, "%s", err.desc);
    cr_expect_eq(json_array_size(json_object_get(jobs, "jobs")), 0);
    stage_expect_commands(&s, "job-cancel");
    stage_close(&s);
}

Test(run_jobs, a_connection_lost_while_a_job_runs_leaves_it_to_the_next_client)
{
    struct stage s;

    open_recorded(&s, (const struct stage_act[]){
                          STARTED, {"job-complete", "close", NULL}, {NULL, NULL, NULL}});
    stage_run(&s, &qrw_commit, &merge, 0, QRW_ERR_UNKNOWN, NULL);
    stage_again(&s, LAYERS, nothing);
    cr_expect_str_eq(stage_repair(&s), "undone");
    stage_expect_sidecar("base", "disk0: base*s1 <- a.s1 <- a.s2");
    stage_expect_files(ALL_FILES);
    stage_close(&s);
}

Test(run_jobs, a_base_that_somebody_else_uses_is_not_written_to)
{
    struct stage s;

    stage_open(&s, "disk0: a.s1 <- theirs", nothing); /* makes their image */
    stage_close(&s);
    open_recorded(&s, nothing);
    stage_run(&s, &qrw_commit, &merge, 0, QRW_ERR_REFUSED, "theirs.qcow2");
    stage_expect_commands(&s, "");
    stage_close(&s);
}

/* ---- a copy that waits for a decision ---- */

#define MIRROR(status)                                                                             \
    "@ JOB_STATUS_CHANGE {\"id\": \"qrw-mirror-disk0\", \"status\": \"" status "\"}"

/* The copy is ready and left so; the next client is there. */
static void copy_and_leave(struct stage *s, const struct stage_act *acts)
{
    stage_open(s, "disk0: a",
               (const struct stage_act[]){{"drive-mirror", "= {}\n" MIRROR("ready"),
                                           "disk0: a; job qrw-mirror-disk0 mirror ready"},
                                          {NULL, NULL, NULL}});
    json_auto_t *result =
        stage_run(s, &qrw_mirror, &(struct qrw_mirror_args){.disk = "disk0", .file = "copy.qcow2"},
                  0, 0, NULL);
    const json_t *job = json_array_get(json_object_get(result, "jobs"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(job, "status")), "ready");
    stage_expect_commands(s, "drive-mirror");
    stage_expect_sidecar("a", "nothing, pending mirror");
    stage_again(s, NULL, acts);
}

Test(run_jobs, a_copy_is_switched_to_when_that_is_decided)
{
    struct stage s;

    copy_and_leave(
        &s, (const struct stage_act[]){{"job-complete", "= {}\n" MIRROR("concluded"),
                                        "disk0: copy; job qrw-mirror-disk0 mirror concluded"},
                                       {NULL, NULL, NULL}});
    json_decref(stage_run(&s, &qrw_mirror,
                          &(struct qrw_mirror_args){.disk = "disk0", .pivot = true}, 0, 0, NULL));
    stage_expect_commands(&s, "job-complete job-dismiss");
    stage_expect_sidecar("copy", "disk0: copy");
    stage_expect_files("a.qcow2 copy.qcow2 copy.qcow2.qrewind.json");
    stage_close(&s);
}

Test(run_jobs, a_copy_stays_a_copy_when_that_is_decided)
{
    struct stage s;

    copy_and_leave(&s,
                   (const struct stage_act[]){{"block-job-cancel", "= {}\n" MIRROR("concluded"),
                                               "disk0: a; job qrw-mirror-disk0 mirror concluded"},
                                              {NULL, NULL, NULL}});
    json_decref(stage_run(&s, &qrw_mirror,
                          &(struct qrw_mirror_args){.disk = "disk0", .finish = true}, 0, 0, NULL));
    stage_expect_commands(&s, "block-job-cancel job-dismiss");
    stage_expect_files("a.qcow2 copy.qcow2");
    stage_close(&s);
}

Test(run_jobs, there_must_be_a_copy_to_decide_about)
{
    struct stage s;

    stage_open(&s, "disk0: a", nothing);
    stage_run(&s, &qrw_mirror, &(struct qrw_mirror_args){.disk = "disk0", .pivot = true}, 0,
              QRW_ERR_NOT_FOUND, "no mirror is under way");
    stage_expect_commands(&s, "");
    stage_close(&s);
}
