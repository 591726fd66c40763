/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chain-left: the image that a disk is called after, and does not use any more.   PURE
 *
 *   a [tag] <- a.e1          go back to the tag, which makes a flat copy, and delete e1:
 *   a       a.tag            the record knows of a no more, but who names a means the disk
 *
 * So the record keeps its name: "left" of the disk.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

static json_t *disk(const struct chain *c, const char *id)
{
    return json_object_get(json_object_get(c->doc, "disks"), id);
}

/* Is @file what disk @id of @c is called after? */
static bool is_first(const struct chain *c, const char *id, const char *file)
{
    auto_free char *stem = path_stem(file);

    return same(text(disk(c, id), "stem"), stem);
}

void chain_leave(struct chain *after, const struct chain *before)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(before->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(before, id);

        /* the same layer in another file was only renamed */
        if (chain_is_ours(before, id) || !graph_has_folder(file) || chain_layer(after, id) ||
            chain_layer_by_file(after, file))
            continue;
        const char *of = chain_disk_of(before, id);
        auto_free char *spelled = chain_spell(after->folder, file);
        if (of && disk(after, of) && is_first(before, of, file))
            json_object_set_new(disk(after, of), "left", json_string(spelled));
    }
}

char *chain_left(const struct chain *c, const char *id)
{
    const char *left = text(disk(c, id), "left");

    return left && graph_is_path(left) ? path_join(c->folder, left) : NULL;
}

const char *chain_left_by(const struct chain *c, const char *file)
{
    const char *id;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), id, entry) {
        auto_free char *left = chain_left(c, id);

        if (same(left, file) && !chain_layer_by_file(c, file))
            return id;
    }
    return NULL;
}
