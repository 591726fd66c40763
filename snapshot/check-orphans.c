/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-orphans: files that look like ours, and that no record names.   PURE
 *
 *   STEM.NAME.qcow2 on a layer of ours, nothing written to it    an operation that failed
 *   the same with data                                           nobody's to remove but the user's
 *   any with data on what the disk runs on, of a VM that is off  the guest may have run on it last
 *   STEM.NAME.vmstate.qcow2, STEM.NAME.vmstate, a memory by its content  it belongs to nothing
 *   SIDECAR.new, a link that led to it in its own folder         a save that was killed
 *
 * Links that lead to other folders: check-links.c.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* Is @file called as we call the files of a disk, and in a folder of such? */
static bool is_named_like_ours(const struct check *k, const char *file)
{
    const char *id, *name = path_name(file);
    json_t *disk;

    json_object_foreach(json_object_get(k->c->doc, "disks"), id, disk) {
        const char *stem = text(disk, "stem");
        auto_free char *active = chain_layer_file(k->c, text(disk, "active"));
        auto_free char *folder = path_folder(active), *other = path_folder(file);
        size_t n = stem ? strlen(stem) : 0;

        if (stem && same(folder, other) && !strncmp(name, stem, n) && name[n] == '.' &&
            (path_ends(name, ".qcow2") || path_ends(name, ".vmstate")))
            return true;
    }
    return false;
}

static bool is_memory(const struct check *k, const char *file)
{
    const json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(k->c), i, s) {
        auto_free char *memory = chain_memory_file(k->c, json_object_get(s, "memory"));

        if (memory && check_same_file(k, memory, file))
            return true;
    }
    return false;
}

/* Also where no VM runs: who looks at it means to use it. */
static bool is_top(const struct check *k, const char *file)
{
    const struct graph *g = k->s->graph;

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_layer *active = graph_active(&g->disks[i]);

        if (active && check_same_file(k, active->file, file))
            return true;
    }
    return false;
}

/* Does one of the other sidecars name @file? */
static bool is_recorded(const json_t *sidecars, const char *file)
{
    const char *other;
    json_t *images;

    json_object_foreach((json_t *)sidecars, other, images)
        if (json_object_get(images, file))
            return true;
    return false;
}

/* Does anything that we know of need @file: a record, QEMU, another sidecar or image? */
static bool is_used(const struct check *k, const char *file)
{
    const char *other;
    json_t *value;

    if (chain_layer_by_file(k->c, file) || is_memory(k, file) || check_live(k, file, NULL) ||
        is_top(k, file) || is_recorded(json_object_get(k->survey, "sidecars"), file) ||
        is_recorded(json_object_get(k->survey, "named"), file))
        return true;
    json_object_foreach((json_t *)k->files, other, value)
        if (same(text(value, "leads"), file) || same(text(value, "data"), file))
            return true;
    return false;
}

static void orphan(struct check *k, const char *file, bool ask, const char *words)
{
    check_add(k,
              &(struct finding){"orphan-file", file, "remove it",
                                json_pack("{s:s, s:s}", "do", "unlink", "file", file), ask},
              "%s", words);
}

/* The layer of ours that @entry builds on, by way of others that nobody knows. NULL: none. */
static const char *layer_below(const struct check *k, const json_t *entry)
{
    size_t left = json_object_size(k->files);
    const char *file = text(entry, "leads"), *id = NULL;

    for (; file && !(id = chain_layer_by_file(k->c, file)) && left; left--)
        file = text(check_file(k, file), "leads");
    return id;
}

/*
 * An older sidecar was put back, say: what was recorded after it lies on what was active then. Not
 * if that was written to since: the guest ran on without it.
 */
static bool may_be_newest(const struct check *k, const char *below, const json_t *entry)
{
    auto_free char *active = chain_layer_file(k->c, below);

    return !k->live && chain_is_active(k->c, below) &&
           json_integer_value(json_object_get(entry, "mtime_ns")) >=
               json_integer_value(json_object_get(check_file(k, active), "mtime_ns"));
}

static void newest(struct check *k, const char *file, const char *below)
{
    const bool qcow2 = json_object_get(check_file(k, file), "virtual") != NULL;
    auto_free char *active = chain_layer_file(k->c, below), *quoted = path_image(file, qcow2);

    check_add(k, &(struct finding){.code = "foreign-layer", .subject = file},
              "no record names it, and it lies on %s: what the guest wrote last may be in it; if "
              "so, record it: qrewind -i %s %s",
              path_name(active), quoted,
              json_is_true(json_object_get(k->survey, "unrecorded")) ? "adopt" : "repair");
}

static void look(struct check *k, const char *file, const json_t *entry)
{
    const char *leads = text(entry, "leads"), *below = layer_below(k, entry);
    bool ours = leads && chain_layer_by_file(k->c, leads);
    bool empty = json_is_true(json_object_get(entry, "empty"));
    const char *user = text(entry, "user");

    if (user || is_used(k, file))
        return;
    if (chain_outdated_by(k->c, file))
        check_add(k, &(struct finding){.code = "orphan-file", .subject = file},
                  "another tool has had the disk leave it (a merge, or a copy), and what was "
                  "written since is not to be seen with it: never start the VM with it again; "
                  "remove it yourself");
    else if (!(empty && ours) && below && may_be_newest(k, below, entry))
        newest(k, file, below);
    else if (!is_named_like_ours(k, file))
        return;
    else if (json_is_true(json_object_get(entry, "memory")))
        orphan(k, file, true, "no snapshot knows it: a memory, of nothing that there is");
    else if ((empty && ours) || !json_integer_value(json_object_get(entry, "size")))
        orphan(k, file, true, "no record names it, and nothing was ever written to it");
    else if (ours)
        check_add(k, &(struct finding){.code = "orphan-file", .subject = file},
                  "no record names it; it holds data, of a guest perhaps: look at it before you "
                  "remove it yourself");
}

void check_orphans(struct check *k)
{
    const json_t *left = json_object_get(k->survey, "leftovers"), *name;
    const char *file;
    json_t *entry;
    size_t i;

    /* what is under way makes files before it records them */
    if (chain_pending(k->c) || text(k->survey, "holder") || json_object_get(k->survey, "unread") ||
        check_is_record_away(k))
        return;
    json_array_foreach(left, i, name)
        if (!check_is_link_of_others(k, json_string_value(name)))
            orphan(k, json_string_value(name), false, "a save of the sidecar that was killed");
    json_object_foreach((json_t *)k->files, file, entry)
        look(k, file, entry);
}
