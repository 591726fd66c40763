/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream: pull the data of the layers below up into a layer.
 *
 *   base <- mid <- top     ==>     base <- top'          (--base)
 *   base <- mid <- top     ==>     top'                  (without)
 *
 * What is pulled from is only read, and what the layer shows does not change: no
 * snapshot can lose its content. A layer that is pinned leaves the chain but stays.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-merge.h"
#include "snapshot/plan-overlay.h"

static json_t *arguments(const struct graph_disk *d, const struct graph_layer *top,
                         const struct graph_layer *base, int64_t speed)
{
    json_t *args = plan_job_arguments("stream", d, top->node, speed);
    const char *backing = base ? plan_backing_string(base) : NULL;

    if (base)
        json_object_set_new(args, "base-node", json_string(base->node));
    if (backing)
        json_object_set_new(args, "backing-file", json_string(backing));
    return args;
}

static int plan(struct plan *p, const struct scene *s, const void *arguments_,
                struct qmp_error *err)
{
    const struct qrw_commit_args *args = arguments_;
    const struct graph_disk *d = plan_merge_disk(s, args->disk, err);
    const struct graph_layer *top, *base = NULL;

    if (!d)
        return -1;
    top = args->top ? plan_find_layer(s, d, args->top, err) : d->layers;
    if (!top || (args->base && !(base = plan_find_layer(s, d, args->base, err))))
        return -1;
    if (base && base <= top)
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s does not lie below %s",
                             path_name(base->file), path_name(top->file));

    size_t from = (size_t)(top - d->layers) + 1;
    size_t to = base ? (size_t)(base - d->layers) : d->nlayers;
    if (from == to) {
        plan_note(p, "nothing to do: %s %s%s", path_name(top->file),
                  base ? "lies directly on " : "has no backing file",
                  base ? path_name(base->file) : "");
        return 0;
    }
    if (plan_check_sound(d, from - 1, to, err) || plan_check_inside(d, top, err) ||
        (base && plan_check_ends(d, from, to, err)))
        return -1;
    if (top != d->layers)
        plan_need_own(p, s, top);
    if (graph_has_folder(top->file) && s->files_reachable)
        plan_need_space(p, top->file, plan_data(d, from, to));
    plan_job(p, "block-stream", arguments(d, top, base, args->speed), d->id, NULL);

    chain_follow(&p->after, d);
    const char *id = chain_layer_by_file(&p->after, top->file);
    chain_set_backing(&p->after, id, base ? chain_layer_by_file(&p->after, base->file) : NULL);
    chain_touch(&p->after, id);
    plan_promise(p, d->id, top->file, base ? base->file : NULL, top == d->layers);
    if (top != d->layers)
        plan_end_writing(p, s, d, top, base);
    plan_retire(p, d, from, to, args->keep_files);
    return 0;
}

/* a layer that two branches shared may be left with one */
const struct qrw_operation qrw_stream = {
    .name = "stream", .level = GRAPH_NODES, .plan = plan, .tidies = true};
