/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-lost: see vm-lost.h. */
#include "snapshot/vm-lost.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph-files.h"
#include "snapshot/image.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

/* The active layer of a disk, which is there, but cannot be opened. */
static const struct graph_layer *find_damaged(const struct graph *g)
{
    for (size_t i = 0; i < g->ndisks; i++)
        if (g->disks[i].layers[0].corrupt || g->disks[i].layers[0].trouble)
            return &g->disks[i].layers[0];
    return NULL;
}

static const struct graph_layer *find_trouble(const struct graph *g)
{
    const struct graph_layer *l = NULL;

    for (size_t i = 0; i < g->ndisks && !l; i++)
        l = graph_trouble(&g->disks[i]);
    return l;
}

static bool is_there(const char *file)
{
    return file && (!graph_is_path(file) || image_is_there(file));
}

/* What the record makes of it. New string, NULL: nothing helps. */
static char *cure(const struct chain *c, const char *file)
{
    const char *id = chain_layer_by_file(c, file);
    auto_free char *below = chain_layer_file(c, text(chain_layer(c, id), "backing"));

    return is_there(below) ? lost_cure(c, id) : NULL;
}

static void hint(const struct chain *c, const char *file, struct qmp_error *err)
{
    auto_free char *folder = path_folder(file);
    auto_free char *words = cure(c, file);

    if (!chain_layer_by_file(c, file))
        qmp_error_hint(err, "the record knows of no such layer: qrewind check says what it has, "
                            "and repair mends the headers of a folder that was moved");
    else if (image_is_gone(folder))
        qmp_error_hint(err, "mount what its folder lies on; if it was moved, name the disk's image "
                            "where it is now, too: qrewind --image FILE repair");
    else if (words && strlen(words) + 32 < sizeof(err->hint))
        qmp_error_hint(err, "get it back from a copy; %s", words);
    else
        qmp_error_hint(err, "get it back from a copy; qrewind check says what else can be done");
}

/* What snapshots hold is whole. */
static int hint_back(const struct qrw_vm *vm, struct qmp_error *err)
{
    const struct graph_layer *l = find_damaged(&vm->graph);
    struct chain c = {0};

    if (!l || !vm->sidecar_found || !sidecar_exists(vm->sidecar_found) ||
        sidecar_load(&c, vm->sidecar_found, NULL, NULL, NULL))
        return -1;
    auto_free char *way = lost_way_back(&c, chain_layer_by_file(&c, l->file), false);
    chain_done(&c);
    if (!way || strlen(err->hint) + strlen(way) + 32 > sizeof(err->hint))
        return -1;
    auto_free char *before = mem_strdup(err->hint);
    err->hint[0] = '\0';
    return qmp_error_hint(err, "%s; or go back: %s", before[0] ? before : "get it back from a copy",
                          way);
}

int vm_lost(const struct qrw_vm *vm, struct qmp_error *err)
{
    const struct graph_layer *l = find_trouble(&vm->graph);
    struct qmp_error elsewhere;
    struct chain c = {0};

    if (err && (!l || is_there(l->file)))
        return hint_back(vm, err);
    if (!err || !l)
        return -1;
    if (!vm->sidecar_found || !sidecar_exists(vm->sidecar_found)) {
        if (vm_check_elsewhere(vm, NULL, &elsewhere))
            *err = elsewhere;
        return -1;
    }
    if (sidecar_load(&c, vm->sidecar_found, NULL, NULL, NULL))
        return -1;
    hint(&c, l->file, err);
    chain_done(&c);
    return -1;
}
