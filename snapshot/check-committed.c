/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-committed: an active layer that was merged down by hand, and removed.      PURE
 *
 *   recorded   base* <- s1* <- a      a's file is not there, and s1 has changed (qemu-img commit)
 *
 * No header tells, as that of a went with it. That s1 has changed since it was frozen does, as long
 * as all else that builds on it is there; that its time alone has, may mean anything. Whatever goes
 * through s1 shows what came down since. Of a VM that runs check-beneath.c finds out.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* Is another layer than @child that builds on @id gone as well? */
static bool is_other_gone(const struct check *k, const char *id, const char *child)
{
    const char *other;
    json_t *layer;

    json_object_foreach(json_object_get(k->c->doc, "layers"), other, layer)
        if (same(text(layer, "backing"), id) && strcmp(other, child) && check_is_gone(k, other))
            return true;
    return false;
}

/* The first layer below the active one @id that is there. NULL: none, or others build on what is
 * between, or what did on it is gone, too: that may be what was merged. */
static const char *find_onto(const struct check *k, const char *id)
{
    const char *at = id, *child = id;

    if (chain_pending(k->c) || !chain_is_active(k->c, id))
        return NULL;
    while (at && check_is_removed(k, at)) {
        auto_free char *other = at != id ? chain_other_child(k->c, at, child) : NULL;

        child = at;
        at = text(chain_layer(k->c, at), "backing");
        if (other || (at && chain_is_active(k->c, at)))
            return NULL;
    }
    return at && at != id && !is_other_gone(k, at, child) ? at : NULL;
}

static bool is_merged(const struct check *k, const char *id, const char *onto)
{
    const json_t *entry = check_entry(k, onto);

    return entry && !text(entry, "problem") &&
           check_how_changed(k, onto, entry) == CHANGED_CONTENT &&
           (!same(text(chain_layer(k->c, onto), "format"), "qcow2") ||
            json_integer_value(json_object_get(entry, "virtual")) == chain_layer_size(k->c, id));
}

void check_note_committed(struct check *k, const char *id, const char *onto)
{
    json_object_set_new(k->merged, id,
                        json_pack("{s:s, s:s, s:s}", "onto", onto, "top", id, "how", CHECK_DOWN));
    json_object_set_new(k->onto, onto, json_string(id));
    for (const char *at = id; strcmp(at, onto); at = text(chain_layer(k->c, at), "backing"))
        json_object_set_new(k->between, at, json_string(onto));
}

void check_committed(struct check *k)
{
    const char *disk;
    json_t *entry;

    if (k->live) /* what the guest writes changes it, too */
        return;
    json_object_foreach(json_object_get(k->c->doc, "disks"), disk, entry) {
        const char *id = text(entry, "active"), *onto = id ? find_onto(k, id) : NULL;

        if (onto && is_merged(k, id, onto))
            check_note_committed(k, id, onto);
    }
}

/* What speaks for it, in words. */
static char *told(const struct check *k, const char *id, const char *into)
{
    if (check_entry(k, id))
        return mem_printf(
            "the disk runs on %s, which is below it, and QEMU has it open still: "
            "somebody has merged it into that (block-commit); until it is closed there "
            "(blockdev-del), or the VM starts anew, QEMU takes no snapshot of the "
            "disk",
            into);
    return mem_printf("it is not there (active), and %s, which is below it, has changed since it "
                      "was frozen: it looks as if somebody has merged it into that (%s); if not, "
                      "what was in it is lost: get it back from a copy%s",
                      into, k->live ? "a commit" : "qemu-img commit",
                      k->live ? "; if QEMU has it open, it takes no snapshot of the disk until it "
                                "is closed there (blockdev-del), or the VM starts anew"
                              : "");
}

bool check_tell_committed(struct check *k, const char *id, const char *file)
{
    const char *onto = text(json_object_get(k->merged, id), "onto");

    if (!onto || !chain_is_active(k->c, id))
        return false;
    auto_free char *into = chain_layer_file(k->c, onto);
    auto_free char *words = told(k, id, into);
    json_t *mend = json_pack("{s:s, s:s, s:s}", "do", "committed", "layer", id, "onto", onto);
    check_drop_skewed(k, onto, mend);
    auto_free char *drop = check_dropped(mend);
    auto_free char *repair =
        mem_printf("record that it was merged, and the disk is on %s%s", path_name(into), drop);
    check_add(k, &(struct finding){"stale-record", file, repair, mend, true}, "%s", words);
    return true;
}

char *check_perhaps_committed(const struct check *k, const char *id)
{
    const char *onto = find_onto(k, id);
    auto_free char *file = chain_layer_file(k->c, onto);
    const json_t *entry = onto ? check_entry(k, onto) : NULL;

    if (!entry || check_how_changed(k, onto, entry) < CHANGED_TIME)
        return mem_strdup("");
    auto_free char *image = path_quote(file);
    if (k->live)
        return mem_printf("; or, if somebody has merged it into %s (qemu-img commit), end the VM; "
                          "then this tells what to do: qrewind -i %s check",
                          path_name(file), image);
    if (check_how_changed(k, onto, entry) != CHANGED_TIME)
        return mem_strdup("");
    return mem_printf(
        "; or, if somebody has merged it into %s (qemu-img commit), whose time has "
        "changed, begin a new record: qrewind -i %s forget; then: qrewind -i %s adopt",
        path_name(file), image, image);
}
