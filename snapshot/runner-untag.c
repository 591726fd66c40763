/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-untag: take internal snapshots out of images, however QEMU has these now.
 *
 *   the disk runs on it     a command
 *   a layer below           a job; it is opened for writing meanwhile
 *   QEMU has it not open    qemu-img
 */
#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-overlay.h"
#include "snapshot/runner.h"

/* @step: taken. */
static int send(struct runner *r, json_t *step, struct qmp_error *err)
{
    int rc = runner_tell_step(r, step, err);

    json_decref(step);
    return rc;
}

/* Who was killed between the two left it open for writing: it is closed for that anyway. */
static int untag_below(struct runner *r, const struct plan *p, const struct graph_layer *l,
                       const char *tag, struct qmp_error *err)
{
    auto_free char *id = mem_printf("qrw-untag-%s", p->token);
    json_auto_t *job = json_pack("{s:s, s:s, s:o}", "step", "job", "execute", "snapshot-delete",
                                 "arguments", plan_internal_delete_arguments(id, l->node, tag));
    int rc = 0;

    runner_dismiss_one(r, job); /* that of an earlier attempt */
    if (graph_tag(l, tag)) {
        send(r, plan_reopen_node(l->node, true), NULL);
        rc = runner_job_aside(r, job, err);
    }
    send(r, plan_reopen_node(l->node, false), NULL);
    return rc;
}

/* As often as it is there: names are not always unique. */
static int untag_active(struct runner *r, const struct graph_disk *d, const char *tag,
                        struct qmp_error *err)
{
    const struct graph_layer *l = graph_active(d);

    for (size_t i = 0; i < l->ntags; i++)
        if (same(l->tags[i].name, tag) && send(r, plan_internal_untag(d, tag), err))
            return -1;
    return 0;
}

int runner_untag(struct runner *r, const struct plan *p, const char *file, const char *tag,
                 const struct graph *g, struct qmp_error *err)
{
    const struct graph_disk *d = graph_disk_with(g, file);
    const struct graph_layer *l = d ? graph_layer(d, file) : NULL;

    if (!l)
        return r->files_reachable && !image_is_gone(file) ? image_untag(file, tag, err) : 0;
    if (l == graph_active(d))
        return untag_active(r, d, tag, err);
    return l->node ? untag_below(r, p, l, tag, err) : 0;
}

/* The image that @fact, of a tag, is about. NULL: the VM has no such disk. */
static const char *image_of(const json_t *fact, const struct graph *g)
{
    const struct graph_disk *d = graph_disk(g, text(fact, "disk"));
    const struct graph_layer *active = d ? graph_active(d) : NULL;

    return text(fact, "layer") || !active ? text(fact, "layer") : active->file;
}

void runner_untag_made(struct runner *r, const struct plan *p, const struct graph *g)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(same(p->operation, "create") ? p->promise : NULL, i, fact) {
        const char *file = image_of(fact, g);

        if (file && text(fact, "tag") && json_is_true(json_object_get(fact, "there")))
            runner_untag(r, p, file, text(fact, "tag"), g, NULL);
    }
}

int runner_untag_rest(struct runner *r, const struct plan *p, const struct graph *g,
                      struct qmp_error *err)
{
    const json_t *step, *fact;
    int rc = 0;
    size_t i;

    runner_dismiss(r, p);
    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "untag") &&
            runner_untag(r, p, text(step, "file"), text(step, "tag"), g, rc ? NULL : err))
            rc = -1;
    json_array_foreach(p->promise, i, fact) {
        const char *file = image_of(fact, g);

        if (file && runner_untag(r, p, file, text(fact, "tag"), g, rc ? NULL : err))
            rc = -1;
    }
    return rc;
}
