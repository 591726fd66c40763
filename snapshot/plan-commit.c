/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commit: write the data of a span of layers down into the layer below them.
 *
 *   base <- mid <- top <- above     ==>     base' <- above
 *   base <- mid <- active           ==>     base' (active)
 *
 * The base's content becomes the top's. So a snapshot that pins the top is pinned by
 * the base from now on, and one that pins the base or anything between would lose its
 * content: refused, or with --force the snapshot is dropped. Whoever else builds on
 * the base or a layer between would be ruined: always refused.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "snapshot/plan-delete.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-merge.h"

/* The layers [top, base) of the disk go down into layer base. */
struct span {
    const struct graph_disk *d;
    size_t top, base;
};

static int find_span(struct span *m, const struct scene *s, const struct qrw_commit_args *args,
                     struct qmp_error *err)
{
    const struct graph_layer *top, *base;

    m->d = plan_merge_disk(s, args->disk, err);
    if (!m->d)
        return -1;
    top = args->top ? plan_find_layer(s, m->d, args->top, err) : m->d->layers;
    if (!top)
        return -1;
    m->top = (size_t)(top - m->d->layers);
    if (m->top + 1 == m->d->nlayers)
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s has no backing file to commit into",
                             path_name(top->file));
    base = args->base ? plan_find_layer(s, m->d, args->base, err) : top + 1;
    if (!base)
        return -1;
    m->base = (size_t)(base - m->d->layers);
    if (m->base <= m->top)
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s does not lie below %s",
                             path_name(base->file), path_name(top->file));
    return 0;
}

/* Which snapshots would lose their content: those that pin (top, base]. */
static int drop_pins(struct plan *p, const struct span *m, bool force, struct qmp_error *err)
{
    for (size_t i = m->top + 1; i <= m->base; i++) {
        const char *id = chain_layer_by_file(&p->after, m->d->layers[i].file);
        auto_free char *names = chain_pins(&p->after, id);

        if (names && !force) {
            qmp_error_set(err, QRW_ERR_REFUSED, "%s holds the content of snapshot %s",
                          path_name(m->d->layers[i].file), names);
            return qmp_error_hint(err, "--force drops the snapshot; stream merges without "
                                       "touching it");
        }
        for (const char *name; (name = chain_pinned_by(&p->after, id));) {
            plan_note(p, "snapshot %s is dropped", name);
            plan_drop_snapshot(p, name, false);
        }
    }
    return 0;
}

static int ruins(struct qmp_error *err, const char *kind, const char *who, const char *does,
                 const char *file)
{
    qmp_error_set(err, QRW_ERR_REFUSED, "%s%s also %s %s: committing would ruin it", kind, who,
                  does, path_name(file));
    return qmp_error_hint(err, "qrewind stream pulls the data up instead");
}

/* A layer outside the span that builds on (top, base] would read changed data. */
static int check_siblings(const struct plan *p, const struct span *m, struct qmp_error *err)
{
    for (size_t i = m->top + 1; i <= m->base; i++) {
        const char *below = chain_layer_by_file(&p->after, m->d->layers[i].file);
        const char *above = chain_layer_by_file(&p->after, m->d->layers[i - 1].file);
        auto_free char *other = chain_other_child(&p->after, below, above);

        if (other)
            return ruins(err, "", other, "builds on", m->d->layers[i].file);
    }
    return 0;
}

/* Nor may another disk of the VM have them, which the document need not know. */
static int check_disks(const struct graph *g, const struct span *m, struct qmp_error *err)
{
    for (size_t k = 0; k < g->ndisks; k++)
        for (size_t i = m->top + 1; i <= m->base && &g->disks[k] != m->d; i++)
            if (graph_layer(&g->disks[k], m->d->layers[i].file))
                return ruins(err, "disk ", g->disks[k].id, "uses", m->d->layers[i].file);
    return 0;
}

static void record(struct plan *p, const struct span *m, bool keep_files)
{
    const struct graph_layer *l = m->d->layers;
    const char *base = chain_layer_by_file(&p->after, l[m->base].file);
    const char *top = chain_layer_by_file(&p->after, l[m->top].file);

    /* what the top was, the base is from now on */
    chain_touch(&p->after, base);
    chain_set_loose(&p->after, base, chain_is_loose(&p->after, top));
    if (m->top == 0) {
        chain_set_active(&p->after, m->d->id, base);
        plan_promise(p, m->d->id, l[m->base].file,
                     m->base + 1 < m->d->nlayers ? l[m->base + 1].file : NULL, true);
    } else {
        if (chain_pinned_by(&p->after, top)) {
            chain_move_pins(&p->after, top, base);
            chain_loosen(&p->after, top); /* it stays where others build on it */
        }
        chain_set_backing(&p->after, chain_layer_by_file(&p->after, l[m->top - 1].file), base);
        plan_promise(p, m->d->id, l[m->top - 1].file, l[m->base].file, m->top == 1);
    }
    plan_retire(p, m->d, m->top, m->base, keep_files);
}

static json_t *arguments(const struct span *m, int64_t speed)
{
    const struct graph_layer *l = m->d->layers;
    json_t *args = plan_job_arguments("commit", m->d, m->d->node, speed);

    json_object_set_new(args, "base-node", json_string(l[m->base].node));
    if (m->top) {
        const char *backing = plan_backing_string(&l[m->base]);

        json_object_set_new(args, "top-node", json_string(l[m->top].node));
        if (backing)
            json_object_set_new(args, "backing-file", json_string(backing));
    }
    return args;
}

/* What the base can grow by: what is above it, but no more than it lacks. */
static int64_t growth(const struct span *m)
{
    const struct graph_layer *base = &m->d->layers[m->base];
    int64_t data = plan_data(m->d, m->top, m->base);
    int64_t lacking = base->allocated < 0 ? data : base->size - base->allocated;

    return lacking < 0 ? 0 : data < lacking ? data : lacking;
}

static int plan(struct plan *p, const struct scene *s, const void *arguments_,
                struct qmp_error *err)
{
    const struct qrw_commit_args *args = arguments_;
    struct span m = {0};

    if (find_span(&m, s, args, err))
        return -1;
    chain_follow(&p->after, m.d);
    for (size_t i = m.top; i < m.base; i++)
        if (plan_check_inside(m.d, &m.d->layers[i], err))
            return -1;
    if (plan_check_sound(m.d, m.top, m.base + 1, err) || plan_check_ends(m.d, m.top, m.base, err) ||
        check_disks(s->graph, &m, err) || check_siblings(p, &m, err) ||
        drop_pins(p, &m, args->force, err))
        return -1;
    for (size_t i = m.top ? m.top : 1; i <= m.base; i++)
        plan_need_own(p, s, &m.d->layers[i]);
    if (graph_has_folder(m.d->layers[m.base].file) && s->files_reachable)
        plan_need_space(p, m.d->layers[m.base].file, growth(&m));
    plan_job(p, "block-commit", arguments(&m, args->speed), m.d->id, m.top ? NULL : "complete");
    p->fills = !m.top;
    record(p, &m, args->keep_files);
    return 0;
}

/* a snapshot that was dropped leaves layers on other disks */
const struct qrw_operation qrw_commit = {
    .name = "commit", .level = GRAPH_NODES, .plan = plan, .tidies = true};
