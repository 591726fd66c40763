/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check-graph: what QEMU has, against what is recorded.                 PURE */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/job.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

static json_int_t number(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

/* To follow QEMU hides that what one of its layers showed was overwritten: then that is recorded,
 * too. NULL: it would lose what something inside of one of them needs. */
static json_t *follow(const struct check *k, const struct graph_disk *d)
{
    if (check_any_cut(k, d))
        return NULL;
    json_t *mend = json_pack("{s:s, s:s}", "do", "follow", "disk", d->id);

    for (size_t i = 0; i < d->nlayers; i++) {
        const char *id = chain_layer_by_file(k->c, d->layers[i].file);

        if (id && json_object_get(k->skipped, id))
            check_drop_skewed(k, text(k->skipped, id), mend);
    }
    return mend;
}

/* An overlay that somebody makes lies on a file that is written to no more, but for a moment: what
 * QEMU had yet to write goes there. */
#define MOMENT_NS 10000000000LL

/*
 * Was the layer that is recorded as active written to after what lies on it? Then that is what a
 * merge has left, say, and the guest ran on without it. A left-over that a VM runs on again is new,
 * too: it tells its age.
 */
static bool is_stale_top(const struct check *k, const struct graph_disk *d)
{
    auto_free char *active = chain_layer_file(k->c, chain_active(k->c, d->id));
    const json_t *top = check_file(k, d->layers[0].file), *below = check_file(k, active);
    const json_int_t written = number(below, "mtime_ns"), born = number(top, "born_ns"),
                     moment = k->live ? MOMENT_NS : 0;

    return top && below && !chain_layer_by_file(k->c, d->layers[0].file) &&
           (number(top, "mtime_ns") + moment < written || (born && born + MOMENT_NS < written));
}

/* Has a frozen layer of @d, the lowest in QEMU, lost what is recorded below it (lost_stripped())?
 */
static bool is_stripped(const struct check *k, const struct graph_disk *d)
{
    const char *id = k->live ? lost_stripped(k->c, d) : NULL;
    const json_t *layer = chain_layer(k->c, id);
    auto_free char *file = chain_layer_file(k->c, id);

    return id && check_is_file(k, text(layer, "backing")) &&
           number(check_file(k, file), "size") <=
               number(json_object_get(layer, "fingerprint"), "size");
}

/* Does @d run on what another tool has had it leave, as is recorded? */
static bool is_outdated(const struct check *k, const struct graph_disk *d)
{
    return same(chain_outdated_by(k->c, d->layers[0].file), d->id);
}

/* To follow QEMU records all of its chain: also what hides that, or settles what was merged away.
 */
static bool must_ask(const struct check *k, const struct graph_disk *d)
{
    bool merged = false;

    for (size_t i = 0; i < d->nlayers && !merged; i++) {
        const char *id = chain_layer_by_file(k->c, d->layers[i].file);

        merged = id && (json_object_get(k->merged, id) || json_object_get(k->skipped, id));
    }
    return merged || is_outdated(k, d) || is_stale_top(k, d) || is_stripped(k, d);
}

/* @f is mended by follow(), or not at all. */
static struct finding *unless_cut(struct finding *f)
{
    if (!f->mend)
        *f = (struct finding){.code = f->code, .subject = f->subject};
    return f;
}

/* QEMU runs on something else than the layer that is recorded as the active one. */
static void check_top(struct check *k, const struct graph_disk *d)
{
    auto_free char *active = chain_layer_file(k->c, chain_active(k->c, d->id));
    const char *top = d->layers[0].file;
    struct qmp_error why = {0};

    /* a link in its place is told of with the files */
    if (same(text(check_file(k, active), "link"), top) || !chain_agrees(k->c, d, &why) ||
        (k->pending && !chain_agrees(&k->pending->after, d, NULL)))
        return;
    if (!chain_layer_by_file(k->c, top) && active && graph_layer(d, active)) {
        const bool old = is_outdated(k, d), stale = old || is_stale_top(k, d);

        check_add(k,
                  unless_cut(&(struct finding){"foreign-layer", top,
                                               stale ? "record it, which hides that" : "record it",
                                               follow(k, d), must_ask(k, d)}),
                  old ? "disk %s runs on it, but it was merged into %s below it, and hides what "
                        "was written there since: start QEMU with that one"
                  : stale
                      ? "disk %s runs on it, but %s below it was written to since: if it is what "
                        "a merge has left, start QEMU with that one"
                      : "disk %s runs on it: somebody put it on top of %s",
                  d->id, path_name(active));
    } else if (!check_tell_beneath(k, d, why.desc) && !check_tell_copied(k, d, why.desc)) {
        check_add(k, &(struct finding){.code = "wrong-active", .subject = top}, "%s; %s", why.desc,
                  why.hint);
    }
}

/* Does @d run on a layer that is recorded as frozen? */
static bool runs_beneath(const struct check *k, const struct graph_disk *d)
{
    const char *top = chain_layer_by_file(k->c, d->layers[0].file);

    return top && chain_active(k->c, d->id) && check_is_beneath(k, top);
}

/* What @c has below @file. New string, NULL: nothing. */
static char *recorded_below(const struct chain *c, const char *file)
{
    return chain_layer_file(c, text(chain_layer(c, chain_layer_by_file(c, file)), "backing"));
}

/* Will @below be recorded below @file once what is pending is settled? */
static bool is_under_way(const struct check *k, const char *file, const char *below)
{
    auto_free char *soon = k->pending ? recorded_below(&k->pending->after, file) : NULL;

    return soon && same(soon, below);
}

/* Is @file what the layer @id has moved to? That is told with the files, and what is recorded of it
 * is kept then, under its new name. */
static bool has_moved_to(const struct check *k, const char *id, const char *file)
{
    return id && file && same(text(json_object_get(k->moved, id), "file"), file);
}

/* Layer @i of @d builds on @below, and not on @recorded. */
static void tell_stale(struct check *k, const struct graph_disk *d, size_t i, const char *below,
                       const char *recorded, bool ask)
{
    const char *file = d->layers[i].file;
    json_t *mend = follow(k, d);
    auto_free char *drop = check_dropped(mend);
    auto_free char *repair = mem_printf("record what QEMU has%s", drop);
    auto_free char *image = path_quote(file);
    auto_free char *cut =
        check_is_cut(k, d, i) ? check_cut_hint(k, file)
        : !below && is_stripped(k, d)
            ? mem_printf(", and it has not grown since it was frozen; if its header has lost the "
                         "name, stop the VM%s, then: qrewind -i %s repair --yes",
                         check_file(k, recorded) ? "" : " and put that back where it was", image)
            : mem_strdup("");

    check_add(k, unless_cut(&(struct finding){"stale-record", file, repair, mend, ask}),
              "disk %s: it builds on %s, recorded is %s%s", d->id,
              below ? path_name(below) : "nothing", recorded ? path_name(recorded) : "nothing",
              cut);
}

/* Layer @i of @d builds on another one than is recorded. */
static void check_below(struct check *k, const struct graph_disk *d, size_t i)
{
    const char *file = d->layers[i].file,
               *below = i + 1 < d->nlayers ? d->layers[i + 1].file : NULL;
    auto_free char *recorded = recorded_below(k->c, file);

    const char *id = chain_layer_by_file(k->c, file);

    if (!id || same(recorded, below) || (!recorded && !below) || is_under_way(k, file, below) ||
        json_object_get(k->merged, id) ||
        has_moved_to(k, text(chain_layer(k->c, id), "backing"), below))
        return;
    const bool ask = must_ask(k, d);

    if (below && !chain_layer_by_file(k->c, below) && check_file(k, recorded) &&
        !graph_layer(d, recorded))
        check_add(k,
                  unless_cut(&(struct finding){"foreign-layer", below, "record it instead",
                                               follow(k, d), true}),
                  "disk %s: QEMU has %s on it, and not on %s, which is there, too; if the folder "
                  "was copied, stop the VM before repair --yes: that names the files in it",
                  d->id, path_name(file), recorded);
    else if (below && !chain_layer_by_file(k->c, below))
        check_add(
            k,
            unless_cut(&(struct finding){"foreign-layer", below, "record it", follow(k, d), ask}),
            "disk %s: somebody put it below %s", d->id, path_name(file));
    else
        tell_stale(k, d, i, below, recorded, ask);
}

static bool is_of_a_disk(const struct graph *g, const char *node)
{
    for (size_t i = 0; i < g->ndisks; i++)
        for (size_t n = 0; n < g->disks[i].nlayers; n++)
            if (same(g->disks[i].layers[n].node, node) ||
                same(g->disks[i].layers[n].file_node, node))
                return true;
    return false;
}

/* Does a disk run on a frozen layer? That QEMU has open what lay above tells why. */
static bool is_proof(const struct check *k)
{
    const struct graph *g = k->s->graph;

    for (size_t i = 0; i < g->ndisks; i++)
        if (!graph_skip_reason(&g->disks[i]) && runs_beneath(k, &g->disks[i]))
            return true;
    return false;
}

/* What is under way has nodes of its own. */
static void check_nodes(struct check *k)
{
    const json_t *node;
    size_t i;

    json_array_foreach(json_object_get(k->survey, "nodes"), i, node) {
        const char *name = json_string_value(node);

        if (is_of_a_disk(k->s->graph, name))
            continue;
        if (is_proof(k)) {
            check_add(k, &(struct finding){.code = "leaked-node", .subject = name},
                      "QEMU has it open, and no disk uses it; it stays until it is settled what "
                      "the disks are to run on");
            continue;
        }
        check_add(k,
                  &(struct finding){"leaked-node", name, "close it",
                                    json_pack("{s:s, s:s}", "do", "close", "node", name), false},
                  "QEMU has it open, and no disk uses it");
    }
}

void check_troubles(struct check *k)
{
    const bool unrecorded = json_is_true(json_object_get(k->survey, "unrecorded"));
    const struct graph *g = k->s->graph;

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];
        const struct graph_layer *l = graph_trouble(d);

        if (graph_skip_reason(d) || !l || (chain_active(k->c, d->id) && !unrecorded) ||
            check_is_told(k->findings, l->file))
            continue;
        check_add(k,
                  &(struct finding){.code = graph_is_loop(d) ? "backing-loop" : "unreadable-image",
                                    .subject = l->file},
                  "disk %s cannot be used: %s", d->id, l->trouble);
    }
}

void check_graph(struct check *k)
{
    const struct graph *g = k->s->graph;

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];

        if (graph_skip_reason(d) || !chain_active(k->c, d->id))
            continue;
        check_top(k, d);
        /* to follow QEMU from there on would hide that it is the wrong one */
        for (size_t n = 0; k->live && !runs_beneath(k, d) && n < d->nlayers; n++)
            check_below(k, d, n);
    }
    for (size_t i = 0; i < g->njobs; i++)
        if (graph_job_is_left(&g->jobs[i]) && !chain_pending(k->c))
            check_add(k,
                      &(struct finding){"ended-job", g->jobs[i].id, "dismiss it",
                                        json_pack("{s:s}", "do", "settle"), false},
                      "the job has ended, and nobody has told QEMU to forget it");
    if (!graph_works(g) && !chain_pending(k->c))
        check_nodes(k);
}
