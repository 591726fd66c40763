/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-jobs: start jobs, wait for them, tell them to complete, judge their end. A slow tick looks
 * at them anyway, for the progress bar and in case an event was lost on the way.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/clock.h"
#include "snapshot/member.h"
#include "snapshot/runner-follow.h"

#define TICK_MS 500

/* Offline nobody is left to wait later, and what was told to end does so in a moment. */
static bool may_leave(const struct follow *f)
{
    return !f->r->offline || !f->ending;
}

static bool woken(void *arg)
{
    const struct follow *f = arg;

    return f->woken || (*f->r->stop && may_leave(f));
}

static void report(const struct follow *f)
{
    const struct qrw_options *o = f->r->options;

    if (!o || !o->progress)
        return;
    for (size_t i = 0; i < f->n; i++) {
        const struct graph_job *job = graph_job(&f->g, follow_id(f->steps[i]));

        if (job)
            o->progress(&(struct qrw_progress){.job = job->id,
                                               .disk = text(f->steps[i], "disk"),
                                               .operation = job->type,
                                               .status = job->status,
                                               .offset = job->offset,
                                               .length = job->length,
                                               .elapsed_ms = clock_ms() - f->begun_ms},
                        o->arg);
    }
}

/* ---- start ---- */

/* Those that are not there yet: an earlier client may have died between two of them. What somebody
 * else began has no command, and once it has ended QEMU forgets it, unless told otherwise. */
static int start(struct follow *f, struct qmp_error *err)
{
    struct ask *a = ask_new(f->r->client, NULL);

    for (size_t i = 0; i < f->n; i++) {
        const char *command = text(f->steps[i], "execute");

        if (command && !graph_job(&f->g, follow_id(f->steps[i])))
            ask_add(a, command, json_deep_copy(json_object_get(f->steps[i], "arguments")), NULL,
                    NULL);
    }
    ask_send(a);
    if (f->r->meanwhile)
        f->r->meanwhile(f->r->journal, !f->r->no_wait && follow_then(f, 0) == JOB_COMPLETE);
    return ask_finish(a, err);
}

/* ---- follow ---- */

/*
 * A stream or a commit gives up the layers below in a header that it writes at once, while the
 * tables that say where their data is now wait in QEMU's memory: were QEMU killed then, the image
 * would have neither. So before the job may end, what it has written to is written out. There is
 * no QMP command for that, and of "qemu-io NODE flush" one does not hear whether it worked. To open
 * a node again as it is flushes it first, and has words only when something is wrong.
 */
static void add_flush(struct ask *a, const json_t *job)
{
    const json_t *args = json_object_get(job, "arguments");
    const char *below = text(args, "base-node");
    bool down = !strcmp(text(job, "execute"), "block-commit");
    auto_free char *line =
        mem_printf("qemu-io %s reopen", down && below ? below : text(args, "device"));

    ask_add(a, "human-monitor-command", json_pack("{s:s}", "command-line", line), NULL, NULL);
}

/* Write out what the jobs that wait for their end have written to. */
static int flush(struct follow *f, struct qmp_error *err)
{
    struct ask *a = ask_new(f->r->client, NULL);
    size_t asked = 0;
    int rc;

    for (size_t i = 0; i < f->n; i++)
        if (follow_phase(f, i) == JOB_PENDING) {
            add_flush(a, f->steps[i]);
            asked++;
        }
    rc = ask_run(a, err);
    for (size_t i = 0; i < asked && !rc; i++) {
        const json_t *reply = ask_reply(a, i, err);
        const char *words = json_is_string(reply) ? json_string_value(reply) : "no answer";

        if (!reply || words[0])
            rc = -1;
        if (reply && words[0])
            qmp_error_set(err, QMP_ERR_COMMAND, "what was moved cannot be written out: %.*s",
                          (int)strcspn(words, "\r\n"), words);
    }
    ask_free(a);
    return rc;
}

/* Tell every ready job what to do once all of them are: the disks switch together. A
 * refusal does not matter: the job went from ready to something else in between, and
 * the next look shows it. */
static int tell(struct follow *f, struct qmp_error *err)
{
    struct ask *a;
    int rc;

    if (follow_phase(f, 0) == JOB_READY && follow_then(f, 0) == JOB_COMPLETE && f->r->switching &&
        f->r->switching(f->r->journal, err))
        return -1;
    if (flush(f, err))
        return -1;
    a = ask_new(f->r->client, NULL);
    for (size_t i = 0; i < f->n; i++) {
        const char *argument;
        const char *command = job_command(follow_phase(f, i), follow_then(f, i), &argument);

        if (!command)
            continue;
        ask_add(a, command, json_pack("{s:s}", argument, follow_id(f->steps[i])), NULL, NULL);
        f->ending = true;
    }
    follow_forget(f);
    rc = ask_run(a, err);
    ask_free(a);
    return rc;
}

static bool is_over(const struct follow *f)
{
    return *f->r->stop || (f->r->wait_ms && clock_ms() - f->begun_ms >= f->r->wait_ms);
}

