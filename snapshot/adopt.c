/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* adopt: see adopt.h. */
#include "snapshot/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* ---- names ---- */

/* The last component without what only says that it is an image. New string. */
static char *bare(const char *file)
{
    static const char *const endings[] = {".qcow2", ".qcow", ".img", ".raw",  ".snap",
                                          ".qed",   ".vmdk", ".vdi", ".vhdx", ".vpc"};
    const char *name = path_name(file);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (path_ends(name, endings[i]))
            return mem_printf("%.*s", (int)(strlen(name) - strlen(endings[i])), name);
    return mem_strdup(name);
}

/* What "disk.s1" has beyond "disk": "s1", inside @name. NULL: it is called otherwise. */
static const char *beyond(const char *name, const char *stem)
{
    size_t n = strlen(stem);

    return !strncmp(name, stem, n) && name[n] && strchr(".-_", name[n]) && name[n + 1]
               ? name + n + 1
               : NULL;
}

/* Proxmox calls a file by the snapshot that it holds, "snap-NAME-VOLUME", or, on LVM,
 * "snap_VOLUME_NAME", where all others call the overlay by it that lies above. New string, NULL: it
 * is called otherwise. */
static char *held_by(const char *below, const char *volume)
{
    static const char prefix[] = "snap-", on_lvm[] = "snap_";
    const size_t start = strlen(prefix), n = strlen(below), length = strlen(volume);

    if (n <= start + length + 1)
        return NULL;
    if (!strncmp(below, on_lvm, start) && !strncmp(below + start, volume, length) &&
        below[start + length] == '_')
        return mem_strdup(below + start + length + 1);
    if (strncmp(below, prefix, start) || below[n - length - 1] != '-' ||
        strcmp(below + n - length, volume))
        return NULL;
    return mem_printf("%.*s", (int)(n - start - length - 1), below + start);
}

/* @name, if a snapshot can be called so. */
static const char *fit(const char *name)
{
    return chain_check_name(name, NULL) ? "adopted" : name;
}

static bool same_folder(const char *a, const char *b)
{
    auto_free char *one = path_folder(a), *other = path_folder(b);

    return same(one, other);
}

/* ---- snapshots ---- */

static json_t *find(json_t *list, const char *name, size_t *at)
{
    json_t *s;

    for (*at = 0; (s = json_array_get(list, *at)); ++*at)
        if (same(text(s, "name"), name))
            return s;
    return NULL;
}

static json_t *snapshot(const char *name, const char *token, size_t n, const json_t *entry)
{
    json_int_t mtime = json_integer_value(json_object_get(entry, "mtime_ns"));
    auto_free char *created = internal_time(mtime / 1000000000, (int)(mtime % 1000000000));
    auto_free char *id = mem_printf("%s%zu", token, n);

    return chain_record(
        &(struct chain_record){.name = name, .id = id, .created = created, .kind = "external"});
}

/* A name that @list does not have yet: NAME, NAME-2, … New string. */
static char *unused(json_t *list, const char *name)
{
    size_t at;

    for (int k = 1;; k++) {
        char *free_name = k == 1 ? mem_strdup(name) : mem_printf("%s-%d", name, k);

        if (!find(list, free_name, &at))
            return free_name;
        free(free_name);
    }
}

/*
 * @layer of @disk is pinned by the snapshot @name, which comes after number @last (of the same
 * disk). One of that name further on is the same; else a new one comes right behind. Returns
 * its number.
 */
static size_t pin(json_t *list, size_t last, const char *name, const char *disk, const char *layer,
                  const char *token, const json_t *entry)
{
    size_t at;
    json_t *s = find(list, name, &at);

    if (!s || at < last) {
        auto_free char *free_name = unused(list, name);

        at = last;
        s = snapshot(free_name, token, json_array_size(list), entry);
        json_array_insert_new(list, at, s);
    }
    json_object_set_new(json_object_get(s, "disks"), disk, json_pack("{s:s}", "layer", layer));
    return at + 1;
}

/* From the base up: what each overlay's name says of the layer below it. */
static void take_disk(struct chain *c, json_t *list, const struct graph_disk *d,
                      const json_t *files, const char *token)
{
    auto_free char *volume = bare(d->layers[0].file);
    char *stem = bare(d->layers[d->nlayers - 1].file);
    size_t last = 0;

    for (size_t i = d->nlayers - 1; i-- > 0;) {
        const char *overlay = d->layers[i].file, *below = d->layers[i + 1].file;
        char *name = bare(overlay);
        auto_free char *lower = bare(below), *held = held_by(lower, volume);
        const char *more = held ? held : beyond(name, stem);
        const char *called = more ? more : name;

        if (held) {
            free(stem);
            stem = mem_strdup(volume);
        }
        if (!more && !same_folder(overlay, below)) {
            free(stem); /* a template: the disk begins here */
            stem = name;
            last = 0;
            continue;
        }
        last = pin(list, last, fit(called), d->id, chain_layer_by_file(c, below), token,
                   json_object_get(files, below));
        free(name);
    }
    json_object_set_new(json_object_get(json_object_get(c->doc, "disks"), d->id), "stem",
                        json_string(stem));
    free(stem);
}

/* Those inside of the layers: what internal.h makes of them, as records among @list. */
static void add_inside(const struct chain *c, const struct graph *g, json_t *list)
{
    json_auto_t *found = internal_foreign(g, c);
    json_t *s, *held;
    const char *disk;
    size_t i;

    json_array_foreach(found, i, s) {
        json_auto_t *one = json_pack("[O]", s);
        auto_free char *name = unused(list, fit(text(s, "name")));

        json_object_set_new(s, "name", json_string(name));
        json_object_del(s, "current");
        json_object_del(s, "foreign");
        json_object_foreach(json_object_get(s, "disks"), disk, held) {
            auto_free char *file = internal_file(g, c, disk, held);

            json_object_set_new(held, "inside", json_string(chain_layer_by_file(c, file)));
        }
        internal_merge(list, one);
    }
}

void adopt(struct chain *c, const struct graph *g, const json_t *files, const char *token)
{
    json_auto_t *list = json_array();
    json_t *s;
    size_t i;

    for (i = 0; i < g->ndisks; i++)
        if (!graph_skip_reason(&g->disks[i]) && g->disks[i].nlayers) {
            chain_follow(c, &g->disks[i]);
            take_disk(c, list, &g->disks[i], files, token);
        }
    add_inside(c, g, list);
    json_array_foreach(list, i, s) {
        json_object_set_new(s, "parent",
                            chain_current(c) ? json_string(chain_current(c)) : json_null());
        chain_add_snapshot(c, json_incref(s));
    }
}
