/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-undo: send what takes a step back; take back, or do again, what an earlier client
 * began, as far as the graph shows that it did.
 */
#include "snapshot/runner.h"

#include <string.h>

#include "snapshot/ask.h"
#include "snapshot/image.h"
#include "snapshot/job.h"
#include "snapshot/member.h"
#include "snapshot/plan-internal.h"

static bool is(const json_t *step, const char *kind)
{
    return same(text(step, "step"), kind);
}

/* What was not done, or went meanwhile, cannot be taken back: only what the guest will miss is told
 * of. */
static void send(struct runner *r, struct plan *p, const json_t *command)
{
    struct qmp_error why = {0};

    if (!runner_tell_step(r, command, &why))
        return;
    if (same(text(command, "execute"), "cont"))
        plan_note(p, "the guest stands still, QEMU does not let it go on: %s", why.desc);
    if (same(text(command, "execute"), "block_resize"))
        plan_note(p, "a disk is larger now than it was: %s", why.desc);
}

int runner_job_aside(struct runner *r, const json_t *job, struct qmp_error *err)
{
    struct runner patient = *r;
    const bool never = false;
    int rc;

    patient.stop = &never;
    patient.no_wait = false;
    patient.ask_disks = NULL; /* the caller may work on the graph that there is */
    patient.jobs = json_array();
    /* an undo that was killed may have begun it */
    rc = runner_jobs(&patient, &job, 1, true, err);
    runner_dismiss_one(r, job);
    json_decref(patient.jobs);
    return rc;
}

/* Is @part about a tag with what an image has shown, and does not show now? */
static bool is_the_only_way_back(const struct runner *r, struct plan *p, const json_t *part)
{
    const char *file = text(part, "shows"), *tag = text(json_object_get(part, "arguments"), "name");

    if (!file || (r->files_reachable && image_shows(file, tag)))
        return false;
    if (!r->files_reachable || !image_has_snapshot(file, tag, NULL))
        plan_note(p,
                  "what %s showed before stays in it as the internal snapshot %s: qrewind revert "
                  "%s goes back to it",
                  file, tag, tag);
    return true;
}

/* Another QEMU may call the image otherwise that @part takes a tag from. New reference. */
static json_t *as_called_now(const json_t *part, const struct graph *g)
{
    const char *file = text(part, "shows");
    const char *tag = text(json_object_get(part, "arguments"), "name");

    for (size_t i = 0; g && file && i < g->ndisks; i++) {
        const struct graph_layer *top = graph_active(&g->disks[i]);

        if (top && same(top->file, file))
            return plan_internal_untag(&g->disks[i], tag);
    }
    return json_incref((json_t *)part);
}

/* The job that the step started, NULL: it is none, or was not started. */
static const struct graph_job *job_of(const json_t *step, const struct graph *g)
{
    return graph_job(g, text(json_object_get(step, "arguments"), "job-id"));
}

/* Has an undo that was killed begun its jobs? What comes before them was done then. */
static bool is_begun(const json_t *undo, const struct graph *g)
{
    const json_t *part;
    size_t i;

    json_array_foreach(undo, i, part)
        if (g && is(part, "job") && job_of(part, g))
            return true;
    return false;
}

/* Does @job commit into a layer of a disk, which is all that an undo does? What was sent before may
 * have put that below the disk again. */
static bool has_base(const struct runner *r, const struct graph *g, const json_t *job)
{
    const char *base = text(json_object_get(job, "arguments"), "base-node");

    return !same(text(job, "execute"), "block-commit") ||
           (base && !r->look(r->graph_arg) && graph_disk_with(g, base));
}

bool runner_send_undo(struct runner *r, struct plan *p, const json_t *step, const struct graph *g)
{
    const json_t *undo = json_object_get(step, "undo"), *part;
    bool undone = true;
    size_t i;

    if (json_is_object(undo))
        send(r, p, undo);
    json_array_foreach(undo, i, part) {
        if (is(part, "job")) {
            if (!g || has_base(r, g, part))
                runner_job_aside(r, part, NULL);
        } else if (same(text(part, "execute"), "block_resize") && is_begun(undo, g)) {
            continue;
        } else if (is_the_only_way_back(r, p, part)) {
            undone = false;
        } else {
            json_auto_t *command = as_called_now(part, g);

            send(r, p, command);
        }
    }
    return undone;
}

