/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-moved: which files layers have moved to that are not where they should be.     PURE
 *
 *   missing layers, files that nobody knows ──> rounds, the surest first ──> layer: file
 *
 * A file is one layer: what one round has given away the next does not, and what two layers
 * claim in the same round neither gets. First come those that are called as they were.
 */
#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* How well it is known which file a layer was moved to. */
enum likeness { IS_IT, FITS, ON_THE_SAME, ON_WHAT_IS_GONE, LIKENESSES };

static const char *const likenesses[] = {
    [IS_IT] = "has its size, time and inode",
    [FITS] = "has its size and time, but is another file",
    [ON_THE_SAME] = "builds on the same layer and is as large",
    [ON_WHAT_IS_GONE] = "is as large, and builds on a file that is not there any more",
};

struct round {
    struct check *k;
    json_t *missing, *strays; /* layers; files that may still be any of them: keys of objects */
    enum likeness how;
    bool namesakes; /* only those that are called as the layer was */
};

/* Did the user name @file, where no VM says what it runs on? */
static bool is_named(const struct check *k, const char *file)
{
    const struct graph_disk *d = k->live ? NULL : graph_disk_with(k->s->graph, file);

    return d && same(d->layers[0].file, file);
}

static json_int_t number(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

/*
 * Is @file, of @entry, an overlay that nobody knows, of the right size, on the very layer that
 * @layer builds on? If the files below were renamed, too, its header names what that was called
 * before: as is still recorded, or, where the new name is, what nothing is called now. An empty one
 * may be anybody's, but the user says that this is it.
 */
static bool could_be(const struct round *r, const json_t *layer, const char *file,
                     const json_t *entry)
{
    const struct check *k = r->k;
    auto_free char *below = chain_layer_file(k->c, text(layer, "backing"));
    const char *leads = text(entry, "leads");

    if (!below || !leads || number(entry, "virtual") != number(layer, "size") ||
        (json_is_true(json_object_get(entry, "empty")) && !is_named(k, file)))
        return false;
    if (r->how == ON_THE_SAME)
        return same(leads, below) || check_same_file(k, leads, below);
    return !check_file(k, leads) && !chain_layer_by_file(k->c, leads);
}

/* A copy, or somebody's file of the same size and time, is another. */
static bool is_it(const json_t *layer, const json_t *entry)
{
    const json_t *was = json_object_get(json_object_get(layer, "fingerprint"), "inode");

    return check_fits(layer, entry) && (!was || json_integer_value(was) == number(entry, "inode"));
}

static bool is_like(const struct round *r, const json_t *layer, const char *file)
{
    const json_t *entry = check_file(r->k, file);

    if (r->namesakes && !same(path_name(file), path_name(text(layer, "file"))))
        return false;
    if (check_has_time(layer))
        return (r->how == IS_IT && is_it(layer, entry)) ||
               (r->how == FITS && check_fits(layer, entry));
    return r->how > FITS && could_be(r, layer, file, entry);
}

/* The one file that @id can be, of several the one that the user named. NULL: none, or several. */
static const char *find(const struct round *r, const char *id)
{
    size_t several = 0, named = 0;
    const json_t *layer = chain_layer(r->k->c, id);
    const char *file, *found = NULL;
    json_t *yes;

    json_object_foreach(r->strays, file, yes) {
        if (!is_like(r, layer, file))
            continue;
        if (r->how == ON_THE_SAME && is_named(r->k, file))
            named++;
        else if (named)
            continue;
        several++;
        found = file;
    }
    return (named ? named : several) == 1 ? found : NULL;
}

bool check_give(struct check *k, const char *id, const char *file, int how)
{
    const char *other;
    json_t *given;

    if (chain_layer_by_file(k->c, file))
        return false;
    json_object_foreach(k->moved, other, given)
        if (same(text(given, "file"), file))
            return false;
    json_object_set_new(k->moved, id, json_pack("{s:s, s:i}", "file", file, "how", how));
    return true;
}

/* Each of the missing claims one file; it is given to the only one that does. */
static void take(const struct round *r)
{
    json_auto_t *claims = json_object();
    const char *id, *file;
    json_t *value;

    json_object_foreach(r->missing, id, value) {
        file = find(r, id);
        if (file)
            json_object_set_new(claims, file,
                                json_object_get(claims, file) ? json_null() : json_string(id));
    }
    json_object_foreach(claims, file, value) {
        if (!json_is_null(value)) {
            id = json_string_value(value);
            check_give(r->k, id, file, r->how);
            json_object_del(r->missing, id);
        }
        json_object_del(r->strays, file);
    }
}

/* The files that no layer is recorded with. */
static json_t *find_strays(const struct check *k)
{
    json_auto_t *files = chain_files(k->c);
    json_t *strays = json_object(), *entry;
    const char *file;

    json_object_foreach((json_t *)k->files, file, entry)
        if (!chain_file_in(k->c, files, file))
            json_object_set_new(strays, file, json_true());
    return strays;
}

static json_t *find_missing(const struct check *k)
{
    json_t *missing = json_object(), *layer;
    const char *id;

    json_object_foreach(json_object_get(k->c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(k->c, id);

        if (check_is_file(k, id) && !check_file(k, file))
            json_object_set_new(missing, id, json_true());
    }
    return missing;
}

void check_moves(struct check *k)
{
    json_auto_t *missing = find_missing(k), *strays = NULL;

    if (!json_object_size(missing))
        return;
    strays = find_strays(k);
    struct round r = {.k = k, .missing = missing, .strays = strays, .namesakes = true};
    for (int i = 0; i < 2; i++, r.namesakes = false)
        for (r.how = IS_IT; r.how < LIKENESSES; r.how++)
            take(&r);
}

const char *check_moved(const struct check *k, const char *id, const char **how, bool *sure)
{
    const json_t *found = json_object_get(k->moved, id);
    const json_int_t like = number(found, "how");

    *how = likenesses[like];
    *sure = like == IS_IT;
    return text(found, "file");
}
