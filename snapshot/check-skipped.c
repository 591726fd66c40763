/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-skipped: a layer that was merged into the one below, and left where it is.  PURE
 *
 *   recorded   base* <- s1* <- s2* <- a      a lies on s1, and s1 has changed (block-commit)
 *
 * On what a lies QEMU tells, or its header. What s2 shows is right with it as without it, and its
 * snapshots are kept; those of s1 show what s2 did. As long as s1 is what it was, s2 went up into
 * a, and nothing is lost.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
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
            json_object_set_new(k->skipped, onto, json_string(id));
    }
}

bool check_tell_skipped(struct check *k, const char *id, const char *file, const char *what)
{
    const char *above = text(k->skipped, id);

    if (!above)
        return false;
    auto_free char *top = chain_layer_file(k->c, above);
    auto_free char *gone = chain_layer_file(k->c, text(chain_layer(k->c, above), "backing"));
    auto_free char *pins = chain_pins(k->c, id);
    auto_free char *repair =
        mem_printf("take it as it is now%s%s", pins ? "; drop " : "", pins ? pins : "");
    check_add(k,
              &(struct finding){"changed-base", file, repair,
                                json_pack("{s:s, s:[s]}", "do", "overwritten", "layers", id), true},
              "%s since it was frozen, and %s lies on it, not on %s: it looks as if somebody has "
              "merged that into it (block-commit); if not, what builds on it may be damaged",
              what, path_name(top), path_name(gone));
    return true;
}
