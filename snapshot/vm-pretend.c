/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-pretend: graph and document as a plan promises them, for what a dry run plans after it.
 *
 * Layers that leave a chain are easy. What goes on top (a fresh overlay, or what an undo point
 * held) has the nodes that the steps of the plan give it, and below it what the new document says:
 * that is in the graph already, or lies on another branch, in files.
 */
#include "snapshot/vm-private.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph-files.h"
#include "snapshot/member.h"

/* The layers from @backing (NULL: the end) up to @fact's are one now. */
static bool merge(const json_t *fact, struct graph_disk *d)
{
    const char *backing = text(fact, "backing");
    const struct graph_layer *l = graph_layer(d, text(fact, "layer"));
    const struct graph_layer *below = backing ? graph_layer(d, backing) : d->layers + d->nlayers;

    if (!l || !below || below <= l)
        return false;
    size_t at = (size_t)(l - d->layers), to = (size_t)(below - d->layers);
    graph_merge(d, at + 1, to, at);
    if (json_is_true(json_object_get(fact, "top")))
        graph_merge(d, 0, at, at);
    return true;
}

/* How @step opens @file, NULL: it does not. Borrowed. */
static const json_t *opens(const json_t *step, const char *file)
{
    const json_t *found = NULL, *value;
    const char *key;
    size_t i;

    if (same(text(json_object_get(step, "file"), "filename"), file) ||
        same(text(step, "snapshot-file"), file))
        return step;
    json_object_foreach((json_t *)step, key, value)
        if (!found)
            found = opens(value, file);
    json_array_foreach(step, i, value)
        if (!found)
            found = opens(value, file);
    return found;
}

/* What QEMU would say of @l, the layer @id of what the plan leaves. What it calls a node that
 * nobody names is not known before. */
static void fill(struct graph_layer *l, const struct plan *p, const char *id, const char *file)
{
    const json_t *node = opens(p->steps, file), *own = json_object_get(node, "file");
    const char *name = text(node, "node-name");
    struct graph there = {0};
    const struct graph_layer *seen;

    graph_files_add(&there, "", file, text(chain_layer(&p->after, id), "format"), &p->after);
    seen = graph_active(&there.disks[0]);
    l->file = mem_strdup(file);
    l->spelling = mem_strdup(file);
    l->format = mem_strdup(text(chain_layer(&p->after, id), "format"));
    l->node = mem_strdup(name ? name : text(node, "snapshot-node-name"));
    l->file_node = mem_strdup(text(own, "node-name") ? text(own, "node-name") : "#block");
    l->size = chain_layer_size(&p->after, id);
    if (!seen->trouble) {
        l->size = seen->size;
        l->allocated = seen->allocated;
        l->cluster_size = seen->cluster_size;
        l->encrypted = seen->encrypted;
        l->corrupt = seen->corrupt;
        l->tags = seen->tags;
        l->ntags = seen->ntags;
        there.disks[0].layers[0].tags = NULL;
        there.disks[0].layers[0].ntags = 0;
    }
    graph_done(&there);
}

/* @d runs on @fact's layer, and on what the document of @p has below it. */
static bool restack(const struct plan *p, const json_t *fact, struct graph_disk *d)
{
    const char *id = chain_layer_by_file(&p->after, text(fact, "layer"));
    struct graph other = {0};
    struct graph_disk *new = graph_add_disk(&other);

    for (; id; id = text(chain_layer(&p->after, id), "backing")) {
        auto_free char *file = chain_layer_file(&p->after, id);
        const struct graph_layer *l = graph_layer(d, file);

        if (!l) {
            fill(graph_add_layer(new), p, id, file);
            continue;
        }
        for (size_t i = (size_t)(l - d->layers); i < d->nlayers; i++) {
            struct graph_layer *to = graph_add_layer(new), none = *to;

            *to = d->layers[i];
            d->layers[i] = none;
        }
        break;
    }
    const bool known = new->nlayers &&new->layers[0].node;
    if (known) {
        struct graph_disk was = *d;

        d->layers = new->layers;
        d->nlayers = new->nlayers;
        new->layers = was.layers;
        new->nlayers = was.nlayers;
        free(d->node);
        d->node = mem_strdup(d->layers[0].node);
    }
    graph_done(&other);
    return known;
}

static bool tag(const json_t *fact, struct graph_disk *d)
{
    const char *layer = text(fact, "layer"), *name = text(fact, "tag");
    struct graph_layer *l = (struct graph_layer *)(layer ? graph_layer(d, layer) : graph_active(d));

    for (size_t k = 0; k < d->nlayers; k++)
        graph_tags_drop(&d->layers[k], name);
    if (!l || !json_is_true(json_object_get(fact, "there")))
        return true;
    l->tags = mem_grow(l->tags, l->ntags + 1, sizeof(*l->tags));
    l->tags[l->ntags++] = (struct graph_tag){.id = mem_strdup(name), .name = mem_strdup(name)};
    return true;
}

static bool let_show(struct graph *g, const struct plan *p)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(p->promise, i, fact) {
        struct graph_disk *d = (struct graph_disk *)graph_disk(g, text(fact, "disk"));

        if (text(fact, "saved"))
            continue;
        if (!d || !(text(fact, "tag") ? tag(fact, d) : merge(fact, d) || restack(p, fact, d)))
            return false;
    }
    return true;
}

static void let_record(struct journal *j, const struct plan *p)
{
    json_int_t generation = chain_generation(&j->chain);

    if (!j->pretended)
        j->pretended = json_array();
    plan_cleaned(p, j->pretended);
    chain_done(&j->chain);
    chain_copy(&j->chain, &p->after);
    json_object_set_new(j->chain.doc, "generation", json_integer(generation + 1));
}

bool vm_pretend(struct qrw_vm *vm, struct journal *j, const struct plan *p)
{
    if (!let_show(&vm->graph, p))
        return false;
    let_record(j, p);
    return true;
}

int vm_pretend_again(struct qrw_vm *vm, struct journal *j, struct qmp_error *err)
{
    if (vm->before.promise && vm_pretend(vm, j, &vm->before))
        return 0;
    return qmp_error_set(err, QRW_ERR_UNSUPPORTED, "what comes before cannot be foretold");
}
