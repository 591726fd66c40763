/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fingerprint: see fingerprint.h. */
#include "snapshot/fingerprint.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"

/* How @id's file looks now. New reference, NULL: it is not a file that we can look at. */
static json_t *look(const struct chain *c, const char *id)
{
    auto_free char *file = chain_layer_file(c, id);
    struct image_stat st;

    if (!file || !graph_is_path(file) || image_stat(file, &st, NULL) || !st.regular)
        return NULL;
    return json_pack("{s:I, s:I, s:I}", "size", (json_int_t)st.size, "mtime_ns",
                     (json_int_t)st.mtime_ns, "inode", (json_int_t)st.ino);
}

void fingerprints_take(struct chain *c)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        json_t *now;

        if (json_object_get(layer, "fingerprint"))
            continue;
        if (!chain_is_active(c, id) && (now = look(c, id)))
            json_object_set_new(layer, "fingerprint", now);
    }
}

/* Was @id's file to be overwritten, and is it not as it was? */
static bool overwritten(const struct chain *c, const struct chain *after, const char *id)
{
    const json_t *was = json_object_get(chain_layer(c, id), "fingerprint");
    const json_t *touched = chain_layer(after, id);
    json_auto_t *now = NULL;

    if (!touched || json_object_get(touched, "fingerprint"))
        return false;
    now = look(c, id);
    return !was || !now || !json_equal(was, now);
}

void fingerprints_renew(struct chain *c, const struct chain *after)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        const json_t *touched = chain_layer(after, id);

        if (touched && !json_object_get(touched, "fingerprint"))
            chain_touch(c, id);
    }
    fingerprints_take(c);
}

/* What @snapshot pins shows what lies in the layers below, too. */
static bool is_lost(const struct chain *c, const struct chain *after, const json_t *snapshot)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), disk, held)
        for (const char *id = text(held, "layer"); id; id = text(chain_layer(c, id), "backing"))
            if (overwritten(c, after, id))
                return true;
    return false;
}

json_t *fingerprints_drop_lost(struct chain *c, const struct chain *after)
{
    json_t *lost = json_array(), *name;
    const json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        if (!chain_snapshot(after, text(s, "name")) && is_lost(c, after, s))
            json_array_append(lost, json_object_get(s, "name"));
    json_array_foreach(lost, i, name)
        chain_drop_snapshot(c, json_string_value(name));
    return lost;
}
