/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runner: see runner.h. Jobs are in runner-jobs.c, files in runner-files.c. */
#include "snapshot/runner.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/clock.h"
#include "snapshot/member.h"

static bool is(const json_t *step, const char *kind)
{
    return same(text(step, "step"), kind);
}

/* ---- the way forward ---- */

/* How the run stands: which steps were taken, for the way back. */
struct run {
    struct runner *r;
    struct plan *p;
    bool *taken;
    bool lost; /* the connection, the wait for an answer, or the way back: the outcome is unknown */
    bool past; /* something was done that cannot be taken back: the guest writes to new files */
    bool through; /* no interruption takes it back any more: that would lose more than to end it */
};

static bool is_quiesce(const json_t *step)
{
    return is(step, "freeze") || is(step, "thaw");
}

/* A command whose answer nothing that can be taken back has to wait for. */
static bool is_patient(const json_t *step)
{
    return is(step, "qmp") && json_object_get(step, "undo");
}

/* Whatever the answer is, it changes nothing. */
static bool is_optional(const json_t *step)
{
    return is(step, "qmp") && json_object_get(step, "optional");
}

static bool is_reset(const json_t *step)
{
    return is(step, "qmp") && same(text(step, "execute"), "system_reset");
}

static bool runs_alone(const json_t *step)
{
    return is(step, "job") || is(step, "migration") || is_quiesce(step) ||
           (is(step, "qmp") && !is_patient(step));
}

/* How many steps from @at on are carried out before QEMU's answers are waited for. The guest is
 * not stopped before everything ahead of that is done. */
static size_t span(const json_t *steps, size_t at)
{
    size_t n = 0;
    const json_t *step;

    while ((step = json_array_get(steps, at + n)) && !runs_alone(step) &&
           !(n && same(text(step, "execute"), "stop"))) {
        n++;
        if (json_object_get(step, "try"))
            break;
    }
    n = n ? n : 1;
    while (is_optional(json_array_get(steps, at + n)) && !is_reset(json_array_get(steps, at + n)))
        n++;
    return n;
}

/* A command of a span. */
struct sent {
    const json_t *step;
    size_t at;
    int64_t begun_us, answered_us;
};

/* How long the guest stood still: from stop to cont, or else as long as the command took
 * that switches its disks. */
static void clock_pause(struct runner *r, const struct sent *s)
{
    const char *command = text(s->step, "execute");

    if (!strcmp(command, "stop"))
        r->stopped_us = s->begun_us;
    else if (!strcmp(command, "cont") && r->stopped_us)
        r->pause_us = s->answered_us - r->stopped_us;
    else if (!json_object_get(s->step, "undo") && !r->stopped_us)
        r->pause_us += s->answered_us - s->begun_us;
}

/* The human monitor answers in words only when it fails. */
static int take_answer(void *to, const json_t *reply, struct qmp_error *err)
{
    struct sent *s = to;
    const char *words = json_string_value(reply);

    s->answered_us = clock_us();
    if (!words || !words[0] || strcmp(text(s->step, "execute"), "human-monitor-command") != 0)
        return 0;
    return qmp_error_set(err, QMP_ERR_COMMAND, "%.*s", (int)strcspn(words, "\r\n"), words);
}

static void add_command(struct ask *a, struct sent *s)
{
    s->begun_us = s->answered_us = clock_us();
    ask_add(a, text(s->step, "execute"), json_incref(json_object_get(s->step, "arguments")),
            take_answer, s);
}

/* Who is interrupted still has to know what there is to be taken back: for that QEMU gets no more
 * time than for a question. */
static int hear(struct runner *r, struct ask *a, struct qmp_error *err)
{
    struct qmp_error why;

    if (!ask_run(a, &why))
        return 0;
    if (why.kind == QMP_ERR_CANCELLED) {
        int patience = qmp_client_set_patience(r->client, r->options ? r->options->timeout_ms : 0);
        int rc;

        ask_insist(a);
        rc = ask_run(a, &why);
        qmp_client_set_patience(r->client, patience);
        if (!rc)
            return 0;
    }
    if (err)
        *err = why;
    return -1;
}

