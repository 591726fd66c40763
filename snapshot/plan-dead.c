/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-dead: see plan-dead.h. */
#include "snapshot/plan-dead.h"

#include "qmp/mem.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"

bool plan_dead_is_gone(const struct graph_disk *d)
{
    return d->nlayers && d->layers[0].dead && d->layers[0].lost;
}

/* The dead layer of @disk, if @held is inside of that. */
static const struct graph_layer *find(const struct scene *s, const char *disk, const json_t *held)
{
    const struct graph_disk *d = graph_disk(s->graph, disk);
    const struct graph_layer *top = d && d->nlayers ? &d->layers[0] : NULL;
    const char *id = top && top->dead ? chain_layer_by_file(s->chain, top->file) : NULL;

    return id && text(held, "tag") && same(text(held, "inside"), id) ? top : NULL;
}

bool plan_dead_has(const struct scene *s, const char *disk, const json_t *held)
{
    const struct graph_layer *l = find(s, disk, held);

    return l && !l->lost;
}

/* How to leave it as @c is. */
static char *way_back(const struct chain *c, const struct graph_layer *l)
{
    return lost_way_back(c, chain_layer_by_file(c, l->file), l->lost);
}

int plan_dead_check_inside(const struct scene *s, const json_t *snapshot, struct qmp_error *err)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), disk, held) {
        const struct graph_layer *l = find(s, disk, held);

        if (!l)
            continue;
        auto_free char *way = way_back(s->chain, l);
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s: it lies in %s, which %s", disk, l->file,
                      l->lost      ? "is not there"
                      : l->corrupt ? "is marked as damaged"
                                   : "cannot be read");
        return qmp_error_hint(err, "get it back from a copy%s%s",
                              way ? "; or go back to another one: " : "", way ? way : "");
    }
    return 0;
}

int plan_dead_check_way(const struct plan *p, const struct scene *s, struct qmp_error *err)
{
    for (size_t i = 0; i < s->graph->ndisks; i++) {
        const struct graph_disk *d = &s->graph->disks[i];
        const struct graph_layer *l = d->nlayers && d->layers[0].dead ? &d->layers[0] : NULL;
        auto_free char *before = l ? way_back(s->chain, l) : NULL;
        auto_free char *after = before ? way_back(&p->after, l) : NULL;

        if (!before || after)
            continue;
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "disk %s: %s %s, and nothing would be left to go back to", d->id, l->file,
                      l->lost ? "is not there" : "cannot be opened");
        return qmp_error_hint(err, "first: %s", before);
    }
    return 0;
}
