/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-layers: is each layer's file there, and sound?                  PURE
 *
 * Whether it is what it was: check-change.c.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

static json_int_t number(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

/* ---- a file that is not there ---- */

/* How well it is known which file a layer was moved to. */
enum likeness { FITS, ON_THE_SAME, ON_WHAT_IS_GONE, LIKENESSES };

static const char *const likenesses[] = {
    [FITS] = "has its size and time",
    [ON_THE_SAME] = "builds on the same layer and is as large",
    [ON_WHAT_IS_GONE] = "is as large, and builds on a file that is not there any more",
};

/* Did the user name @file, where no VM says what it runs on? */
static bool is_named(const struct check *k, const char *file)
{
    const struct graph_disk *d = k->live ? NULL : graph_disk_with(k->s->graph, file);

    return d && same(d->layers[0].file, file);
}

/*
 * Is @file, of @entry, an overlay that nobody knows, of the right size, on the very layer that
 * @layer builds on? If the files below were renamed, too, its header names what that was called
 * before: as is still recorded, or, where the new name is, what nothing is called now. An empty one
 * may be anybody's, but the user says that this is it.
 */
static bool could_be(const struct check *k, const json_t *layer, const char *file,
                     const json_t *entry, enum likeness how)
{
    auto_free char *below = chain_layer_file(k->c, text(layer, "backing"));
    const char *leads = text(entry, "leads");

    if (!below || !leads || number(entry, "virtual") != number(layer, "size") ||
        (json_is_true(json_object_get(entry, "empty")) && !is_named(k, file)))
        return false;
    if (how == ON_THE_SAME)
        return same(leads, below) || check_same_file(k, leads, below);
    return !check_file(k, leads) && !chain_layer_by_file(k->c, leads);
}

/* The one file that nobody knows and that @id can be, of several the one that the user named. NULL:
 * none, or several. */
static const char *find_by(const struct check *k, const char *id, enum likeness how)
{
    size_t several = 0, named = 0;
    const json_t *layer = chain_layer(k->c, id);
    const char *file, *found = NULL;
    json_t *entry;

    json_object_foreach((json_t *)k->files, file, entry) {
        if (chain_layer_by_file(k->c, file) ||
            !(how == FITS ? check_fits(layer, entry) : could_be(k, layer, file, entry, how)))
            continue;
        if (how == ON_THE_SAME && is_named(k, file))
            named++;
        else if (named)
            continue;
        several++;
        found = file;
    }
    return (named ? named : several) == 1 ? found : NULL;
}

static const char *find_moved(const struct check *k, const char *id, enum likeness *how)
{
    const char *found = NULL;

    *how = FITS;
    if (json_object_get(chain_layer(k->c, id), "fingerprint"))
        return find_by(k, id, FITS);
    while (!found && ++*how < LIKENESSES)
        found = find_by(k, id, *how);
    return found;
}

/* One file that could be two layers is neither. */
static void take_move(struct check *k, json_t *taken, const char *id, const char *file,
                      enum likeness how)
{
    const char *other = text(taken, file);

    if (!json_object_get(taken, file))
        json_object_set_new(k->moved, id, json_pack("{s:s, s:i}", "file", file, "how", (int)how));
    if (other)
        json_object_del(k->moved, other);
    json_object_set_new(taken, file, json_object_get(taken, file) ? json_null() : json_string(id));
}

void check_moves(struct check *k)
{
    json_auto_t *taken = json_object();
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(k->c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(k->c, id);
        enum likeness how;
        const char *moved =
            check_is_file(k, id) && !check_file(k, file) ? find_moved(k, id, &how) : NULL;

        if (moved)
            take_move(k, taken, id, moved, how);
    }
}

static json_t *rename_to(const char *id, const char *file)
{
    return json_pack("{s:s, s:s, s:s}", "do", "rename", "layer", id, "file", file);
}

/* QEMU has it open still, by the name that it had: nothing else can be recorded. */
static void missing_live(struct check *k, const char *file, const char *moved,
                         const struct graph_disk *d)
{
    if (moved)
        check_add(k, &(struct finding){.code = "moved-file", .subject = file},
                  "it is not there; move %s back while QEMU has it open", moved);
    else
        check_add(k, &(struct finding){.code = "missing-file", .subject = file},
                  "it is not there any more, but QEMU has it open: qrewind mirror %s FILE --pivot "
                  "saves what the guest sees",
                  d->id);
}

static void missing_for_good(struct check *k, const char *id, const char *file, const char *why)
{
    auto_free char *below = chain_layer_file(k->c, text(chain_layer(k->c, id), "backing"));
    auto_free char *cure = check_file(k, below) && !k->live ? lost_cure(k->c, id) : NULL;

    check_add(k, &(struct finding){.code = "missing-file", .subject = file},
              "it is not there (%s); get it back from a copy%s%s", why, cure ? "; " : "",
              cure ? cure : "");
}

static void missing(struct check *k, const char *id, const char *file)
{
    const json_t *to = json_object_get(k->moved, id);
    const char *moved = text(to, "file");
    const enum likeness how = (enum likeness)number(to, "how");
    const struct graph_disk *d = NULL;
    auto_free char *why = chain_keeps(k->c, id);
    auto_free char *child = chain_other_child(k->c, id, NULL);

    if (check_after(k) && !chain_layer(check_after(k), id))
        return; /* it is to go, or has gone already */
    if (check_is_merged(k, id))
        return; /* told with the layer that it was merged into, or that says so */
    if (check_live(k, file, &d))
        missing_live(k, file, moved, d);
    else if (moved)
        check_add(k,
                  &(struct finding){"moved-file", file, "record the new name", rename_to(id, moved),
                                    how != FITS},
                  "it is not there; %s %s", moved, likenesses[how]);
    else if (!why && !child)
        check_add(k,
                  &(struct finding){"missing-file", file, "drop it from the record",
                                    json_pack("{s:s, s:s}", "do", "drop-layer", "layer", id),
                                    false},
                  "it is not there, and nothing needs it any more");
    else
        missing_for_good(k, id, file, why ? why : "others build on it");
}

/* What the image holds lies in another file. A relative name QEMU knows better, while it runs. */
static void missing_data(struct check *k, const char *id, const char *file, const json_t *entry)
{
    const char *data = text(entry, "data");

    if (!data || check_file(k, data) || (k->live && data[0] != '/'))
        return;
    auto_free char *who = check_needed_by(k, id);
    check_add(k, &(struct finding){.code = "missing-file", .subject = data},
              "it is not there, and what %s holds lies in it; get it back from a copy%s",
              path_name(file), who);
}

/* ---- one that is ---- */

/* QEMU knows images by their own names, and begins there with a relative backing name. */
static void linked(struct check *k, const char *id, const char *file, const char *target)
{
    check_add(
        k,
        &(struct finding){"moved-file", file, "record the new name", rename_to(id, target), false},
        "it is a link to %s", target);
}

static void unsound(struct check *k, const char *id, const char *file, const json_t *entry)
{
    const char *problem = text(entry, "problem"), *damage = text(entry, "damage");
    json_int_t leaks = number(entry, "leaks");

    if (problem && same(text(chain_layer(k->c, id), "format"), "qcow2")) {
        /* it goes down from every snapshot: not for each layer that is well */
        auto_free char *who = check_needed_by(k, id);

        check_add(k, &(struct finding){.code = "unreadable-image", .subject = file},
                  "%s; get it back from a copy%s", problem, who);
    }
    if (json_is_true(json_object_get(entry, "corrupt")) || damage)
        check_add(k, &(struct finding){.code = "corrupt-image", .subject = file},
                  "%s; on a copy of it, qemu-img check -r all may help",
                  damage ? damage : "QEMU has marked it as damaged");
    else if (leaks)
        check_add(k,
                  &(struct finding){"leaked-clusters", file, "free them (qemu-img check -r leaks)",
                                    json_pack("{s:s, s:s, s:s?}", "do", "leaks", "file", file,
                                              "touches", check_change(k, id, entry) ? NULL : id),
                                    true},
                  "%lld clusters are in use for nothing", (long long)leaks);
    if (number(entry, "mode") & 002)
        check_add(k,
                  &(struct finding){"open-permissions", file, "chmod o-w",
                                    json_pack("{s:s, s:s, s:i}", "do", "chmod", "file", file,
                                              "mode", (int)number(entry, "mode") & ~002),
                                    true},
                  "everybody may write to it");
}

void check_layers(struct check *k)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(k->c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(k->c, id);
        const json_t *entry = check_file(k, file);

        if (!check_is_file(k, id))
            continue;
        if (!entry) {
            missing(k, id, file);
            continue;
        }
        unsound(k, id, file, entry);
        missing_data(k, id, file, entry);
        if (text(entry, "link")) {
            linked(k, id, file, text(entry, "link"));
            continue;
        }
        if (chain_pending(k->c)) /* it may have changed them on purpose */
            continue;
        check_changed(k, id, file, entry);
        check_backing(k, id, file, entry);
    }
}