static int await(struct run *run, struct ask *a, const struct sent *sent, size_t n,
                 struct qmp_error *err)
{
    int rc = 0;

    if (hear(run->r, a, err)) {
        run->lost = true;
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        struct qmp_error why;

        run->taken[sent[i].at] = ask_reply(a, i, &why) != NULL;
        clock_pause(run->r, &sent[i]);
        if (rc || run->taken[sent[i].at] || is_optional(sent[i].step))
            continue;
        rc = -1;
        if (err)
            *err = why;
    }
    return rc;
}

/* Commands are sent before a step that touches files: QEMU reads a byte at a time, and
 * there is time to write and to sync meanwhile. */
static int run_span(struct run *run, size_t at, size_t n, struct qmp_error *err)
{
    auto_free struct sent *sent = mem_alloc(n * sizeof(*sent));
    struct ask *a = ask_new(run->r->client, run->r->stop);
    struct qmp_error why = {0};
    size_t asked = 0;
    int rc = 0;

    for (size_t i = at; !rc && i < at + n; i++) {
        const json_t *step = json_array_get(run->p->steps, i);

        if (is(step, "qmp")) {
            sent[asked] = (struct sent){.step = step, .at = i};
            add_command(a, &sent[asked++]);
            continue;
        }
        if (asked)
            ask_send(a);
        rc = runner_file_step(run->r, step, &why);
        run->taken[i] = !rc;
    }
    if (asked && run->r->meanwhile) {
        ask_send(a);
        run->r->meanwhile(run->r->journal, false);
    }
    /* also after a failure: what QEMU did is to be undone */
    if (asked && await(run, a, sent, asked, rc ? NULL : &why))
        rc = -1;
    ask_free(a);
    if (rc && err)
        *err = why;
    return rc;
}

static size_t jobs_in_a_row(const json_t *steps, size_t at)
{
    size_t n = 0;

    if (!text(json_array_get(steps, at), "disk"))
        return 1;
    while (at + n < json_array_size(steps) && is(json_array_get(steps, at + n), "job"))
        n++;
    return n;
}

static int run_jobs(struct run *run, size_t at, size_t n, bool attach, struct qmp_error *err)
{
    const json_t **steps = mem_alloc(n * sizeof(*steps));
    int64_t begun = clock_us();
    struct qmp_error why;
    int rc;

    for (size_t i = 0; i < n; i++)
        steps[i] = json_array_get(run->p->steps, at + i);
    rc = runner_jobs(run->r, steps, n, attach, &why);
    if (!text(steps[0], "disk") && !run->r->stopped_us)
        run->r->pause_us += clock_us() - begun;
    free(steps);
    if (rc >= 0)
        return rc;
    run->lost = qmp_client_broken(run->r->client) != NULL;
    for (size_t i = 0; i < n; i++)
        run->taken[at + i] = true;
    if (err)
        *err = why;
    return -1;
}

/* ---- the way back ---- */

static void take_back(struct run *run)
{
    if (run->lost || runner_cancel_jobs(run->r, run->p, NULL)) {
        run->lost = true;
        return;
    }
    runner_dismiss(run->r, run->p); /* first: an ended job holds on to files */
    for (size_t i = json_array_size(run->p->steps); i-- > 0;) {
        const json_t *step = json_array_get(run->p->steps, i);

        if (!run->taken[i])
            continue;
        if (!json_object_get(step, "undo")) {
            runner_file_undo(run->r, run->p, step, NULL);
        } else if (!runner_send_undo(run->r, run->p, step, NULL)) {
            run->lost = true; /* nor may a guest go on, whose disks are of two times */
            break;
        }
    }
    runner_sync_undone(run->r, run->p);
    run->lost = run->lost || qmp_client_broken(run->r->client);
}

static bool is_unreached(int kind)
{
    return kind == QMP_ERR_CONNECT || kind == QMP_ERR_USAGE;
}

static bool was_reset(const struct run *run, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (run->taken[i] && is_reset(json_array_get(run->p->steps, i)))
            return true;
    return false;
}

