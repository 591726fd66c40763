/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fingerprint: see fingerprint.h. */
#include "snapshot/fingerprint.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"

/* A block device's node has a time and an inode of its own: since the system was started, say. */
static json_t *size_and_time(const struct image_stat *st)
{
    json_t *now = json_pack("{s:I}", "size", (json_int_t)st->size);

    if (st->regular)
        json_object_set_new(now, "mtime_ns", json_integer((json_int_t)st->mtime_ns));
    return now;
}

/* The data file, if the image has one. */
static void look_at_data(const char *file, json_t *now)
{
    struct qcow2_header h;
    struct image_stat st;

    if (image_read_header(file, &h, NULL))
        return;
    auto_free char *data = h.data_file ? image_data_path(file, h.data_file) : NULL;
    qcow2_header_done(&h);
    if (data && !image_stat(data, &st, NULL) && (st.regular || st.block_device))
        json_object_set_new(now, "data", size_and_time(&st));
}

/* How @file looks now, without reading it. New reference, NULL: it is not one that we can look at.
 */
static json_t *look_at(const char *file)
{
    struct image_stat st;

    if (!file || !graph_is_path(file) || image_stat(file, &st, NULL) ||
        (!st.regular && !st.block_device))
        return NULL;
    json_t *now = size_and_time(&st);
    if (st.regular)
        json_object_set_new(now, "inode", json_integer((json_int_t)st.ino));
    return now;
}

/* The same of @id's, and of its data file. */
static json_t *look(const struct chain *c, const char *id)
{
    auto_free char *file = chain_layer_file(c, id);
    json_t *now = look_at(file);

    if (now && same(text(chain_layer(c, id), "format"), "qcow2"))
        look_at_data(file, now);
    return now;
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

static bool is_as(const json_t *was, const json_t *now, const char *key)
{
    return json_equal(json_object_get(was, key), json_object_get(now, key));
}

/* An older one knew of no data file; a newer one may know more of it. Of what has no time nobody
 * can tell. */
static bool is_what_it_was(const json_t *was, const json_t *now)
{
    const json_t *data = json_object_get(was, "data"), *is = json_object_get(now, "data");

    return is_as(was, now, "size") && is_as(was, now, "mtime_ns") && is_as(was, now, "inode") &&
           (!data || (is_as(data, is, "size") && is_as(data, is, "mtime_ns")));
}

static const char shorter[] = "it has become shorter";

const char *fingerprint_changed(const struct chain *c, const char *id)
{
    const json_t *was = json_object_get(chain_layer(c, id), "fingerprint");
    auto_free char *file = chain_layer_file(c, id);
    json_auto_t *now = was ? look_at(file) : NULL;

    if (!now)
        return NULL;
    const json_int_t before = json_integer_value(json_object_get(was, "size")),
                     size = json_integer_value(json_object_get(now, "size"));
    if (size != before)
        return size > before ? "it has grown" : shorter;
    return !json_object_get(was, "mtime_ns") || is_as(was, now, "mtime_ns")
               ? NULL
               : "its time has changed";
}

const char *fingerprint_written(const struct chain *c, const char *id)
{
    const char *how = fingerprint_changed(c, id);

    return how == shorter ? NULL : how;
}

bool fingerprint_has_grown(const struct chain *c, const char *id, bool touched)
{
    const json_t *was = json_object_get(chain_layer(c, id), "fingerprint"),
                 *time = json_object_get(was, "mtime_ns");
    auto_free char *file = chain_layer_file(c, id);
    struct image_stat st;

    return was && !image_stat(file, &st, NULL) && st.exists &&
           ((json_int_t)st.size > json_integer_value(json_object_get(was, "size")) ||
            (touched && time && json_integer_value(time) != st.mtime_ns));
}

/* @hash of @entry, into @owner, if it is new and @entry is still what @was. */
static bool take_hash(json_t *owner, const json_t *was, const json_t *entry)
{
    json_t *hash = json_object_get(entry, "sha256");

    if (!hash || json_object_get(owner, "sha256") || !is_as(was, entry, "size") ||
        (json_object_get(was, "mtime_ns") && !is_as(was, entry, "mtime_ns")))
        return false;
    return !json_object_set(owner, "sha256", hash);
}

bool fingerprints_hash(struct chain *c, const json_t *found)
{
    const json_t *files = json_object_get(found, "files");
    bool any = false;
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);
        const json_t *entry = json_object_get(files, file);
        const json_t *was = json_object_get(layer, "fingerprint");
        json_t *data = json_object_get(was, "data");
        const char *name = text(entry, "data");

        any |= was && take_hash(layer, was, entry);
        any |= data && name && take_hash(data, data, json_object_get(files, name));
    }
    return any;
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
    return !was || !now || !is_what_it_was(was, now);
}

void fingerprints_forget(struct chain *c, const struct chain *after)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer)
        if (overwritten(c, after, id))
            chain_touch(c, id);
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
