/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-internal-steps: how the running QEMU goes back to an internal snapshot.
 *
 * QEMU takes disks back only together with a memory. For a snapshot of the disks alone,
 * or where its memory is not wanted, that is the memory that the guest has now: saved
 * into a scratch image under the same tag, and loaded from there. The disks go back,
 * the memory is what it was, and the guest is reset.
 *
 * A load that fails half-way leaves some disks back and some not. So what the disks show
 * is tagged in any case, and on failure the memory, such as it is, goes to the scratch
 * image under that tag, which is then loaded: every disk shows what it showed before.
 */
#include "snapshot/plan-internal-revert.h"

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-memory.h"

static json_t *save_arguments(const struct internal_way *w, const char *what, const char *tag)
{
    auto_free char *id = mem_printf("qrw-%s-%s", what, w->s->token);

    return json_pack("{s:s, s:s, s:s, s:[s]}", "job-id", id, "tag", tag, "vmstate", w->node,
                     "devices", w->node);
}

/* @state: the node with the memory, NULL: the scratch image, which is one more device then. */
static json_t *load_arguments(const struct internal_way *w, const char *what, const char *tag,
                              const char *state)
{
    auto_free char *id = mem_printf("qrw-%s-%s", what, w->s->token);
    json_t *nodes = plan_internal_nodes(&w->o);

    if (!state)
        json_array_append_new(nodes, json_string(w->node));
    return json_pack("{s:s, s:s, s:s, s:o}", "job-id", id, "tag", tag, "vmstate",
                     state ? state : w->node, "devices", nodes);
}

static json_t *job(const char *execute, json_t *arguments)
{
    return json_pack("{s:s, s:s, s:o}", "step", "job", "execute", execute, "arguments", arguments);
}

static json_t *undo_load(const struct internal_way *w)
{
    json_t *steps = json_array();

    if (w->node && w->keeps) {
        json_array_append_new(steps,
                              job("snapshot-save", save_arguments(w, "back-save", w->keeps)));
        json_array_append_new(steps,
                              job("snapshot-load", load_arguments(w, "back-load", w->keeps, NULL)));
    }
    if (w->memory)
        json_array_append_new(steps,
                              json_pack("{s:s, s:s}", "step", "qmp", "execute", "system_reset"));
    return steps;
}

/* What there was is not let go before the disk shows it again. */
static json_t *undo_tags(const struct internal_way *w)
{
    json_t *steps = json_array();

    for (size_t i = 0; i < w->o.n; i++) {
        const struct graph_disk *d = w->o.list[i].disk;
        json_t *step = plan_internal_untag(d, w->keeps);

        json_object_set_new(step, "shows", json_string(d->layers[0].file));
        json_array_append_new(steps, step);
    }
    return steps;
}

/* The disks alone go back by way of the present memory. */
static void need_room(struct plan *p, const struct internal_way *w)
{
    auto_free char *way = internal_way_off(w);
    auto_free char *hint =
        mem_printf("make room, or stop the VM: offline there is no memory: %s", way);

    plan_need_space(p, w->scratch, w->s->machine->ram);
    plan_need_told(p, "where the guest's memory is while its disks go back inside of images", hint);
}

static void add_scratch(struct plan *p, const struct internal_way *w)
{
    plan_need_absent(p, w->scratch);
    if (!w->memory && w->s->machine)
        need_room(p, w);
    plan_image(p, w->scratch, w->like);
    plan_qmp(p, "blockdev-add",
             json_pack("{s:s, s:s, s:{s:s, s:s}}", "driver", "qcow2", "node-name", w->node, "file",
                       "driver", "file", "filename", w->scratch),
             overlay_undo(w->node));
    plan_cleanup_node(p, w->node);
    plan_cleanup_file(p, w->scratch);
}

static void tag_present(struct plan *p, const struct internal_way *w)
{
    /* without the scratch image it is all that is left when the load fails */
    plan_internal_tag(p, &w->o, w->keeps, w->scratch ? undo_tags(w) : NULL);
    for (size_t i = 0; i < w->o.n; i++) {
        const struct graph_disk *d = w->o.list[i].disk;

        if (w->args->discard && !w->args->keep)
            json_array_append_new(p->cleanup, plan_internal_untag(d, w->keeps));
        else
            plan_promise_tag(p, d->id, NULL, w->keeps, true);
    }
}

static void load(struct plan *p, const struct internal_way *w)
{
    json_t *args;

    if (w->s->version < OLDEST_WITH_SNAPSHOT_JOBS) {
        plan_internal_human(p, "loadvm", w->tag);
        plan_undo(p, undo_load(w));
        plan_again(p);
        for (size_t i = 0; i < w->o.n; i++)
            plan_promise_tag(p, w->o.list[i].disk->id, NULL, w->tag, true);
        return;
    }
    if (!w->memory)
        plan_job(p, "snapshot-save", save_arguments(w, "save", w->tag), NULL, NULL);
    args = load_arguments(w, "load", w->tag, w->memory ? w->state : NULL);
    plan_promise_job(p, text(args, "job-id"));
    plan_job(p, "snapshot-load", args, NULL, NULL);
    plan_undo(p, undo_load(w));
    plan_again(p);
}

void internal_way_steps(struct plan *p, const struct internal_way *w)
{
    const struct qrw_revert_args *args = w->args;
    bool runs = w->s->graph->running;
    bool ran = same(text(w->snapshot, "state"), "running") || (runs && !text(w->snapshot, "state"));
    bool go = args->running || (!args->paused && (w->memory ? ran : runs));

    if (w->scratch)
        add_scratch(p, w);
    plan_memory_ready(p, w->s, w->memory && go, w->memory || !args->no_reset);
    if (w->keeps)
        tag_present(p, w);
    load(p, w);
    plan_go_on(p, w->s, !w->memory && !args->no_reset, go, w->memory);
}
