/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-skipped: a layer that was merged into the one below, and left where it is.  PURE
 *
 *   recorded   base* <- s1* <- s2* <- a      a lies on s1, and s1 has changed (block-commit)
 *
 * On what a lies QEMU tells, or its header. What s2 shows is right with it as without it, and so is
 * what builds on that; all else that goes through s1 shows what came down, too, branches as well as
 * layers between, if several went down at once. As long as s1 is what it was, s2 went up into a,
 * and nothing is lost. So it is with an active layer that went down (check-committed.c).
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* The recorded layer that @id lies on in truth. NULL: none. */
static const char *find_below(const struct check *k, const char *id)
{
    auto_free char *file = chain_layer_file(k->c, id);
    auto_free char *recorded = chain_layer_file(k->c, text(chain_layer(k->c, id), "backing"));
    const json_t *entry = check_file(k, file);
    const struct graph_disk *d = NULL;
    const struct graph_layer *live = check_live(k, file, &d);
    const char *below = NULL;

    if (live)
        below = live + 1 < d->layers + d->nlayers ? live[1].file : NULL;
    else if (entry && !text(entry, "link") && !text(entry, "problem"))
        below = text(entry, "leads");
    return below && !same(below, recorded) ? chain_layer_by_file(k->c, below) : NULL;
}

static bool has_changed(const struct check *k, const char *id)
{
    const json_t *entry = check_entry(k, id);
    const enum check_how how = entry ? check_how_changed(k, id, entry) : CHANGED_NOT;

    return how == CHANGED_TIME || how == CHANGED_CONTENT;
}

void check_skips(struct check *k)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(k->c->doc, "layers"), id, layer) {
        const char *below = text(layer, "backing"),
                   *onto = below && !json_object_get(k->merged, id) ? find_below(k, id) : NULL;

        if (onto && strcmp(onto, below) && chain_is_below(k->c, onto, below) &&
            has_changed(k, onto))
            json_object_set_new(k->skipped, id, json_string(onto));
    }
}

bool check_is_skewed(const struct check *k, const json_t *held, const char *onto)
{
    const char *id;
    json_t *into, *m;

    json_object_foreach(k->skipped, id, into)
        if ((!onto || same(json_string_value(into), onto)) &&
            lost_by_merge(k->c, held, text(chain_layer(k->c, id), "backing"),
                          json_string_value(into)))
            return true;
    json_object_foreach(k->merged, id, m)
        if (same(text(m, "top"), id) && (!onto || same(text(m, "onto"), onto)) &&
            lost_by_merge(k->c, held, id, text(m, "onto")))
            return true;
    return false;
}

/* Is it so of what a snapshot has on a disk, @held, and the layer @id? */
typedef bool is_part(const struct check *k, const json_t *held, const char *id);

static bool is_inside(const struct check *k, const json_t *held, const char *id)
{
    return same(text(held, "inside"), id);
}

static bool any(const struct check *k, json_t *disks, is_part *is, const char *id)
{
    const char *disk;
    json_t *held;

    json_object_foreach(disks, disk, held)
        if (is(k, held, id))
            return true;
    return false;
}

/* @one is a member of the array @key of @mend. */
static void add(json_t *mend, const char *key, const char *one)
{
    if (!json_object_get(mend, key))
        json_object_set_new(mend, key, json_array());
    json_array_append_new(json_object_get(mend, key), json_string(one));
}

/* Have @mend drop whatever @is true of a part of, and take it out of the images. */
static void drop_all(const struct check *k, is_part *is, const char *id, json_t *mend)
{
    json_t *undo = json_object_get(chain_undo(k->c), "disks"), *s;
    size_t i;

    json_array_foreach(chain_snapshots(k->c), i, s)
        if (any(k, json_object_get(s, "disks"), is, id)) {
            add(mend, "drop", text(s, "name"));
            check_take_out(k, mend, json_object_get(s, "disks"));
        }
    if (any(k, undo, is, id)) {
        json_object_set_new(mend, "undo", json_true());
        check_take_out(k, mend, undo);
    }
}

void check_drop_inside(const struct check *k, const char *layer, json_t *mend)
{
    drop_all(k, is_inside, layer, mend);
}

void check_drop_skewed(const struct check *k, const char *onto, json_t *mend)
{
    add(mend, "layers", onto);
    drop_all(k, check_is_skewed, onto, mend);
}

char *check_dropped(const json_t *mend)
{
    const char *undo = json_object_get(mend, "undo") ? "the undo point" : NULL;
    const json_t *name;
    char *all = NULL;
    size_t i;

    json_array_foreach(json_object_get(mend, "drop"), i, name) {
        auto_free char *before = all;

        all = mem_printf("%s%s%s", before ? before : "; drop ", before ? ", " : "",
                         json_string_value(name));
    }
    auto_free char *names = all;
    return undo ? mem_printf("%s%s%s", names ? names : "; drop ", names ? ", " : "", undo)
                : mem_strdup(names ? names : "");
}

/* The layer that lies on @onto in truth. NULL: none does. */
static const char *find_above(const struct check *k, const char *onto)
{
    const char *id;
    json_t *below;

    json_object_foreach(k->skipped, id, below)
        if (same(json_string_value(below), onto))
            return id;
    return NULL;
}

bool check_tell_skipped(struct check *k, const char *id, const char *file, const char *what)
{
    const char *above = find_above(k, id);

    if (!above)
        return false;
    auto_free char *top = chain_layer_file(k->c, above);
    auto_free char *gone = chain_layer_file(k->c, text(chain_layer(k->c, above), "backing"));
    json_t *mend = json_pack("{s:s}", "do", "overwritten");
    check_drop_skewed(k, id, mend);
    auto_free char *drop = check_dropped(mend);
    auto_free char *repair = mem_printf("take it as it is now%s", drop);
    check_add(k, &(struct finding){"changed-base", file, repair, mend, true},
              "%s since it was frozen, and %s lies on it, not on %s: it looks as if somebody has "
              "merged that into it (block-commit); if not, what builds on it may be damaged",
              what, path_name(top), path_name(gone));
    return true;
}
