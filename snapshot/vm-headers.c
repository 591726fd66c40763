/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-headers: what the headers of the images say of those below, once something is done. */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/qcow2.h"
#include "snapshot/vm-private.h"

/* Are both what no file name can say ("json:{…}", "nbd://…"), and the same? */
static bool same_words(const char *a, const char *b)
{
    json_auto_t *one = strncmp(a, "json:", 5) ? NULL : json_loads(a + 5, 0, NULL);
    json_auto_t *other = strncmp(b, "json:", 5) ? NULL : json_loads(b + 5, 0, NULL);

    return !strcmp(a, b) || (one && json_equal(one, other));
}

bool vm_header_names(const char *layer, const char *backing)
{
    struct image_stat meant, found;
    struct qcow2_header h = {0};
    bool same = true;

    if (image_read_header(layer, &h, NULL))
        return true;
    auto_free char *path = h.backing ? image_backing_path(layer, h.backing) : NULL;
    if (!backing || !h.backing)
        same = !backing && !h.backing;
    else if (!graph_is_path(backing) && same_words(backing, h.backing))
        same = true;
    else if (path && !image_stat(backing, &meant, NULL) && !image_stat(path, &found, NULL))
        same = meant.exists && found.exists && image_same(&meant, &found);
    qcow2_header_done(&h);
    return same;
}

/* Does the header of @layer name a file that the cleanup of @p removes? */
static bool needs_removed(const struct plan *p, const char *layer)
{
    auto_free char *path = image_backing_file(layer);
    struct image_stat named, removed;
    const json_t *step;
    bool needs = false;
    size_t i;

    if (!path || image_stat(path, &named, NULL) || !named.exists)
        return false;
    json_array_foreach(p->cleanup, i, step)
        if (same(text(step, "step"), "unlink") && !image_stat(text(step, "file"), &removed, NULL))
            needs = needs || (removed.exists && image_same(&removed, &named));
    return needs;
}

/* QEMU could not write the header when its job ended. It calls every backing file by the format of
 * the image that it writes to, and does not do it at all where there is none any more. */
static void name_backing(struct qrw_vm *vm, const json_t *fact)
{
    const struct graph_disk *d = graph_disk(&vm->graph, text(fact, "disk"));
    const struct graph_layer *l = d ? graph_layer(d, text(fact, "layer")) : NULL;
    const struct graph_layer *below = l && l + 1 < d->layers + d->nlayers ? l + 1 : NULL;

    if (!below || !same(below->format, l->format))
        return;
    json_decref(ask_one(vm->client, NULL, "change-backing-file",
                        json_pack("{s:s, s:s, s:s}", "device", d->node, "image-node-name", l->node,
                                  "backing-file", below->file),
                        NULL));
}

int vm_check_headers(struct qrw_vm *vm, struct plan *p, struct qmp_error *err)
{
    const json_t *fact;
    size_t i;

    json_array_foreach(vm->files_reachable ? p->promise : NULL, i, fact) {
        const char *layer = text(fact, "layer"), *backing = text(fact, "backing");

        if (!layer || text(fact, "tag") || vm_header_names(layer, backing))
            continue;
        if (vm_observe(vm, GRAPH_NODES, err))
            return -1;
        name_backing(vm, fact);
        if (needs_removed(p, layer))
            return qmp_error_set(err, QRW_ERR_UNKNOWN,
                                 "%s still names a layer that is to be removed as its base", layer);
        if (!vm_header_names(layer, backing))
            plan_note(p,
                      "the header of %s does not name %s: qrewind repair --yes mends it while the "
                      "VM is off",
                      layer, backing ? backing : "no backing file, as it should");
    }
    return 0;
}
