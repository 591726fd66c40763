/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-dead: an active layer that is marked as damaged, is no image any more, or is gone.
 *
 *   base* <- s1* <- X (dead)          the engine:  base <- s1, read-only
 *                                     the graph:   base <- s1 <- X, which has no node
 *
 * No engine opens X, but what snapshots hold is whole. So it gets the layer below, which nobody
 * writes to; planners see X on top of that, where it is. An overlay can be put there in its place,
 * and gone back to any snapshot from it (revert, undo); snapshots can be deleted, but for the
 * merges; and what was interrupted can be settled. All else is refused.
 */
#include "snapshot/vm-dead.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph-files.h"
#include "snapshot/graph-open.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-lost.h"
#include "snapshot/vm-offline.h"

/* What one may not read may be sound. */
static bool may_read(const char *file)
{
    struct image_stat st;
    auto_close int fd =
        image_stat(file, &st, NULL) || !st.regular ? -1 : image_open(file, false, NULL);

    return fd >= 0;
}

static bool is_dead(const struct graph_disk *d)
{
    const struct graph_layer *l = &d->layers[0];

    return l->corrupt || (l->trouble && (image_is_gone(l->file) || may_read(l->file)));
}

/* Add to @g what is below the top of @d, by the header, or by the record @c. False: nothing is. */
static bool add_below(struct graph *g, const struct graph_disk *d, const struct chain *c)
{
    const char *id = chain_layer_by_file(c, d->layers[0].file);
    const char *below = text(chain_layer(c, id), "backing");
    auto_free char *file = chain_layer_file(c, below);
    const char *format = text(chain_layer(c, below), "format");

    if (!id || !chain_is_active(c, id) || !file)
        return false;
    graph_files_add(g, d->id, file, format, c);
    g->disks[g->ndisks - 1].read_only = true;
    return true;
}

static json_t *remembered(const struct graph_layer *l, const char *below)
{
    return json_pack("{s:s, s:s, s:I, s:b, s:s*, s:s}", "file", l->file, "format", l->format,
                     "size", (json_int_t)l->size, "corrupt", l->corrupt, "trouble", l->trouble,
                     "below", below);
}

static bool add_disk(struct qrw_vm *vm, const struct graph_disk *d, const struct chain *c,
                     struct graph *g)
{
    const struct graph_layer *top = &d->layers[0];

    if (!is_dead(d)) {
        graph_files_add(g, d->id, top->file, top->format, c);
        json_array_append_new(vm->dead, json_null());
    } else if (add_below(g, d, c)) {
        const char *below = g->disks[g->ndisks - 1].layers[0].file;

        json_array_append_new(vm->dead, remembered(top, below));
    } else {
        return false;
    }
    return !graph_check_open(&g->disks[g->ndisks - 1], NULL);
}

bool vm_without_dead(struct qrw_vm *vm, struct graph *g)
{
    struct chain c = {0};
    bool good = true;

    json_array_clear(vm->dead);
    if (!vm->sidecar_found || !sidecar_exists(vm->sidecar_found) ||
        sidecar_load(&c, vm->sidecar_found, NULL, NULL, NULL))
        return false;
    for (size_t i = 0; i < vm->graph.ndisks && good; i++)
        good = add_disk(vm, &vm->graph.disks[i], &c, g);
    chain_done(&c);
    return good;
}

pid_t vm_dead_user(const struct qrw_vm *vm, struct qmp_error *err)
{
    const json_t *l;
    char who[256];
    pid_t pid = 0;
    size_t i;

    json_array_foreach(vm->dead, i, l) {
        const char *file = text(l, "file");

        if (!pid && file && (pid = image_locked(file, 0, who, sizeof(who))))
            qmp_error_set(err, QRW_ERR_LOCKED, "%s is in use by %s", file, who);
    }
    return pid;
}

/* Does QEMU tell what @d has below @dead, and no overlay in its place? */
static bool is_below(const struct graph_disk *d, const json_t *dead)
{
    struct image_stat a, b;

    return text(dead, "below") && d->nlayers && !image_stat(d->layers[0].file, &a, NULL) &&
           !image_stat(text(dead, "below"), &b, NULL) && a.exists && b.exists && image_same(&a, &b);
}

static void show(struct graph_disk *d, const json_t *dead)
{
    graph_add_layer(d);
    memmove(d->layers + 1, d->layers, (d->nlayers - 1) * sizeof(*d->layers));
    d->layers[0] = (struct graph_layer){
        .file = mem_strdup(text(dead, "file")),
        .spelling = mem_strdup(text(dead, "file")),
        .format = mem_strdup(text(dead, "format")),
        .backing = mem_strdup(d->layers[1].file),
        .size = json_integer_value(json_object_get(dead, "size")),
        .allocated = -1,
        .corrupt = json_is_true(json_object_get(dead, "corrupt")),
        .trouble = mem_strdup(text(dead, "trouble")),
        .dead = true,
    };
}

void vm_show_dead(struct qrw_vm *vm)
{
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        const json_t *dead = json_array_get(vm->dead, i);

        if (is_below(&vm->graph.disks[i], dead))
            show(&vm->graph.disks[i], dead);
    }
}

int vm_may_plan(const struct qrw_vm *vm, const struct qrw_operation *op, struct qmp_error *err)
{
    if (!vm->engine || op->leaves || !vm_check_files(&vm->graph, err))
        return 0;
    return vm_lost(vm, err);
}
