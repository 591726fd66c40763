/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recover: see recover.h. */
#include "snapshot/recover.h"

#include "snapshot/job.h"
#include "snapshot/member.h"
#include "snapshot/plan-check.h"

/* Are the jobs of @p all that it does to the disks? Not where they save the memory first. */
static bool is_jobs_on_disks(const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "job") && !text(step, "disk"))
            return false;
    return true;
}

/* Whether any job of @p still runs, and whether all of them ended well. */
static void look_at_jobs(const struct plan *p, const struct graph *g, bool *running, bool *well)
{
    json_auto_t *ids = plan_job_ids(p);
    const json_t *id;
    size_t i;

    *running = false;
    *well = json_array_size(ids) > 0;
    json_array_foreach(ids, i, id) {
        enum job_phase phase = job_phase(graph_job(g, json_string_value(id)));

        if (phase == JOB_RUNNING || phase == JOB_READY || phase == JOB_PENDING)
            *running = true;
        if (phase != JOB_ENDED_WELL)
            *well = false;
    }
}

/* Does @p nothing but take tags out of images? One of them may be gone and the other not, and files
 * may be, too. */
static bool only_takes_tags(const struct plan *p)
{
    const bool by_qemu = json_array_size(p->promise) > 0;
    const json_t *fact, *step;
    size_t i;

    json_array_foreach(p->promise, i, fact)
        if (!text(fact, "tag") || json_is_true(json_object_get(fact, "there")))
            return false;
    json_array_foreach(p->steps, i, step) {
        const char *kind = text(step, "step");

        if (!same(kind, "untag") && !(by_qemu && (same(kind, "qmp") || same(kind, "job"))))
            return false;
    }
    return json_array_size(p->steps) > 0;
}

enum recover_verdict recover_decide(const struct plan *p, const struct graph *g)
{
    bool running, well;

    look_at_jobs(p, g, &running, &well);
    if (running || graph_migrates(g->migration))
        return RECOVER_ATTACH;
    /* only files are to go, and some may be gone */
    if (!json_array_size(p->steps) && json_array_size(p->cleanup))
        return RECOVER_FINISH;
    if (only_takes_tags(p))
        return RECOVER_REPEAT;
    if (json_array_size(p->promise) && !plan_holds(p, g, NULL))
        return p->fills && !p->switched && !well ? RECOVER_DOUBT : RECOVER_FINISH;
    if (plan_promised_file(p) && plan_disks_hold(p, g))
        return RECOVER_DROP;
    if (well && is_jobs_on_disks(p))
        return RECOVER_FORGET;
    return RECOVER_UNDO;
}

/* What takes @step back. */
static void add_undo(json_t *steps, const json_t *step)
{
    const json_t *undo = json_object_get(step, "undo");

    if (json_is_array(undo)) {
        json_array_extend(steps, (json_t *)undo);
    } else if (undo) {
        json_t *one = json_deep_copy(undo);

        json_object_set_new(one, "step", json_string("qmp"));
        json_array_append_new(steps, one);
    }
    if (plan_makes_file(step))
        json_array_append_new(steps, json_pack("{s:s, s:O}", "step", "unlink", "file",
                                               json_object_get(step, "file")));
}

json_t *recover_steps(const struct plan *p, enum recover_verdict verdict)
{
    json_t *steps = json_array(), *step;
    size_t i;

    if (verdict == RECOVER_UNDO) {
        for (i = json_array_size(p->steps); i-- > 0;)
            add_undo(steps, json_array_get(p->steps, i));
        return steps;
    }
    json_array_foreach(p->steps, i, step)
        if (verdict == RECOVER_REPEAT || json_object_get(step, "again"))
            json_array_append(steps, step);
    json_array_extend(steps, p->cleanup);
    return steps;
}
