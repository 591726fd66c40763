/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-tags: see graph-tags.h. */
#include "snapshot/graph-tags.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/graph.h"
#include "snapshot/member.h"

static int64_t number(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

void graph_tags_take(struct graph_layer *l, const json_t *image)
{
    const json_t *list = json_object_get(image, "snapshots"), *entry;
    size_t i;

    if (!json_array_size(list))
        return;
    l->tags = mem_alloc(json_array_size(list) * sizeof(*l->tags));
    json_array_foreach(list, i, entry) {
        struct graph_tag *t = &l->tags[l->ntags];

        if (!text(entry, "id") || !text(entry, "name"))
            continue;
        t->id = mem_strdup(text(entry, "id"));
        t->name = mem_strdup(text(entry, "name"));
        t->state_size = number(entry, "vm-state-size");
        t->sec = number(entry, "date-sec");
        t->nsec = (int)number(entry, "date-nsec");
        l->ntags++;
    }
}

void graph_tags_free(struct graph_layer *l)
{
    for (size_t i = 0; i < l->ntags; i++) {
        free(l->tags[i].id);
        free(l->tags[i].name);
    }
    free(l->tags);
}

void graph_tags_drop(struct graph_layer *l, const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->ntags; i++) {
        if (!same(l->tags[i].name, name)) {
            l->tags[kept++] = l->tags[i];
            continue;
        }
        free(l->tags[i].id);
        free(l->tags[i].name);
    }
    l->ntags = kept;
}

const struct graph_tag *graph_tag(const struct graph_layer *l, const char *name)
{
    for (size_t i = 0; i < l->ntags; i++)
        if (same(l->tags[i].name, name))
            return &l->tags[i];
    return NULL;
}
