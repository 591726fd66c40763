/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-revert-copy: back to a snapshot inside of an image that the disk does not run on.
 *
 *   base <- L [t1] <- active     ==>     base <- L [t1] <- active     the undo point
 *                                            \<- copy (active)
 *
 * What L shows is frozen, so L cannot go back itself. What t1 shows is copied out of it while
 * the guest runs, and the guest goes on in the copy.
 */
#include "snapshot/plan-revert.h"

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/plan-merge.h"

/* QEMU loads memory only together with the disk that it lies in. */
static int refuse_memory(const struct way_back *w, const struct graph_disk *d, const char *file,
                         struct qmp_error *err)
{
    const struct graph_layer *l = graph_layer(d, file);
    const char *id = chain_layer_by_file(w->s->chain, file);
    auto_free char *names = l ? chain_pins(w->s->chain, id) : NULL;

    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "disk %s: '%s' lies in %s, which the disk does not run on now: its memory cannot "
                  "be loaded",
                  d->id, w->name, file);
    return qmp_error_hint(err, "--no-memory takes the disks back, and resets the guest%s%s%s%s",
                          names ? "; with the memory it goes without what is above: qrewind delete "
                                : "",
                          names ? names : "", names ? ", qrewind commit " : "", names ? d->id : "");
}

static int check_tag(const struct way_back *w, const char *disk, const json_t *held, bool memory,
                     struct qmp_error *err)
{
    auto_free char *file = internal_file(w->s->graph, w->s->chain, disk, held);
    const struct graph_disk *d = graph_disk(w->s->graph, disk);

    if (!d || !d->nlayers)
        return 0; /* who looks for the disks says so */
    if (!file)
        return internal_gone(disk, w->name, err);
    if (same(file, d->layers[0].file)) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "disk %s runs on the image with '%s', other disks no longer do", disk,
                      w->name);
        return qmp_error_hint(err, "put an overlay there too: qrewind create NAME --disk %s", disk);
    }
    return memory ? refuse_memory(w, d, file, err) : 0;
}

int way_check_tags(struct way_back *w, json_t *snapshot, struct qmp_error *err)
{
    bool memory = json_is_object(json_object_get(snapshot, "memory")) && !w->args->no_memory &&
                  !graph_is_off(w->s->graph);
    const char *disk;
    json_t *held;

    w->tags = json_incref(json_object_get(snapshot, "disks"));
    w->disks = json_object();
    json_object_foreach(w->tags, disk, held)
        if (check_tag(w, disk, held, memory, err))
            return -1;
    return 0;
}

/* Layer @id of the document, as far as it is known there. Its strings are borrowed from @file. */
static struct graph_layer recorded(const struct chain *c, const char *id, char *file)
{
    return (struct graph_layer){.file = file,
                                .spelling = file,
                                .format = (char *)text(chain_layer(c, id), "format"),
                                .size = chain_layer_size(c, id)};
}

static void copy(struct plan *p, struct way_back *w, struct overlays *copies, size_t at)
{
    const struct graph_disk *d = w->o.list[at].disk;
    const json_t *held = json_object_get(w->tags, d->id);
    auto_free char *file = internal_file(w->s->graph, w->s->chain, d->id, held);
    const char *id = chain_layer_by_file(&p->after, file);
    const char *below = text(chain_layer(&p->after, id), "backing");
    auto_free char *below_file = chain_layer_file(&p->after, below);
    const struct graph_layer source = recorded(&p->after, id, file);
    const struct graph_layer backing = recorded(&p->after, below, below_file);
    const struct graph_layer *open = graph_layer(d, file);

    overlays_add(copies, w->s, d);
    overlays_name(copies, at, w->s, w->name);
    plan_need_free(p, copies->list[at].file);
    if (open)
        plan_need_space(p, copies->list[at].file, open->allocated);
    plan_copy(p, copies->list[at].file, &source, text(held, "tag"), below ? &backing : NULL);
    json_object_set_new(w->disks, d->id,
                        json_pack("{s:s}", "layer",
                                  chain_add_layer(&p->after, copies->list[at].file, "qcow2",
                                                  source.size, below, true)));
}

void way_copy(struct plan *p, struct way_back *w)
{
    auto_overlays struct overlays copies = {0};

    for (size_t i = 0; i < w->o.n; i++)
        copy(p, w, &copies, i);
    for (size_t i = 0; i < w->o.n; i++)
        plan_sync(p, copies.list[i].file);
}
