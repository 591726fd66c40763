/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runner-follow: see runner-follow.h. */
#include "snapshot/runner-follow.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/member.h"

const char *follow_id(const json_t *step)
{
    return text(json_object_get(step, "arguments"), "job-id");
}

enum job_then follow_then(const struct follow *f, size_t i)
{
    return job_then(text(f->steps[i], "then"));
}

/* An image that QEMU finds damaged loses its driver, and a job that then ends can send QEMU (7.2)
 * round in a circle for ever. Nobody but us waits for an engine. */
static void on_damage(struct follow *f, const json_t *data)
{
    if (f->r->offline && f->r->options && json_is_true(json_object_get(data, "fatal")))
        qmp_client_lose_patience(f->r->client, 1, f->r->options->timeout_ms);
}

static bool is_told_of(const struct follow *f, size_t i)
{
    return f->told[i] != JOB_RUNNING;
}

static bool all(const struct follow *f, bool (*is)(const struct follow *f, size_t i))
{
    size_t n = 0;

    while (n < f->n && is(f, n))
        n++;
    return n == f->n;
}

/* Once: a monitor that says so again and again wins no time by it. */
static void end_silence(struct follow *f)
{
    if (f->silent)
        qmp_client_set_patience(f->r->client, f->patience);
    f->silent = false;
}

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    const json_t *data = json_object_get(event, "data");
    const char *id = text(data, "id");
    const struct graph_job job = {.status = (char *)text(data, "status")};
    struct follow *f = arg;

    if (!strcmp(name, "BLOCK_IMAGE_CORRUPTED"))
        on_damage(f, data);
    /* block jobs say everything twice, and most of it asks for nothing */
    for (size_t i = 0; id && job.status && i < f->n; i++)
        if (!strcmp(follow_id(f->steps[i]), id)) {
            f->told[i] = job_phase(&job);
            f->woken = f->woken || job_wants(f->told[i], follow_then(f, i));
        }
    if (all(f, is_told_of))
        end_silence(f);
}

/* Does an event say that the job waits for a command? */
static bool is_told(const struct follow *f, size_t i)
{
    const char *id_argument;

    return job_command(f->told[i], follow_then(f, i), &id_argument);
}

enum job_phase follow_phase(const struct follow *f, size_t i)
{
    return is_told(f, i) ? f->told[i] : job_phase(graph_job(&f->g, follow_id(f->steps[i])));
}

void follow_forget(struct follow *f)
{
    f->woken = false;
    for (size_t i = 0; i < f->n; i++)
        f->told[i] = JOB_RUNNING;
}

/* Events that come after this answer are newer. */
static int take_jobs(void *to, const json_t *reply, struct qmp_error *err)
{
    struct follow *f = to;

    follow_forget(f);
    return graph_take_jobs(&f->g, reply, err);
}

static bool has_ended(const struct follow *f, size_t i)
{
    return f->told[i] == JOB_ENDED_WELL;
}

bool follow_are_told(const struct follow *f)
{
    return all(f, is_told);
}

/* After the last look somebody will want to see what became of the disks. */
int follow_look(struct follow *f, struct qmp_error *err)
{
    struct ask *a = ask_new(f->r->client, NULL);
    bool last = f->r->ask_disks && all(f, has_ended);
    size_t jobs = ask_add(a, "query-jobs", NULL, take_jobs, f), disks = jobs;
    int rc;

    if (last)
        disks = f->r->ask_disks(f->r->graph_arg, a);
    rc = ask_run(a, err) || !ask_reply(a, jobs, err) ? -1 : 0;
    f->r->disks_asked = !rc && last && ask_reply(a, disks, NULL);
    ask_free(a);
    return rc;
}

void follow_begin(struct follow *f)
{
    f->told = mem_alloc(f->n * sizeof(*f->told));
    f->handle = qmp_client_subscribe(f->r->client, NULL, on_event, f);
}

void follow_bear_silence(struct follow *f)
{
    /* our jobs on disks neither save nor load it; what somebody else began has no command */
    if (text(f->steps[0], "disk") && text(f->steps[0], "execute"))
        return;
    f->patience = qmp_client_set_patience(f->r->client, 0);
    f->silent = true;
}

void follow_end(struct follow *f)
{
    qmp_client_unsubscribe(f->r->client, f->handle);
    end_silence(f);
    graph_done(&f->g);
    free(f->told);
}