/* What a failure of the step @at means to the user: the wait is over, it is undone, it cannot be,
 * or nobody knows. */
static int fail(struct run *run, size_t at, struct qmp_error *err)
{
    const json_t *step = json_array_get(run->p->steps, at);
    const char *tried = text(step, "try");
    const bool interrupted = err->kind == QMP_ERR_CANCELLED;

    runner_thaw(run->r);
    if (err->kind == QRW_ERR_WAITING)
        return -1;
    if (!run->past)
        take_back(run);
    err->kind = run->lost || run->past                          ? QRW_ERR_UNKNOWN
                : tried && !interrupted                         ? QRW_ERR_UNSUPPORTED
                : is(step, "freeze") && is_unreached(err->kind) ? err->kind
                                                                : QRW_ERR_FAILED;
    /* a memory that was loaded in part must not run */
    const bool reset =
        (run->taken[at] && same(text(json_object_get(step, "undo"), "execute"), "system_reset")) ||
        was_reset(run, at);
    if (err->kind == QRW_ERR_FAILED && (interrupted || reset))
        qmp_error_hint(err, "what was begun is undone%s",
                       reset ? ", but the guest was reset; revert with --no-memory takes the disks "
                               "alone back"
                             : "");
    if (err->kind == QRW_ERR_UNSUPPORTED)
        qmp_error_hint(err, "%s", tried);
    if (err->kind == QRW_ERR_UNKNOWN)
        qmp_error_hint(err, "what was begun is noted in the sidecar: the next qrewind command on "
                            "this VM settles it (or: qrewind repair)");
    return -1;
}

/* Is there no way back once @step is done? A command or a block job without an undo. */
static bool is_final(const json_t *step)
{
    if (json_object_get(step, "undo") || json_object_get(step, "optional"))
        return false;
    return is(step, "qmp") || is(step, "migration") ||
           (is(step, "job") && json_object_get(step, "disk"));
}

/* Once a memory is loaded only a reset could take that back. */
static bool is_decisive(const json_t *step)
{
    return is_final(step) || same(text(step, "execute"), "snapshot-load");
}

int runner_run(struct runner *r, struct plan *p, bool attach, struct qmp_error *err)
{
    const size_t n = json_array_size(p->steps);
    auto_free bool *taken = mem_alloc(n * sizeof(bool));
    struct run run = {.r = r, .p = p, .taken = taken};
    struct qmp_error why = {0};

    for (size_t at = 0, m; at < n; at += m) {
        const json_t *step = json_array_get(p->steps, at);
        int rc;

        m = 1;
        r->disks_asked = false;
        if (*r->stop && !attach && !run.through) {
            rc = qmp_error_set(&why, QMP_ERR_CANCELLED, "interrupted");
        } else if (is(step, "job")) {
            m = jobs_in_a_row(p->steps, at);
            rc = run_jobs(&run, at, m, attach, &why);
            attach = false; /* what follows has waited for them */
        } else if (is(step, "migration")) {
            rc = runner_migration(r, step, attach, &why);
            run.lost = rc < 0 && qmp_client_broken(r->client);
            attach = false;
        } else if (attach) {
            /* the jobs run: what came before them has been done */
            taken[at] = true;
            run.past = run.past || is_final(step);
            continue;
        } else if (is_quiesce(step)) {
            rc = runner_quiesce_step(r, p, step, &why);
        } else if (is_reset(step)) {
            rc = runner_reset(r, &why);
            taken[at] = !rc;
            run.lost = run.lost || qmp_client_broken(r->client);
        } else {
            m = span(p->steps, at);
            rc = run_span(&run, at, m, &why);
            if (!rc && json_object_get(step, "settle"))
                rc = runner_settle(r, &taken[at], &why);
            run.lost = run.lost || qmp_client_broken(r->client);
        }
        if (rc < 0) {
            fail(&run, at, &why);
            if (err)
                *err = why;
            return -1;
        }
        if (rc == RUN_LEFT)
            return RUN_LEFT;
        run.past = run.past || is_final(step);
        run.through = run.through || is_decisive(step);
    }
    return RUN_DONE;
}