static int waiting(const struct follow *f, struct qmp_error *err)
{
    const char *id = follow_id(f->steps[0]);

    if (f->r->offline)
        return qmp_error_set(err, QMP_ERR_CANCELLED, "interrupted");
    qmp_error_set(err, QRW_ERR_WAITING, "stopped waiting; the job %s goes on", id);
    return qmp_error_hint(err, "to wait for it again: qrewind job wait %s", id);
}

static int ended_badly(const struct follow *f, size_t i, struct qmp_error *err)
{
    const struct graph_job *job = graph_job(&f->g, follow_id(f->steps[i]));

    const char *disk = text(f->steps[i], "disk");

    qmp_error_set(err, QMP_ERR_COMMAND, "%s", job->error);
    qmp_error_wrap(err, "job %s", job->id);
    return disk ? qmp_error_wrap(err, "disk %s", disk) : -1;
}

/* How long to sleep unless something happens. */
static int tick(const struct follow *f)
{
    int64_t left = f->r->wait_ms - (clock_ms() - f->begun_ms);

    if (!f->r->wait_ms || left > TICK_MS)
        return TICK_MS;
    return left > 0 ? (int)left : 1;
}

/* How the jobs stand, for the result. */
static void note_jobs(struct follow *f)
{
    json_array_clear(f->r->jobs);
    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(f->r->jobs, plan_job_document(f->steps[i], &f->g));
}

/* One look at all: 0 go on waiting, 1 all at rest, -1 one failed. */
static int judge(struct follow *f, bool *all_ready, struct qmp_error *err)
{
    int resting = 1;

    *all_ready = true;
    for (size_t i = 0; i < f->n; i++) {
        enum job_phase now = follow_phase(f, i);

        if (now == JOB_ENDED_BADLY)
            return ended_badly(f, i, err);
        if (!job_at_rest(now, follow_then(f, i)))
            resting = 0;
        if (now == JOB_RUNNING)
            *all_ready = false;
    }
    return resting;
}

/* Until something happens, or it is time to look anyway. */
static int rest(struct follow *f, struct qmp_error *err)
{
    struct qmp_error why;

    if (!qmp_client_run(f->r->client, woken, f, tick(f), &why) || why.kind == QMP_ERR_TIMEOUT)
        return 0;
    if (err)
        *err = why;
    return -1;
}

static int follow(struct follow *f, struct qmp_error *err)
{
    for (;;) {
        bool all_ready;
        int rc;

        if ((!follow_are_told(f) && follow_look(f, err)) || (rc = judge(f, &all_ready, err)) < 0)
            return -1;
        report(f);
        if (rc)
            return follow_then(f, 0) == JOB_HOLD && follow_phase(f, 0) == JOB_READY ? RUN_LEFT
                                                                                    : RUN_DONE;
        if (all_ready && tell(f, err))
            return -1;
        if (may_leave(f) && is_over(f))
            return waiting(f, err);
        if (rest(f, err))
            return -1;
    }
}

int runner_jobs(struct runner *r, const json_t *const *steps, size_t n, bool attach,
                struct qmp_error *err)
{
    struct follow f = {.r = r, .steps = steps, .n = n, .begun_ms = clock_ms()};
    int rc;

    follow_begin(&f);
    follow_bear_silence(&f);
    rc = attach ? follow_look(&f, err) : 0;

    if (!rc)
        rc = start(&f, err);
    if (!rc && !attach && !r->no_wait)
        rc = rest(&f, err);
    if (!rc)
        rc = r->no_wait ? (follow_look(&f, err) ? -1 : RUN_LEFT) : follow(&f, err);
    note_jobs(&f);
    follow_end(&f);
    return rc;
}

/* ---- the way back ---- */

int runner_cancel_jobs(struct runner *r, const struct plan *p, struct qmp_error *err)
{
    const size_t n = json_array_size(p->steps);
    auto_free const json_t **steps = mem_alloc(n * sizeof(*steps));
    const bool never = false;
    struct runner patient = *r; /* the end of a cancelled job is waited for, whatever comes */
    struct follow f = {.r = &patient, .steps = steps, .begun_ms = clock_ms()};
    int rc = 0;

    patient.stop = &never;
    patient.wait_ms = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *step = json_array_get(p->steps, i);

        if (text(step, "step") && !strcmp(text(step, "step"), "job"))
            steps[f.n++] = step;
    }
    follow_begin(&f);
    while (f.n && !(rc = follow_look(&f, err))) {
        size_t left = 0;

        for (size_t i = 0; i < f.n; i++) {
            enum job_phase now = follow_phase(&f, i);

            if (now != JOB_RUNNING && now != JOB_READY && now != JOB_PENDING)
                continue;
            left++;
            /* block-job-cancel: on 5.2 job-cancel of a ready job is a graceful end */
            json_decref(ask_one(r->client, NULL, "block-job-cancel",
                                json_pack("{s:s, s:b}", "device", follow_id(steps[i]), "force", 1),
                                NULL));
        }
        if (!left)
            break;
        rc = qmp_client_run(r->client, woken, &f, TICK_MS, NULL) && qmp_client_broken(r->client)
                 ? -1
                 : 0;
        if (rc)
            break;
    }
    follow_end(&f);
    return rc;
}
