/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-unload: a load of internal snapshots that was cut in half, found by a later client,
 * mostly in a QEMU that was started since: no job tells of it, the images do (unload.h).
 */
#include "snapshot/runner.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/unload.h"

/* Who had come to the cleanup has removed it, and a repair that was killed may have left a part. */
static void make_scratch(struct runner *r, const json_t *step)
{
    struct image_stat st;

    if (image_stat(text(step, "file"), &st, NULL) || image_open_in(r->pid, &st) ||
        image_is_foreign(&st, r->owner))
        return;
    if (!st.exists || !image_unlink_if(text(step, "file"), &st, NULL))
        runner_file_step(r, step, NULL);
}

/* The node that the memory is saved to and loaded from on the way back. */
static void open_scratch(struct runner *r, const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step) {
        if (same(text(step, "step"), "image"))
            make_scratch(r, step);
        if (same(text(step, "execute"), "blockdev-add"))
            runner_tell_step(r, step, NULL);
    }
}

static const json_t *load_step(const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "execute"), "snapshot-load"))
            return step;
    return NULL;
}

/* Nodes without a name of their own are called otherwise in every QEMU. */
static json_t *job_for(const json_t *part, const struct graph_disk **gone, size_t n)
{
    json_t *job = json_deep_copy(part), *args = json_object_get(job, "arguments");
    json_t *devices;

    if (!same(text(job, "execute"), "snapshot-load"))
        return job;
    devices = json_pack("[s]", text(args, "vmstate"));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(devices, json_string(gone[i]->node));
    json_object_set_new(args, "devices", devices);
    return job;
}

void runner_unload(struct runner *r, const struct plan *p, const struct graph *g)
{
    auto_free const struct graph_disk **gone = mem_alloc((g->ndisks + 1) * sizeof(*gone));
    const json_t *load = load_step(p), *part;
    const char *kept;
    size_t i, n;

    if (!load || !r->files_reachable ||
        graph_job(g, text(json_object_get(load, "arguments"), "job-id")) ||
        !unload_find(p->steps, g, &kept, gone))
        return;
    if (g->running)
        runner_tell(r, "stop", NULL, NULL);
    /* once more: the guest may have written until it stood */
    n = unload_find(p->steps, g, &kept, gone);
    if (n)
        open_scratch(r, p);
    json_array_foreach(json_object_get(load, "undo"), i, part)
        if (n && same(text(part, "step"), "job")) {
            json_auto_t *job = job_for(part, gone, n);

            runner_dismiss_one(r, job); /* that of an earlier attempt */
            runner_job_aside(r, job, NULL);
        }
    /* also a guest that has not begun: what was loaded may be the memory of an earlier attempt */
    if (n && !graph_is_off(g))
        runner_tell(r, "system_reset", NULL, NULL);
    if (g->running)
        runner_tell(r, "cont", NULL, NULL);
}

int runner_is_unloaded(const struct runner *r, const struct plan *p, const struct graph *g,
                       struct qmp_error *err)
{
    auto_free const struct graph_disk **gone = mem_alloc((g->ndisks + 1) * sizeof(*gone));
    const char *kept;

    if (!r->files_reachable || !unload_find(p->steps, g, &kept, gone))
        return 0;
    qmp_error_set(err, QRW_ERR_UNKNOWN, "QEMU cannot bring disk %s back to what it showed before",
                  gone[0]->id);
    return qmp_error_hint(err,
                          "once its storage works again: qrewind repair; should that not help, "
                          "end QEMU, then: qrewind --image FILE repair");
}
