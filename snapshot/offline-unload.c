/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* offline-unload: see offline-unload.h. */
#include "snapshot/offline-unload.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"

/* The tag that was to be loaded, and the one of what there was before; borrowed from @pending. */
static void find_tags(const json_t *pending, const char **loaded, const char **kept)
{
    const json_t *step, *action;
    size_t i, k;

    *loaded = *kept = NULL;
    json_array_foreach(json_object_get(pending, "steps"), i, step) {
        const json_t *args = json_object_get(step, "arguments");

        if (same(text(step, "execute"), "snapshot-load"))
            *loaded = text(args, "tag");
        json_array_foreach(json_object_get(args, "actions"), k, action)
            if (same(text(action, "type"), "blockdev-snapshot-internal-sync"))
                *kept = text(json_object_get(action, "data"), "name");
    }
}

int offline_unload(const struct chain *c, const struct graph *g, struct qmp_error *err)
{
    auto_free const char **files = mem_alloc((g->ndisks + 1) * sizeof(*files));
    const char *loaded, *kept;
    size_t n = 0;

    find_tags(chain_pending(c), &loaded, &kept);
    for (size_t i = 0; loaded && kept && i < g->ndisks; i++) {
        const struct graph_layer *top = graph_active(&g->disks[i]);

        if (!graph_tag(top, kept) || image_shows(top->file, kept))
            continue;
        if (!image_shows(top->file, loaded))
            return 0;
        files[n++] = top->file;
    }
    for (size_t i = 0; i < n; i++)
        if (image_apply(files[i], kept, err))
            return -1;
    return 0;
}
