/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-merged: layers that another tool has merged away.               PURE
 *
 *   recorded   base* <- s1* <- s2* <- a      s2's file is not there, and a's header names s1
 *
 * What lay between went up, into the layer whose header says so (qemu-img rebase, block-stream):
 * then the one that it names is what it was. Or it went down (a commit): then that one has
 * changed, and shows what the topmost of those between did. An older sidecar that was put back
 * after a delete looks the same. No file tells it from a rebase -u, which loses what lay between;
 * so that is only taken for a merge when the user says so.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* One merge: {"onto": layer that is named, "top": what is recorded below, "how": which way} */
static const char up[] = "up", down[] = CHECK_DOWN, unknown[] = "unknown";

static json_int_t number(const json_t *obj, const char *key)
{
    return json_integer_value(json_object_get(obj, key));
}

/* From @top on are all layers gone until @onto comes? */
static bool all_gone_between(const struct check *k, const char *top, const char *onto)
{
    size_t left = json_object_size(json_object_get(k->c->doc, "layers"));
    const char *at = top;

    for (; at && strcmp(at, onto) && left-- > 0; at = text(chain_layer(k->c, at), "backing"))
        if (!check_is_gone(k, at))
            return false;
    return same(at, onto);
}

/* Has QEMU, where it has @file open, it on @below? */
static bool agrees_with_qemu(const struct check *k, const char *file, const char *below)
{
    const struct graph_disk *d = NULL;
    const struct graph_layer *live = check_live(k, file, &d);

    return !live || (live + 1 < d->layers + d->nlayers &&
                     (same(live[1].file, below) || check_same_file(k, live[1].file, below)));
}

/* Does the file still look like the layer @id, apart from what was written to it? */
static bool is_like(const struct check *k, const char *id, const json_t *entry, const char *format)
{
    const json_t *layer = chain_layer(k->c, id), *size = json_object_get(entry, "virtual");

    return same(format, text(layer, "format")) &&
           (same(format, "qcow2") ? size && number(entry, "virtual") == number(layer, "size")
                                  : true);
}

/* Which way went what lay between @onto and @id, whose header names it? */
static const char *find_way(const struct check *k, const char *id, const json_t *entry,
                            const char *onto, const json_t *below)
{
    const enum check_how upper = check_how_changed(k, id, entry),
                         lower = check_how_changed(k, onto, below);

    if (upper == CHANGED_BROKEN || chain_is_active(k->c, onto) ||
        !is_like(k, onto, below, text(entry, "backing_format")))
        return unknown;
    if (lower == CHANGED_NOT && check_has_time(chain_layer(k->c, onto)))
        return up;
    return lower == CHANGED_CONTENT && upper != CHANGED_CONTENT ? down : unknown;
}

static void find_merge(struct check *k, const char *id)
{
    const char *top = text(chain_layer(k->c, id), "backing");
    auto_free char *file = chain_layer_file(k->c, id);
    const json_t *entry = check_file(k, file);
    const char *leads = text(entry, "leads");

    if (!top || !leads || text(entry, "link") || text(entry, "problem") || !check_is_gone(k, top) ||
        !check_file(k, leads) || !agrees_with_qemu(k, file, leads))
        return;
    const char *onto = chain_layer_by_file(k->c, leads), *at = top;
    if (!onto || !all_gone_between(k, top, onto))
        return;
    const json_t *before = json_object_get(k->onto, onto);
    const bool several = before && !same(json_string_value(before), top);
    json_object_set_new(
        k->merged, id,
        json_pack("{s:s, s:s, s:s}", "onto", onto, "top", top, "how",
                  several ? unknown : find_way(k, id, entry, onto, check_file(k, leads))));
    json_object_set_new(k->onto, onto, json_string(several ? "" : top));
    for (; strcmp(at, onto); at = text(chain_layer(k->c, at), "backing"))
        json_object_set_new(k->between, at, json_string(onto));
}

/* What went down has changed the layer for whoever else builds on it, and all that lay between must
 * have gone with it: else nobody knows. */
static void doubt(struct check *k)
{
    json_auto_t *doubtful = json_object();
    const char *id;
    json_t *layer, *m;

    json_object_foreach(json_object_get(k->c->doc, "layers"), id, layer) {
        const char *below = text(layer, "backing"), *onto = text(k->between, below ? below : "");

        if (json_object_get(k->between, id))
            continue;
        if (onto && !json_object_get(k->merged, id)) {
            json_object_set_new(k->needed, below, json_true());
            json_object_set_new(doubtful, onto, json_true());
        }
        if (below && json_object_get(k->onto, below))
            json_object_set_new(doubtful, below, json_true());
    }
    json_object_foreach(k->merged, id, m) {
        const char *onto = text(m, "onto");

        if (same(text(m, "how"), down) &&
            (json_object_get(doubtful, onto) || same(text(k->onto, onto), "")))
            json_object_set_new(m, "how", json_string(unknown));
    }
}

