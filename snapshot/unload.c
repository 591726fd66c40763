/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unload: see unload.h. */
#include "snapshot/unload.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"

static const char *tag_made_by(const char *execute, const json_t *args)
{
    return same(execute, "blockdev-snapshot-internal-sync") ? text(args, "name") : NULL;
}

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
        *kept = tag_made_by(text(step, "execute"), args) ?: *kept;
        json_array_foreach(json_object_get(args, "actions"), k, action)
            *kept = tag_made_by(text(action, "type"), json_object_get(action, "data")) ?: *kept;
    }
}

/* Does every disk with the tag @loaded show it, and has one lost the tag @kept? That goes last. */
static bool is_over(const struct graph *g, const char *loaded, const char *kept)
{
    bool lost = false;

    for (size_t i = 0; loaded && kept && i < g->ndisks; i++) {
        const struct graph_layer *top = graph_active(&g->disks[i]);

        if (!top || !graph_tag(top, loaded))
            continue;
        if (!image_shows(top->file, loaded))
            return false;
        lost = lost || !graph_tag(top, kept);
    }
    return lost;
}

/* QEMU was told to drop @kept by names that another one does not know. */
static void drop_by_file(struct plan *p, const struct graph *g, const char *kept)
{
    for (size_t i = json_array_size(p->cleanup); i-- > 0;) {
        const json_t *args = json_object_get(json_array_get(p->cleanup, i), "arguments");

        if (same(text(args, "name"), kept))
            json_array_remove(p->cleanup, i);
    }
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_layer *top = graph_active(&g->disks[i]);

        if (top && graph_tag(top, kept))
            json_array_append_new(p->cleanup, json_pack("{s:s, s:s, s:s}", "step", "untag", "file",
                                                        top->file, "tag", kept));
    }
}

bool unload_cut_to_cleanup(struct plan *p, const struct graph *g)
{
    const char *loaded, *kept;
    const json_t *fact;
    size_t i;

    find_tags(p->steps, &loaded, &kept);
    json_array_foreach(p->promise, i, fact)
        if (kept && same(text(fact, "tag"), kept))
            return false; /* it is to stay: it was not made yet */
    if (!is_over(g, loaded, kept))
        return false;
    drop_by_file(p, g, kept);
    json_array_clear(p->steps);
    json_array_clear(p->promise);
    return true;
}

size_t unload_find(const json_t *steps, const struct graph *g, const char **kept,
                   const struct graph_disk **gone)
{
    const char *loaded;
    size_t n = 0;

    find_tags(steps, &loaded, kept);
    if (is_over(g, loaded, *kept))
        return 0;
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
