/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What query-jobs shows of a job, and what is to be done then. */
#include "snapshot/job.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"

/* clang-format off */
static const struct {
    const char *status, *error;
    enum job_phase phase;
} cases[] = {
    {"undefined", NULL, JOB_RUNNING}, {"created",   NULL, JOB_RUNNING},
    {"running",   NULL, JOB_RUNNING}, {"paused",    NULL, JOB_RUNNING},
    {"standby",   NULL, JOB_RUNNING}, {"waiting",   NULL, JOB_RUNNING},
    {"pending",   NULL, JOB_PENDING}, {"aborting",  "No space left on device", JOB_RUNNING},
    {"ready",     NULL, JOB_READY},
    {"concluded", NULL, JOB_ENDED_WELL},
    {"concluded", "Operation canceled", JOB_ENDED_BADLY},
    {"null",      NULL, JOB_GONE},
    {"a status of a QEMU to come", NULL, JOB_RUNNING},
};
/* clang-format on */

Test(job, its_status_and_error_decide_its_phase)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *status = mem_strdup(cases[i].status);
        auto_free char *error = mem_strdup(cases[i].error);
        struct graph_job job = {.status = status, .error = error};

        cr_expect_eq(job_phase(&job), cases[i].phase, "%s", status);
    }
    cr_expect_eq(job_phase(NULL), JOB_GONE);
}

Test(job, rests_when_it_has_ended_or_is_to_be_left_ready)
{
    static const struct {
        enum job_phase phase;
        enum job_then then;
        bool rests;
    } rows[] = {
        {JOB_RUNNING, JOB_JUST_END, false}, {JOB_RUNNING, JOB_HOLD, false},
        {JOB_READY, JOB_JUST_END, false},   {JOB_READY, JOB_COMPLETE, false},
        {JOB_READY, JOB_FINISH, false},     {JOB_READY, JOB_HOLD, true},
        {JOB_ENDED_WELL, JOB_HOLD, true},   {JOB_ENDED_BADLY, JOB_COMPLETE, true},
        {JOB_GONE, JOB_COMPLETE, true},     {JOB_PENDING, JOB_FINALIZE, false},
        {JOB_PENDING, JOB_JUST_END, false}, {JOB_PENDING, JOB_HOLD, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(job_at_rest(rows[i].phase, rows[i].then), rows[i].rests, "row %zu", i);
}

Test(job, what_asks_for_nothing_wakes_nobody)
{
    static const struct {
        enum job_phase phase;
        enum job_then then;
        bool wants;
    } rows[] = {
        {JOB_RUNNING, JOB_COMPLETE, false}, {JOB_READY, JOB_COMPLETE, true},
        {JOB_READY, JOB_HOLD, true},        {JOB_PENDING, JOB_COMPLETE, false},
        {JOB_PENDING, JOB_FINALIZE, true},  {JOB_ENDED_WELL, JOB_JUST_END, true},
        {JOB_ENDED_BADLY, JOB_HOLD, true},  {JOB_GONE, JOB_FINISH, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(job_wants(rows[i].phase, rows[i].then), rows[i].wants, "row %zu", i);
}

Test(job, a_ready_or_pending_one_is_told_what_the_plan_says)
{
    static const struct {
        const char *word;
        enum job_then then;
        const char *when_ready, *argument, *when_pending;
    } rows[] = {
        {NULL, JOB_JUST_END, NULL, NULL, NULL},
        {"nonsense", JOB_JUST_END, NULL, NULL, NULL},
        {"hold", JOB_HOLD, NULL, NULL, NULL},
        {"complete", JOB_COMPLETE, "job-complete", "id", NULL},
        {"finish", JOB_FINISH, "block-job-cancel", "device", NULL},
        {"finalize", JOB_FINALIZE, NULL, NULL, "job-finalize"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *argument = NULL;
        const char *ready = job_command(JOB_READY, rows[i].then, &argument);

        cr_expect_eq(job_then(rows[i].word), rows[i].then, "%s", rows[i].word);
        cr_expect(rows[i].when_ready ? ready && !strcmp(ready, rows[i].when_ready) : !ready, "%s",
                  ready);
        cr_expect(!ready || !strcmp(argument, rows[i].argument), "%s", argument);

        const char *pending = job_command(JOB_PENDING, rows[i].then, &argument);
        cr_expect(rows[i].when_pending ? pending && !strcmp(pending, rows[i].when_pending)
                                       : !pending,
                  "%s", pending);
        cr_expect_null(job_command(JOB_RUNNING, rows[i].then, &argument));
    }
}
