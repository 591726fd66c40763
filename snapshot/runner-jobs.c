/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-jobs: start jobs, follow them, tell them to complete, judge their end.
 *
 * An event about one of ours wakes us; what is true then says query-jobs, above all how a job
 * ended. Only when events say of all that they wait for a command, they get it without a question:
 * were that not true, it would be refused, and the next look show why. A slow tick asks anyway, for
 * the progress bar and in case an event was lost on the way.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/clock.h"
#include "snapshot/job.h"
#include "snapshot/member.h"
#include "snapshot/runner.h"

#define TICK_MS 500

struct follow {
    struct runner *r;
    const json_t *const *steps;
    size_t n;
    struct graph g;       /* only its jobs */
    enum job_phase *told; /* what events said of each since, JOB_RUNNING: nothing */
    bool woken;           /* something happened since we asked last */
    bool ending;          /* they were told how to end */
    int64_t begun_ms;
};

static const char *job_id(const json_t *step)
{
    return text(json_object_get(step, "arguments"), "job-id");
}

static enum job_then then(const struct follow *f, size_t i)
{
    return job_then(text(f->steps[i], "then"));
}

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    const json_t *data = json_object_get(event, "data");
    const char *id = text(data, "id");
    const struct graph_job job = {.status = (char *)text(data, "status")};
    struct follow *f = arg;

    /* block jobs say everything twice, and most of it asks for nothing */
    for (size_t i = 0; id && job.status && i < f->n; i++)
        if (!strcmp(job_id(f->steps[i]), id)) {
            f->told[i] = job_phase(&job);
            f->woken = f->woken || job_wants(f->told[i], then(f, i));
        }
}

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

/* Does an event say that the job waits for a command? */
static bool is_told(const struct follow *f, size_t i)
{
    const char *id_argument;

    return job_command(f->told[i], then(f, i), &id_argument);
}

static enum job_phase phase(const struct follow *f, size_t i)
{
    return is_told(f, i) ? f->told[i] : job_phase(graph_job(&f->g, job_id(f->steps[i])));
}

/* What events said has been dealt with. */
static void forget_told(struct follow *f)
{
    f->woken = false;
    for (size_t i = 0; i < f->n; i++)
        f->told[i] = JOB_RUNNING;
}

/* Events that come after this answer are newer. */
static int take_jobs(void *to, const json_t *reply, struct qmp_error *err)
{
    struct follow *f = to;

    forget_told(f);
    return graph_take_jobs(&f->g, reply, err);
}

static bool all(const struct follow *f, bool (*is)(const struct follow *f, size_t i))
{
    size_t n = 0;

    while (n < f->n && is(f, n))
        n++;
    return n == f->n;
}

static bool has_ended(const struct follow *f, size_t i)
{
    return f->told[i] == JOB_ENDED_WELL;
}

/* After the last look somebody will want to see what became of the disks. */
static int look(struct follow *f, struct qmp_error *err)
{
    struct ask *a = ask_new(f->r->client, NULL);
    bool last = f->r->ask_disks && all(f, has_ended);
    size_t jobs = ask_add(a, "query-jobs", NULL, take_jobs, f), disks = jobs;
    int rc;

    if (last)
        disks = f->r->ask_disks(f->r->ask_disks_arg, a);
    rc = ask_run(a, err) || !ask_reply(a, jobs, err) ? -1 : 0;
    f->r->disks_asked = !rc && last && ask_reply(a, disks, NULL);
    ask_free(a);
    return rc;
}