void check_merges(struct check *k)
{
    const char *id;
    json_t *layer;

    if (chain_pending(k->c)) /* it has changed headers itself */
        return;
    json_object_foreach(json_object_get(k->c->doc, "layers"), id, layer)
        find_merge(k, id);
    if (json_object_size(k->merged))
        doubt(k);
    check_committed(k);
    check_beneath(k);
    check_skips(k);
}

/* ---- what the other rules ask ---- */

const char *check_builds_on(const struct check *k, const char *id)
{
    const char *onto = text(json_object_get(k->merged, id), "onto");

    return onto ? onto : text(chain_layer(k->c, id), "backing");
}

/* The merge down that has changed @id, as its last word: what it was it shows no more. */
static const json_t *merged_down_to(const struct check *k, const char *key, const char *layer)
{
    const char *id;
    json_t *m;

    json_object_foreach(k->merged, id, m)
        if (same(text(m, "how"), down) && same(text(m, key), layer))
            return m;
    return NULL;
}

const char *check_shown_by(const struct check *k, const char *layer)
{
    const json_t *m = layer ? merged_down_to(k, "top", layer) : NULL;

    return m ? text(m, "onto") : layer;
}

bool check_is_overwritten(const struct check *k, const json_t *held)
{
    const char *layer = text(held, "layer");

    return (layer && merged_down_to(k, "onto", layer)) || check_is_skewed(k, held, NULL);
}

bool check_is_doubtful(const struct check *k, const char *layer)
{
    const char *id;
    json_t *m;

    json_object_foreach(k->merged, id, m)
        if (same(text(m, "how"), unknown) &&
            (same(text(m, "onto"), layer) || same(text(k->between, layer), text(m, "onto"))))
            return true;
    return false;
}

bool check_explains(const struct check *k, const char *id)
{
    return json_object_get(k->merged, id) || json_object_get(k->onto, id);
}

bool check_is_merged(const struct check *k, const char *id)
{
    return json_object_get(k->between, id) && !json_object_get(k->needed, id);
}

/* ---- the finding ---- */

static void cannot_tell(struct check *k, const char *file, const char *onto, const char *gone,
                        const json_t *below, const json_t *layer)
{
    const bool hash = json_object_get(layer, "sha256") && !json_object_get(below, "sha256");

    check_add(
        k, &(struct finding){.code = "stale-record", .subject = file},
        "its header names %s, recorded is %s, which is not there; whether somebody has merged "
        "that into this one, or into %s, cannot be told: %s",
        path_name(onto), path_name(gone), path_name(onto),
        hash ? "qrewind check --deep may tell"
             : "get it back from a copy, or, if the VM shows what it should, begin a new "
               "record: qrewind forget, then adopt");
}

bool check_tell_merged(struct check *k, const char *id, const char *file)
{
    const json_t *m = json_object_get(k->merged, id);
    const char *how = text(m, "how");

    if (!m)
        return false;
    if (same(text(m, "top"), id)) /* it was merged itself: that is told with the disk */
        return true;
    auto_free char *onto = chain_layer_file(k->c, text(m, "onto"));
    auto_free char *gone = chain_layer_file(k->c, text(m, "top"));
    if (same(how, unknown)) {
        cannot_tell(k, file, onto, gone, check_file(k, onto), chain_layer(k->c, text(m, "onto")));
        return true;
    }
    const bool is_down = same(how, down);
    if (!is_down && chain_is_seen_through(k->c, id)) {
        auto_free char *inside = chain_inside(k->c, id);

        check_add(k, &(struct finding){.code = "stale-record", .subject = file},
                  "its header names %s, recorded is %s, which is not there; get that back from a "
                  "copy: %s inside of this one needs it; to give that up: qrewind delete %s",
                  path_name(onto), path_name(gone), inside ? inside : "the undo point",
                  inside ? "NAME" : "--undo");
        return true;
    }
    auto_free char *pins = is_down ? chain_pins(k->c, text(m, "onto")) : NULL;
    auto_free char *into = mem_printf(is_down ? "into %s, which has changed (a commit)"
                                              : "into this one (a rebase, a block-stream)",
                                      path_name(onto));
    auto_free char *repair =
        mem_printf("record that it was merged%s%s", pins ? "; drop " : "", pins ? pins : "");
    check_add(
        k,
        &(struct finding){"stale-record", file, repair,
                          json_pack("{s:s, s:s, s:s, s:s*}", "do", "merged", "layer", id, "onto",
                                    text(m, "onto"), "top", is_down ? text(m, "top") : NULL),
                          true},
        "its header names %s, recorded is %s, which is not there: it looks as if somebody has "
        "merged that %s; if not (rebase -u), what was in it is lost: get it back from a copy",
        path_name(onto), path_name(gone), into);
    return true;
}
