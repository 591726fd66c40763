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

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-merge.h"

/* A longer list would be cut off in a hint. */
enum { MAX_WAY = 240 };

/* What has to go before the disks run on the layers with the tags again. */
struct above {
    json_t *names; /* of snapshots: the keys of an object */
    bool undo;
    json_t *merges; /* the arguments of commit: an array, one for each disk */
};

/* Does it hold, or lie in, a layer above @layer, or @layer itself? */
static bool is_above(const struct chain *c, const json_t *snapshot, const char *disk,
                     const char *layer)
{
    const json_t *held = json_object_get(json_object_get(snapshot, "disks"), disk);
    const char *inside = text(held, "inside");

    if (text(held, "layer"))
        return chain_is_below(c, layer, text(held, "layer"));
    return inside && !same(inside, layer) && chain_is_below(c, layer, inside);
}

/* What commit takes to merge all above @layer of @d into it. New string. */
static char *merge(const struct scene *s, const struct graph_disk *d,
                   const struct graph_layer *layer)
{
    const char *name = path_name(layer->file);
    const bool one = plan_find_layer(s, d, name, NULL) == layer;
    auto_free char *disk = path_argument(d->id), *base = path_argument(one ? name : layer->file);

    return mem_printf("%s --base %s", disk, base);
}

/* @layer of @d has the tag. */
static void find_above(struct above *a, const struct scene *s, const struct graph_disk *d,
                       const struct graph_layer *layer)
{
    const char *id = chain_layer_by_file(s->chain, layer->file);
    json_t *snapshot;
    size_t i;

    json_array_foreach(chain_snapshots(s->chain), i, snapshot)
        if (id && is_above(s->chain, snapshot, d->id, id))
            json_object_set_new(a->names, text(snapshot, "name"), json_true());
    a->undo = a->undo || (id && is_above(s->chain, chain_undo(s->chain), d->id, id));
    for (const struct graph_layer *l = d->layers; l < layer; l++)
        for (i = 0; i < l->ntags; i++)
            if (!internal_is_undo(l->tags[i].name))
                json_object_set_new(a->names, l->tags[i].name, json_true());
    if (layer == d->layers)
        return;
    auto_free char *merged = merge(s, d, layer);
    json_array_append_new(a->merges, json_string(merged));
}

/* "qrewind delete --undo NAME...", "" if there is nothing to delete. New string. */
static char *deletion(const struct above *a)
{
    const bool any = a->undo || json_object_size(a->names);
    char *line = mem_printf("%s%s", any ? "qrewind delete" : "", a->undo ? " --undo" : "");
    const char *name;
    json_t *value;

    json_object_foreach(a->names, name, value) {
        auto_free char *argument = path_argument(name), *was = line;

        line = mem_printf("%s %s", was, argument);
    }
    return line;
}

/* The commands. New string; NULL: the layers are of another branch, and there are none. */
static char *way_down(const struct way_back *w)
{
    json_auto_t *names = json_object(), *merges = json_array();
    struct above a = {.names = names, .merges = merges};
    const char *disk;
    json_t *held, *merged;
    size_t i;

    json_object_foreach(w->tags, disk, held) {
        auto_free char *file = internal_file(w->s->graph, w->s->chain, disk, held);
        const struct graph_disk *d = graph_disk(w->s->graph, disk);
        const struct graph_layer *l = d && file ? graph_layer(d, file) : NULL;

        if (!l)
            return NULL;
        find_above(&a, w->s, d, l);
    }
    char *line = deletion(&a);
    json_array_foreach(merges, i, merged) {
        auto_free char *was = line;

        line = mem_printf("%s%sqrewind commit %s", was,
                          i        ? "; "
                          : was[0] ? "; and as long as a disk does not run on it, "
                                   : "",
                          json_string_value(merged));
    }
    return line;
}

static int hint_memory(const struct way_back *w, struct qmp_error *err)
{
    auto_free char *found = way_down(w);
    const char *way = found && strlen(found) < MAX_WAY ? found : NULL;

    return qmp_error_hint(err, "--no-memory takes the disks back, and resets the guest%s%s",
                          way ? "; with the memory it goes only without what is above: " : "",
                          way ? way : "");
}

/* QEMU loads memory only together with the disk that it lies in. */
static int refuse_memory(const struct way_back *w, const struct graph_disk *d, const char *file,
                         struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "disk %s: '%s' lies in %s, which the disk does not run on now: its memory cannot "
                  "be loaded",
                  d->id, w->name, file);
    return hint_memory(w, err);
}

/* The copy would be made by qemu-img, which has no key. */
static int refuse_encrypted(const struct way_back *w, const struct graph_disk *d, const char *file,
                            struct qmp_error *err)
{
    auto_free char *found = way_down(w);

    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "disk %s: '%s' lies in %s, which the disk does not run on now, and that is "
                  "encrypted: it cannot be copied out",
                  d->id, w->name, file);
    if (!found || strlen(found) >= MAX_WAY)
        return -1;
    return qmp_error_hint(err, "it goes only without what is above: %s", found);
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
        return memory ? hint_memory(w, err)
                      : qmp_error_hint(
                            err, "put an overlay there too: qrewind create NAME --disk %s", disk);
    }
    const struct graph_layer *l = graph_layer(d, file);
    if (l && l->encrypted)
        return refuse_encrypted(w, d, file, err);
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
    struct graph_layer source = recorded(&p->after, id, file);
    const struct graph_layer backing = recorded(&p->after, below, below_file);
    const struct graph_layer *open = graph_layer(d, file);
    const int64_t then =
        file && w->s->resized_since ? w->s->resized_since(file, text(held, "tag")) : 0;

    if (then)
        source.size = then;

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
