/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lost: see lost.h. */
#include "snapshot/lost.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* Does what @top shows lie in @id, too? What is found on the way down is @known then: no layer is
 * walked over twice. */
static bool shows(const struct chain *c, const char *id, const char *top, json_t *known)
{
    const char *at = top;

    while (at && strcmp(at, id) && !json_object_get(known, at))
        at = text(chain_layer(c, at), "backing");
    const bool yes = at && (same(at, id) || json_is_true(json_object_get(known, at)));
    for (; top != at; top = text(chain_layer(c, top), "backing"))
        json_object_set_new(known, top, json_boolean(yes));
    return yes;
}

json_t *lost_needed_by(const struct chain *c, const char *id)
{
    json_auto_t *known = json_object();
    json_t *all = json_array(), *s, *held;
    const char *disk;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s) {
        bool needs = false;

        json_object_foreach(json_object_get(s, "disks"), disk, held)
            needs |= shows(c, id, text(held, text(held, "layer") ? "layer" : "inside"), known);
        if (needs)
            json_array_append(all, s);
    }
    return all;
}

bool lost_by_merge(const struct chain *c, const json_t *held, const char *top, const char *onto)
{
    const char *layer = text(held, "layer"), *inside = text(held, "inside");
    /* what lies inside of a layer shows nothing of what that is written to */
    const char *from = layer ? layer : text(chain_layer(c, inside), "backing");

    return from && chain_is_below(c, onto, from) && !chain_is_below(c, top, from);
}

const char *lost_cut_off(const struct chain *c, const struct graph_disk *d, size_t i)
{
    const char *id = chain_layer_by_file(c, d->layers[i].file);
    const char *top = id ? text(chain_layer(c, id), "backing") : NULL;

    if (!top || !chain_is_seen_through(c, id))
        return NULL;
    if (i + 1 == d->nlayers)
        return id;
    const char *onto = chain_layer_by_file(c, d->layers[i + 1].file);
    return onto && strcmp(onto, top) && chain_is_below(c, onto, top) ? id : NULL;
}

const char *lost_stripped(const struct chain *c, const struct graph_disk *d)
{
    const char *file = d->nlayers > 1 ? d->layers[d->nlayers - 1].file : NULL;
    const char *id = file ? chain_layer_by_file(c, file) : NULL;
    const json_t *layer = chain_layer(c, id);

    return text(layer, "backing") && json_object_get(layer, "fingerprint") && !chain_pending(c) &&
                   !chain_is_active(c, id)
               ? id
               : NULL;
}

/* The last snapshot that can do without @id, and has @disk (NULL: any). NULL: none. */
static const char *find_spared(const struct chain *c, const char *id, const char *disk)
{
    const json_t *all = chain_snapshots(c);
    json_auto_t *needing = lost_needed_by(c, id);
    size_t left = json_array_size(needing);

    for (size_t i = json_array_size(all); i-- > 0;) {
        const json_t *s = json_array_get(all, i);

        if (left && s == json_array_get(needing, left - 1))
            left--;
        else if (!disk || json_object_get(json_object_get(s, "disks"), disk))
            return text(s, "name");
    }
    return NULL;
}

static bool is_active_above(const struct chain *c, const char *id)
{
    const char *disk;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), disk, entry)
        if (chain_is_below(c, id, text(entry, "active")))
            return true;
    return false;
}

static bool is_undo_above(const struct chain *c, const char *id)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(chain_undo(c), "disks"), disk, held)
        if (chain_is_below(c, id, text(held, text(held, "layer") ? "layer" : "inside")))
            return true;
    return false;
}

/* "delete", of a VM that does not run with the image of @id: "-i FILE delete". New string, NULL: it
 * is none. */
static char *deletion(const struct chain *c, const char *id, bool live)
{
    auto_free char *file = chain_layer_file(c, id), *image = file ? path_quote(file) : NULL;

    if (live)
        return mem_strdup("delete");
    return image ? mem_printf("-i %s delete", image) : NULL;
}

char *lost_give_up(const struct chain *c, const char *id, bool live, bool written)
{
    json_t *disks = json_object_get(c->doc, "disks");
    const char *any = text(json_object_iter_value(json_object_iter(disks)), "active");
    json_auto_t *needing = lost_needed_by(c, id);

    if (json_array_size(needing) || is_active_above(c, id) || !is_undo_above(c, id))
        return NULL;
    auto_free char *words = deletion(c, any, live);
    return words ? mem_printf("or, if it may go with the undo point: qrewind %s --undo%s", words,
                              written ? " --metadata; it leaves the file" : "")
                 : NULL;
}

char *lost_delete(const struct chain *c, const char *id, bool live)
{
    enum { NAMES = 8 };
    json_auto_t *needing = lost_needed_by(c, id);
    const size_t n = json_array_size(needing);
    char *words = deletion(c, id, live);

    for (size_t i = 0; i < n && i < NAMES; i++) {
        auto_free char *before = words;
        auto_free char *name = path_argument(text(json_array_get(needing, i), "name"));

        words = mem_printf("%s %s", before, name);
    }
    auto_free char *command = words;
    if (!n || n > NAMES || is_active_above(c, id))
        return NULL;
    return mem_printf("or, if what needs it may go: qrewind %s", command);
}

char *lost_way_back(const struct chain *c, const char *id, bool discard)
{
    const char *below = text(chain_layer(c, id), "backing"), *disk = chain_run_by(c, id);
    const char *spared = disk ? find_spared(c, id, disk) : NULL;

    if (!below || !spared)
        return NULL;
    auto_free char *file = chain_layer_file(c, below);
    if (!file)
        return NULL;
    auto_free char *image = path_quote(file), *name = path_argument(spared);
    return mem_printf("qrewind -i %s revert%s %s", image, discard ? " --discard" : "", name);
}

char *lost_cure(const struct chain *c, const char *id)
{
    auto_free char *way = lost_way_back(c, id, true);
    const json_t *layer = chain_layer(c, id);
    const char *below = text(layer, "backing"), *format = text(chain_layer(c, below), "format");
    const char *spared = find_spared(c, id, NULL);
    const long long size = chain_layer_size(c, id);

    if (way)
        return mem_printf("if there is none, what was in it is lost, and this goes back: %s", way);
    if (!below || !format || !spared || size <= 0 || !same(text(layer, "format"), "qcow2"))
        return NULL;
    auto_free char *file = chain_layer_file(c, id), *meant = chain_layer_file(c, below);
    if (!graph_has_folder(file))
        return NULL;
    auto_free char *folder = path_folder(file), *spelled = chain_spell(folder, meant);
    auto_free char *backing = path_quote(spelled), *image = path_quote(file);
    auto_free char *name = path_argument(spared), *named = path_quote(meant);
    return mem_printf("if there is none, what was in it is lost, and an empty one in its place "
                      "lets you go back to %s: qemu-img create -q -f qcow2 -F %s -b %s %s %lld; "
                      "then: qrewind -i %s revert --discard %s",
                      name, format, backing, image, size, named, name);
}
