/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* media: see media.h. */
#include "snapshot/media.h"

#include "snapshot/member.h"

/* Borrowed, NULL: nothing. */
static const char *medium(const struct graph_disk *d)
{
    return d->nlayers ? d->layers[0].file : NULL;
}

void media_record(const struct graph *g, const json_t *disks, json_t *memory)
{
    json_t *media = json_object();

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];

        if (d->removable && d->qdev && !json_object_get(disks, d->id))
            json_object_set_new(media, d->id, json_pack("s?", medium(d)));
    }
    if (json_object_size(media))
        json_object_set(memory, "media", media);
    json_decref(media);
}

void media_compare(struct plan *p, const struct graph *g, const json_t *memory, const char *name)
{
    const char *id;
    json_t *entry;

    json_object_foreach(json_object_get(memory, "media"), id, entry) {
        const struct graph_disk *d = graph_disk(g, id);
        const char *then = json_string_value(entry), *now = d ? medium(d) : NULL;

        if (d && d->removable && (then || now) && !same(then, now))
            plan_note(p, "drive %s had %s in it when %s was taken, and has %s now", id,
                      then ? then : "nothing", name, now ? now : "nothing");
    }
}
