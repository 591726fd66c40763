/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unload: see unload.h. */
#include "snapshot/unload.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"

/* The tag that was to be loaded, and the one of what there was before; borrowed from @steps. */
static void find_tags(const json_t *steps, const char **loaded, const char **kept)
{
    const json_t *step, *action;
    size_t i, k;

    *loaded = *kept = NULL;
    json_array_foreach(steps, i, step) {
        const json_t *args = json_object_get(step, "arguments");

        if (same(text(step, "execute"), "snapshot-load"))
            *loaded = text(args, "tag");
        json_array_foreach(json_object_get(args, "actions"), k, action)
            if (same(text(action, "type"), "blockdev-snapshot-internal-sync"))
                *kept = text(json_object_get(action, "data"), "name");
    }
}

size_t unload_find(const json_t *steps, const struct graph *g, const char **kept,
                   const struct graph_disk **gone)
{
    const char *loaded;
    size_t n = 0;

    find_tags(steps, &loaded, kept);
    for (size_t i = 0; loaded && *kept && i < g->ndisks; i++) {
        const struct graph_layer *top = graph_active(&g->disks[i]);

        if (!top || !graph_tag(top, *kept) || image_shows(top->file, *kept))
            continue;
        if (!image_shows(top->file, loaded))
            return 0;
        gone[n++] = &g->disks[i];
    }
    return n;
}

int unload_files(const json_t *steps, const struct graph *g, struct qmp_error *err)
{
    auto_free const struct graph_disk **gone = mem_alloc((g->ndisks + 1) * sizeof(*gone));
    const char *kept;
    size_t n = unload_find(steps, g, &kept, gone);

    for (size_t i = 0; i < n; i++)
        if (image_apply(graph_active(gone[i])->file, kept, err))
            return -1;
    return 0;
}