void runner_close_nodes(struct runner *r, struct plan *p)
{
    for (size_t i = json_array_size(p->steps); i-- > 0;) {
        const json_t *step = json_array_get(p->steps, i), *undo = json_object_get(step, "undo");

        if (same(text(step, "execute"), "blockdev-add") && json_is_object(undo))
            send(r, p, undo);
    }
}

/* The disk that runs on one of @files; NULL: none does. */
static const struct graph_disk *runs_on(const struct graph *g, const json_t *files)
{
    const json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
        for (size_t k = 0; k < g->ndisks; k++)
            if (g->disks[k].nlayers && same(g->disks[k].layers[0].file, json_string_value(file)))
                return &g->disks[k];
    return NULL;
}

/* Did the step take effect, as far as the graph tells? */
static bool to_be_undone(const struct runner *r, const json_t *step, const struct graph *g)
{
    const json_t *files = json_object_get(step, "undo_if_active");
    const char *undo = text(json_object_get(step, "undo"), "execute");

    if (is(step, "job"))
        return json_object_get(step, "undo") && job_of(step, g);
    /* also where it seemed to run: the stop may have come after the look, and cont harms none. A
     * QEMU started since may wait for its user; in the same one that is what a reset left. */
    if (undo && !strcmp(undo, "cont"))
        return g->status && (r->same || strcmp(g->status, "prelaunch")) && !graph_is_off(g);
    /* it stood still before: who lets it run now is its user */
    if (undo && !strcmp(undo, "stop"))
        return false;
    return files ? runs_on(g, files) != NULL : json_object_get(step, "undo") != NULL;
}

/* The jobs of an undo that was killed, as far as they have ended. */
static void dismiss_undoing(struct runner *r, const struct plan *p, const struct graph *g)
{
    const json_t *step, *part;
    size_t i, k;

    json_array_foreach(p->steps, i, step)
        json_array_foreach(json_object_get(step, "undo"), k, part)
            if (is(part, "job") && job_of(part, g) && !strcmp(job_of(part, g)->status, "concluded"))
                runner_dismiss_one(r, part);
}

int runner_undo(struct runner *r, struct plan *p, const struct graph *g, struct qmp_error *err)
{
    runner_dismiss(r, p);
    dismiss_undoing(r, p, g);
    runner_unload(r, p, g);
    for (size_t i = json_array_size(p->steps); i-- > 0;) {
        const json_t *step = json_array_get(p->steps, i);

        if ((!is(step, "qmp") && !is(step, "job")) || !to_be_undone(r, step, g))
            continue;
        /* no tag is let go then, nor a guest whose disks are of two times */
        if (text(json_array_get(json_object_get(step, "undo"), 0), "shows") &&
            runner_is_unloaded(r, p, g, err))
            return -1;
        runner_send_undo(r, p, step, g);
    }

    const struct qmp_error *broken = qmp_client_broken(r->client);
    if (broken && err)
        *err = *broken;
    return broken ? -1 : 0;
}

int runner_check_undone(const struct runner *r, const struct plan *p, const struct graph *g,
                        struct qmp_error *err)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step) {
        const struct graph_disk *d = runs_on(g, json_object_get(step, "undo_if_active"));

        /* who started another one there may have meant to */
        if (!r->same || !d)
            continue;
        qmp_error_set(err, QRW_ERR_UNKNOWN,
                      "the interrupted %s could not be taken back: disk %s still runs on %s",
                      p->operation, d->id, d->layers[0].file);
        return qmp_error_hint(err, "see that nothing else works on that disk (qrewind jobs) and "
                                   "that its images can be written to; then: qrewind repair");
    }
    return 0;
}

void runner_undo_files(struct runner *r, struct plan *p, const struct graph *g)
{
    for (size_t i = json_array_size(p->steps); i-- > 0;)
        runner_file_undo(r, p, json_array_get(p->steps, i), g);
    runner_sync_undone(r, p);
}

int runner_again(struct runner *r, struct plan *p, const struct graph *g, struct qmp_error *err)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step) {
        /* a job that ended well has done what there was to do */
        if (!json_object_get(step, "again") || job_phase(job_of(step, g)) == JOB_ENDED_WELL)
            continue;
        runner_ready(r, step, g);
        if (is(step, "migration")) {
            if (runner_migration(r, step, true, err) < 0)
                return -1;
            continue;
        }
        if (is(step, "job")) {
            runner_dismiss_one(r, step);
            if (runner_jobs(r, &step, 1, false, err) < 0)
                return -1;
            continue;
        }
        /* what was done before may refuse to be done again */
        runner_tell_step(r, step, NULL);
    }
    return 0;
}
