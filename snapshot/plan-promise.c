/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-promise: what QEMU shows when a plan's goal is reached; see plan.h. */
#include "snapshot/plan.h"

#include <stdlib.h>

#include "snapshot/job.h"
#include "snapshot/member.h"

static void promise(struct plan *p, json_t *fact)
{
    if (json_array_append_new(p->promise, fact))
        abort();
}

void plan_promise(struct plan *p, const char *disk, const char *layer, const char *backing,
                  bool top)
{
    promise(p, json_pack("{s:s, s:s, s:s?, s:b}", "disk", disk, "layer", layer, "backing", backing,
                         "top", top));
}

void plan_promise_tag(struct plan *p, const char *disk, const char *layer, const char *tag,
                      bool there)
{
    promise(p, json_pack("{s:s, s:s*, s:s, s:b}", "disk", disk, "layer", layer, "tag", tag, "there",
                         there));
}

void plan_promise_job(struct plan *p, const char *id)
{
    promise(p, json_pack("{s:s}", "job", id));
}

void plan_promise_saved(struct plan *p, const char *file)
{
    promise(p, json_pack("{s:s}", "saved", file));
}

const char *plan_promised_file(const struct plan *p)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact)
        if (text(fact, "saved"))
            return text(fact, "saved");
    return NULL;
}

bool plan_promises_job(const struct plan *p, const char *id)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact)
        if (text(fact, "job") && (!id || same(text(fact, "job"), id)))
            return true;
    return false;
}

static int layer_holds(const json_t *fact, const struct graph_disk *d, struct qmp_error *err)
{
    const char *backing = text(fact, "backing");
    const char *layer = text(fact, "layer");
    const struct graph_layer *l = layer ? graph_layer(d, layer) : NULL;

    if (!l || (json_is_true(json_object_get(fact, "top")) && l != d->layers))
        return qmp_error_set(err, QRW_ERR_FAILED, "disk %s does not run on %s", d->id, layer);

    const struct graph_layer *below = l + 1 < d->layers + d->nlayers ? l + 1 : NULL;
    if (backing ? !below || strcmp(below->file, backing) : below != NULL)
        return qmp_error_set(err, QRW_ERR_FAILED, "disk %s: %s is backed by %s, not by %s", d->id,
                             layer, below ? below->file : "nothing", backing ? backing : "nothing");
    return 0;
}

static int tag_holds(const json_t *fact, const struct graph_disk *d, struct qmp_error *err)
{
    const char *layer = text(fact, "layer");
    const struct graph_layer *l = layer ? graph_layer(d, layer) : graph_active(d);
    bool there = l && graph_tag(l, text(fact, "tag"));

    if (there == json_is_true(json_object_get(fact, "there")))
        return 0;
    return qmp_error_set(err, QRW_ERR_FAILED, "disk %s has %s internal snapshot '%s'", d->id,
                         there ? "still an" : "no", text(fact, "tag"));
}

static int job_holds(const json_t *fact, const struct graph *g, struct qmp_error *err)
{
    if (job_phase(graph_job(g, text(fact, "job"))) == JOB_ENDED_WELL)
        return 0;
    return qmp_error_set(err, QRW_ERR_FAILED, "the job %s has not ended well", text(fact, "job"));
}

static int saved_holds(const struct graph *g, struct qmp_error *err)
{
    if (same(g->migration, "completed"))
        return 0;
    return qmp_error_set(err, QRW_ERR_FAILED, "the memory is not saved: %s",
                         g->migration ? g->migration : "nothing saves it");
}

static int holds(const json_t *fact, const struct graph *g, struct qmp_error *err)
{
    const struct graph_disk *d = graph_disk(g, text(fact, "disk"));

    if (text(fact, "job"))
        return job_holds(fact, g, err);
    if (text(fact, "saved"))
        return saved_holds(g, err);
    if (!d && json_is_true(json_object_get(fact, "unplugged")))
        return 0;
    if (!d)
        return qmp_error_set(err, QRW_ERR_FAILED, "disk %s is gone", text(fact, "disk"));
    return text(fact, "tag") ? tag_holds(fact, d, err) : layer_holds(fact, d, err);
}

int plan_holds(const struct plan *p, const struct graph *g, struct qmp_error *err)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact)
        if (holds(fact, g, err))
            return -1;
    return 0;
}

void plan_pass_unplugged(struct plan *p, const struct graph *g)
{
    const char *noted = NULL;
    json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact) {
        const char *disk = text(fact, "disk");

        if (!disk || graph_disk(g, disk))
            continue;
        json_object_set_new(fact, "unplugged", json_true());
        if (!same(noted, disk))
            plan_note(p, "disk %s is gone: it was unplugged meanwhile", disk);
        noted = disk;
    }
}

bool plan_holds_in_part(const struct plan *p, const struct graph *g)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact)
        if (text(fact, "disk") && !holds(fact, g, NULL))
            return true;
    return false;
}

bool plan_disks_hold(const struct plan *p, const struct graph *g)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact)
        if (text(fact, "disk") && holds(fact, g, NULL))
            return false;
    return true;
}