static void report(const struct follow *f)
{
    const struct qrw_options *o = f->r->options;

    if (!o || !o->progress)
        return;
    for (size_t i = 0; i < f->n; i++) {
        const struct graph_job *job = graph_job(&f->g, job_id(f->steps[i]));

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

/* Those that are not there yet: an earlier client may have died between two of them. */
static int start(struct follow *f, struct qmp_error *err)
{
    struct ask *a = ask_new(f->r->client, NULL);

    for (size_t i = 0; i < f->n; i++)
        if (!graph_job(&f->g, job_id(f->steps[i])))
            ask_add(a, text(f->steps[i], "execute"),
                    json_deep_copy(json_object_get(f->steps[i], "arguments")), NULL, NULL);
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
        if (phase(f, i) == JOB_PENDING) {
            add_flush(a, f->steps[i]);
            asked++;
        }
    rc = ask_run(a, err);
    for (size_t i = 0; i < asked && !rc; i++) {
        const char *words = json_string_value(ask_reply(a, i, err));

        if (!words || words[0])
            rc = -1;
        if (words && words[0])
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

    if (phase(f, 0) == JOB_READY && then(f, 0) == JOB_COMPLETE && f->r->switching &&
        f->r->switching(f->r->switching_arg, err))
        return -1;
    if (flush(f, err))
        return -1;
    a = ask_new(f->r->client, NULL);
    for (size_t i = 0; i < f->n; i++) {
        const char *argument, *command = job_command(phase(f, i), then(f, i), &argument);

        if (!command)
            continue;
        ask_add(a, command, json_pack("{s:s}", argument, job_id(f->steps[i])), NULL, NULL);
        f->ending = true;
    }
    forget_told(f);
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
    const char *id = job_id(f->steps[0]);

    if (f->r->offline)
        return qmp_error_set(err, QMP_ERR_CANCELLED, "interrupted");
    qmp_error_set(err, QRW_ERR_WAITING, "stopped waiting; the job %s goes on", id);
    return qmp_error_hint(err, "to wait for it again: qrewind job wait %s", id);
}

static int ended_badly(const struct follow *f, size_t i, struct qmp_error *err)
{
    const struct graph_job *job = graph_job(&f->g, job_id(f->steps[i]));

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
        enum job_phase now = phase(f, i);

        if (now == JOB_ENDED_BADLY)
            return ended_badly(f, i, err);
        if (!job_at_rest(now, then(f, i)))
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

        if ((!all(f, is_told) && look(f, err)) || (rc = judge(f, &all_ready, err)) < 0)
            return -1;
        report(f);
        if (rc)
            return then(f, 0) == JOB_HOLD && phase(f, 0) == JOB_READY ? RUN_LEFT : RUN_DONE;
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
    auto_free enum job_phase *told = mem_alloc(n * sizeof(*told));
    struct follow f = {.r = r, .steps = steps, .n = n, .told = told, .begun_ms = clock_ms()};
    unsigned handle = qmp_client_subscribe(r->client, NULL, on_event, &f);
    int patience = qmp_client_set_patience(r->client, 0);
    int rc;

    /* only while it saves the memory QEMU says nothing, however long that takes */
    if (text(steps[0], "disk"))
        qmp_client_set_patience(r->client, patience);
    rc = attach ? look(&f, err) : 0;

    if (!rc)
        rc = start(&f, err);
    if (!rc && !r->no_wait && r->prepare && then(&f, 0) == JOB_COMPLETE)
        r->prepare(r->switching_arg);
    if (!rc && !attach && !r->no_wait)
        rc = rest(&f, err);
    if (!rc)
        rc = r->no_wait ? (look(&f, err) ? -1 : RUN_LEFT) : follow(&f, err);
    note_jobs(&f);
    qmp_client_set_patience(r->client, patience);
    qmp_client_unsubscribe(r->client, handle);
    graph_done(&f.g);
    return rc;
}

/* ---- the way back ---- */

int runner_cancel_jobs(struct runner *r, const struct plan *p, struct qmp_error *err)
{
    const size_t n = json_array_size(p->steps);
    auto_free const json_t **steps = mem_alloc(n * sizeof(*steps));
    auto_free enum job_phase *told = mem_alloc(n * sizeof(*told));
    const bool never = false;
    struct runner patient = *r; /* the end of a cancelled job is waited for, whatever comes */
    struct follow f = {.r = &patient, .steps = steps, .told = told, .begun_ms = clock_ms()};
    int rc = 0;

    patient.stop = &never;
    patient.wait_ms = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *step = json_array_get(p->steps, i);

        if (text(step, "step") && !strcmp(text(step, "step"), "job"))
            steps[f.n++] = step;
    }
    unsigned handle = qmp_client_subscribe(r->client, NULL, on_event, &f);
    while (f.n && !(rc = look(&f, err))) {
        size_t left = 0;

        for (size_t i = 0; i < f.n; i++) {
            enum job_phase now = phase(&f, i);

            if (now != JOB_RUNNING && now != JOB_READY && now != JOB_PENDING)
                continue;
            left++;
            /* block-job-cancel: on 5.2 job-cancel of a ready job is a graceful end */
            json_decref(ask_one(r->client, NULL, "block-job-cancel",
                                json_pack("{s:s, s:b}", "device", job_id(steps[i]), "force", 1),
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
    qmp_client_unsubscribe(r->client, handle);
    graph_done(&f.g);
    return rc;
}
