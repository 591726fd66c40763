/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-layers: is each layer's file there, and sound?                  PURE
 *
 * Whether it is what it was: check-change.c. Where it was moved to: check-moved.c.
 */
#include <stdlib.h>
#include <string.h>

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

/* Does it lie in another folder than the sidecar? */
static bool is_elsewhere(const struct check *k, const char *file)
{
    auto_free char *folder = path_folder(file);

    return strcmp(folder, k->c->folder) != 0;
}

static void missing_for_good(struct check *k, const char *id, const char *file, const char *why)
{
    const bool away = check_is_away(k, file);
    auto_free char *below = chain_layer_file(k->c, text(chain_layer(k->c, id), "backing"));
    auto_free char *more = check_give_up(k, id, NULL), *merged = check_perhaps_committed(k, id);
    auto_free char *cure =
        check_file(k, below) && !k->live && !away && !more[0] ? lost_cure(k->c, id) : NULL;

    check_add(k, &(struct finding){.code = "missing-file", .subject = file},
              "it is not there (%s)%s; %s%s%s%s%s%s", why,
              away ? ", nor is anything else in its folder" : "",
              away ? "mount what that lies on" : "get it back from a copy",
              is_elsewhere(k, file)
                  ? "; if it was moved, name the disk's image where it is now, too: --image FILE"
                  : "",
              cure ? "; " : "", cure ? cure : "", away ? "" : more, merged);
}

static void missing(struct check *k, const char *id, const char *file)
{
    bool sure;
    const char *how, *moved = check_moved(k, id, &how, &sure);
    const struct graph_disk *d = NULL;
    auto_free char *why = chain_keeps(k->c, id);
    auto_free char *child = chain_other_child(k->c, id, NULL);

    if (check_after(k) && !chain_layer(check_after(k), id))
        return; /* it is to go, or has gone already */
    if ((!k->live && check_tell_committed(k, id, file)) || check_is_merged(k, id))
        return; /* told with the layer that it was merged into, or that says so */
    if (check_live(k, file, &d))
        missing_live(k, file, moved, d);
    else if (moved)
        check_add(k,
                  &(struct finding){"moved-file", file, "record the new name", rename_to(id, moved),
                                    !sure},
                  "it is not there; %s %s", moved, how);
    else if (!why && !child && !check_is_away(k, file))
        check_add(k,
                  &(struct finding){"missing-file", file, "drop it from the record",
                                    json_pack("{s:s, s:s}", "do", "drop-layer", "layer", id),
                                    false},
                  "it is not there, and nothing needs it any more");
    else
        missing_for_good(k, id, file,
                         why     ? why
                         : child ? "others build on it"
                                 : "nothing needs it");
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
    if (!check_give(k, id, target, 0)) {
        check_add(k, &(struct finding){.code = "moved-file", .subject = file},
                  "it is a link to %s, which is another layer; get it back from a copy", target);
        return;
    }
    check_add(
        k,
        &(struct finding){"moved-file", file, "record the new name", rename_to(id, target), false},
        "it is a link to %s", target);
}

static void unsound(struct check *k, const char *id, const char *file, const json_t *entry)
{
    const char *problem = text(entry, "problem"), *damage = text(entry, "damage");
    json_int_t leaks = number(entry, "leaks");
    auto_free char *below = chain_layer_file(k->c, text(chain_layer(k->c, id), "backing"));
    auto_free char *way = k->live || !check_file(k, below) ? NULL : lost_way_back(k->c, id, false);
    const bool corrupt = json_is_true(json_object_get(entry, "corrupt")) || damage;
    auto_free char *more = problem || corrupt ? check_give_up(k, id, entry) : NULL;

    if (problem && same(text(chain_layer(k->c, id), "format"), "qcow2")) {
        /* it goes down from every snapshot: not for each layer that is well */
        auto_free char *who = check_needed_by(k, id);

        auto_free char *cure = way ? lost_cure(k->c, id) : NULL;

        check_add(k, &(struct finding){.code = "unreadable-image", .subject = file},
                  "%s; get it back from a copy%s%s%s%s", problem, who, cure ? "; " : "",
                  cure ? cure : "", more);
    }
    if (corrupt)
        check_add(k, &(struct finding){.code = "corrupt-image", .subject = file},
                  "%s; on a copy of it, qemu-img check -r all may help%s%s%s",
                  damage ? damage : "QEMU has marked it as damaged",
                  way ? "; to go back to a snapshot, with it as the undo point: " : "",
                  way ? way : "", more);
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
