/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* internal: see internal.h. */
#include "snapshot/internal.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/member.h"

bool internal_is(const json_t *snapshot)
{
    const char *id;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), id, held)
        if (text(held, "tag"))
            return true;
    return false;
}

/* ---- foreign ones ---- */

/* Seconds since 1970 as the document writes times: "2026-11-21T10:00:00.123Z". New string. */
static char *written(int64_t sec, int nsec)
{
    int64_t days = sec / 86400, left = sec % 86400;
    int year = 1970, month = 0;

    for (;; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        const int lengths[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

        if (days >= 365 + leap) {
            days -= 365 + leap;
            continue;
        }
        for (month = 0; days >= lengths[month]; month++)
            days -= lengths[month];
        break;
    }
    return mem_printf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month + 1, (int)days + 1,
                      (int)(left / 3600), (int)(left / 60 % 60), (int)(left % 60),
                      nsec / 1000000 % 1000);
}

/* The header has 32 bits for the seconds; QEMU would not say more, but who knows. */
char *internal_time(int64_t sec, int nsec)
{
    bool sane = sec >= 0 && sec <= UINT32_MAX && nsec >= 0;

    return written(sane ? sec : 0, sane ? nsec : 0);
}

static void add_tags(json_t *tags, const json_t *snapshot)
{
    const char *id;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), id, held)
        if (text(held, "tag"))
            json_object_set_new(tags, text(held, "tag"), json_true());
}

/* The tags that the document knows, of snapshots and of the undo point: the keys of an object.
 * New reference. */
static json_t *recorded(const struct chain *c)
{
    json_t *tags = json_object();
    const json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        add_tags(tags, s);
    add_tags(tags, chain_undo(c));
    return tags;
}

static json_t *document(const struct graph_tag *t)
{
    auto_free char *created = internal_time(t->sec, t->nsec);

    json_t *doc = chain_record(&(struct chain_record){
        .name = t->name, .id = t->id, .created = created, .kind = "internal"});
    json_object_set_new(doc, "current", json_false());
    json_object_set_new(doc, "foreign", json_true());
    return doc;
}

static void add_disk(json_t *snapshot, const char *disk, const struct graph_tag *t)
{
    json_t *disks = json_object_get(snapshot, "disks");

    if (json_object_get(disks, disk))
        return;
    json_object_set_new(disks, disk, json_pack("{s:s}", "tag", t->name));
    if (t->state_size <= 0)
        return;
    auto_free char *created = internal_time(t->sec, t->nsec);
    json_object_set_new(snapshot, "created", json_string(created));
    json_object_set_new(
        snapshot, "memory",
        json_pack("{s:s, s:s, s:n, s:n}", "disk", disk, "tag", t->name, "qemu", "machine"));
}

bool internal_is_undo(const char *tag)
{
    return !strncmp(tag, INTERNAL_UNDO, strlen(INTERNAL_UNDO));
}

/* What an undo point left is nobody's snapshot: only who knows its name is told of it. */
static bool is_meant(const char *tag, const char *only)
{
    return only ? !strcmp(only, tag) : !internal_is_undo(tag);
}

/* Those in @l, a layer of @d, that are not @known, to the documents @found. */
static void find_foreign(json_t *found, const json_t *known, const struct graph_disk *d,
                         const struct graph_layer *l, const char *only)
{
    for (size_t i = 0; i < l->ntags; i++) {
        const struct graph_tag *t = &l->tags[i];

        if (!is_meant(t->name, only) || json_object_get(known, t->name))
            continue;
        if (!json_object_get(found, t->name))
            json_object_set_new(found, t->name, document(t));
        add_disk(json_object_get(found, t->name), d->id, t);
    }
}

/* Those called @only, NULL: all. Of two in one disk the upper one. */
static json_t *foreign(const struct graph *g, const struct chain *c, const char *only)
{
    json_auto_t *known = recorded(c), *found = json_object();
    json_t *list = json_array(), *snapshot;
    const char *name;

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];

        for (size_t k = 0; !graph_skip_reason(d) && k < d->nlayers; k++)
            find_foreign(found, known, d, &d->layers[k], only);
    }
    json_object_foreach(found, name, snapshot) {
        json_auto_t *one = json_pack("[O]", snapshot);

        internal_merge(list, one);
    }
    return list;
}

json_t *internal_foreign(const struct graph *g, const struct chain *c)
{
    return foreign(g, c, NULL);
}

json_t *internal_find(const struct graph *g, const struct chain *c, const char *name)
{
    json_t *record = chain_snapshot(c, name);

    if (record)
        return internal_is(record) ? json_incref(record) : NULL;
    json_auto_t *found = foreign(g, c, name);
    return json_incref(json_array_get(found, 0));
}

/* ---- what the graph adds ---- */

static const struct graph_layer *layer_with(const struct graph_disk *d, const char *tag)
{
    for (size_t i = 0; d && i < d->nlayers; i++)
        if (graph_tag(&d->layers[i], tag))
            return &d->layers[i];
    return NULL;
}

char *internal_file(const struct graph *g, const struct chain *c, const char *disk,
                    const json_t *held)
{
    const struct graph_disk *d = graph_disk(g, disk);
    const struct graph_layer *l = layer_with(d, text(held, "tag"));
    auto_free char *recorded_file = chain_layer_file(c, text(held, "inside"));

    if (l)
        return mem_strdup(l->file);
    /* of a layer that QEMU has not open it is believed */
    return recorded_file && !(d && graph_layer(d, recorded_file)) ? mem_strdup(recorded_file)
                                                                  : NULL;
}

int internal_gone(const char *disk, const char *tag, struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_NOT_FOUND, "disk %s has no internal snapshot '%s' any more", disk,
                  tag);
    return qmp_error_hint(err, "qrewind delete forgets it");
}

static void complete(json_t *to, const struct graph *g, const struct chain *c, const char *disk,
                     const json_t *held)
{
    auto_free char *file = internal_file(g, c, disk, held);

    if (file)
        json_object_set_new(to, "file", json_string(file));
    else
        json_object_set_new(to, "missing", json_true());
}

bool internal_is_active(const struct graph *g, const struct chain *c, const json_t *snapshot)
{
    const char *id;
    json_t *held;

    json_object_foreach(json_object_get(snapshot, "disks"), id, held) {
        auto_free char *file = internal_file(g, c, id, held);
        const struct graph_disk *d = graph_disk(g, id);

        if (file && d && d->nlayers && !same(file, d->layers[0].file))
            return false;
    }
    return true;
}

void internal_complete(json_t *snapshot, const struct graph *g, const struct chain *c)
{
    json_t *disks = json_object_get(snapshot, "disks"), *held;
    json_t *memory = json_object_get(snapshot, "memory");
    const char *disk = text(memory, "disk");

    if (disk && text(memory, "tag"))
        complete(memory, g, c, disk, json_object_get(disks, disk));
    json_object_foreach(disks, disk, held)
        if (text(held, "tag"))
            complete(held, g, c, disk, held);
}

void internal_merge(json_t *list, const json_t *more)
{
    json_t *s;
    size_t i;

    json_array_foreach(more, i, s) {
        size_t at = json_array_size(list);
        const char *created = text(s, "created"), *other;

        while (at > 0 && created && (other = text(json_array_get(list, at - 1), "created")) &&
               strcmp(other, created) > 0)
            at--;
        json_array_insert(list, at, s);
    }
}
