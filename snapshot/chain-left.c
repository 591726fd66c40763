/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chain-left: the image that a disk is called after, and does not use any more.   PURE
 *
 *   a [tag] <- a.e1          go back to the tag, which makes a flat copy, and delete e1:
 *   a       a.tag            the record knows of a no more, but who names a means the disk
 *
 * So the record keeps its name: "left" of the disk.
 *
 *   a <- b <- c              another tool merges c into b, or copies it to d, and has the disk run
 *   a <- b     c             on that: what is written from now on c hides, or has not
 *
 * Its name is kept, too: "outdated" of the disk.
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

static char *image(const struct chain *c, const char *id, const char *key)
{
    const char *name = text(disk(c, id), key);

    return name && graph_is_path(name) ? path_join(c->folder, name) : NULL;
}

char *chain_left(const struct chain *c, const char *id)
{
    return image(c, id, "left");
}

/* The disk of which @file is what @key names. */
static const char *disk_by(const struct chain *c, const char *key, const char *file)
{
    const char *id;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), id, entry) {
        auto_free char *named = image(c, id, key);

        if (same(named, file) && !chain_layer_by_file(c, file))
            return id;
    }
    return NULL;
}

const char *chain_left_by(const struct chain *c, const char *file)
{
    const char *id = disk_by(c, "left", file);

    return id ? id : chain_outdated_by(c, file);
}

const char *chain_outdated_by(const struct chain *c, const char *file)
{
    return disk_by(c, "outdated", file);
}

void chain_set_outdated(struct chain *c, const char *id, const char *layer)
{
    if (disk(c, id))
        json_object_set(disk(c, id), "outdated", json_object_get(chain_layer(c, layer), "file"));
}

bool chain_has_outdated(const struct chain *c)
{
    const char *id;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), id, entry)
        if (text(entry, "outdated"))
            return true;
    return false;
}

void chain_forget_outdated(struct chain *c, bool (*is_gone)(const char *file))
{
    const char *id;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), id, entry) {
        auto_free char *named = image(c, id, "outdated");

        if (text(entry, "outdated") && (!named || is_gone(named)))
            json_object_del(entry, "outdated");
    }
}

void chain_respell_left(struct chain *c, const char *folder)
{
    static const char *const keys[] = {"left", "outdated"};
    const char *id;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), id, entry)
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            auto_free char *named = image(c, id, keys[i]);
            auto_free char *spelled = named ? chain_spell(folder, named) : NULL;

            if (spelled)
                json_object_set_new(entry, keys[i], json_string(spelled));
        }
}
