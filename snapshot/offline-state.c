/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * offline-state: see offline-state.h.
 *
 * Seen                                             then the disk runs on
 *   one of the two files is gone                     the other: clean-up comes after the switch
 *   the new one is an overlay that it made
 *     and nothing was written to it                  the old one: they show the same
 *     and something was written to it                the new one: that was the guest
 *   the operation was offline itself                 the old one: no guest wrote to either
 *   the user names the old one                       that
 *   the record does not know the disk yet            the old one is what its overlay lies on
 *   else                                             nobody knows: a guest may have gone on with
 *                                                    the new one, or it may not be complete
 *
 * All disks are switched together, and what one of them shows holds for all.
 */
#include "snapshot/offline-state.h"

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan.h"

enum state { SAME, BEFORE, AFTER, UNKNOWN };

static bool is_there(const char *file)
{
    return !graph_is_path(file) || image_is_there(file);
}

static bool is_named(const char *const *images, const char *file)
{
    for (; *images; images++)
        if (same(*images, file))
            return true;
    return false;
}

static bool is_overlay_of(const struct plan *p, const char *file)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "overlay") && same(text(step, "file"), file))
            return true;
    return false;
}

/* What the disk @id, which is new in what is pending, ran on before: what lies below the overlay
 * that was made for it. NULL: it has no disk. */
static const char *first_of(const struct plan *p, const char *id)
{
    const char *at = chain_active(&p->after, id);

    while (at) {
        auto_free char *file = chain_layer_file(&p->after, at);

        if (!is_overlay_of(p, file))
            break;
        at = text(chain_layer(&p->after, at), "backing");
    }
    return at;
}

/* @now is what is recorded, and the disks that are not yet. */
static void add_new(const struct plan *p, struct chain *now)
{
    json_t *disks = json_object_get(now->doc, "disks"), *disk;
    const char *id, *at;

    json_object_foreach(json_object_get(p->after.doc, "disks"), id, disk) {
        const char *first = json_object_get(disks, id) ? NULL : first_of(p, id);

        if (!first)
            continue;
        json_object_set_new(disks, id, json_deep_copy(disk));
        json_object_set_new(json_object_get(disks, id), "active", json_string(first));
        for (at = first; at && !chain_layer(now, at);
             at = text(chain_layer(&p->after, at), "backing"))
            json_object_set_new(json_object_get(now->doc, "layers"), at,
                                json_deep_copy(chain_layer(&p->after, at)));
    }
}

static enum state look(const struct plan *p, const char *before, const char *after,
                       const char *const *images)
{
    bool empty;

    if (!is_there(before))
        return AFTER;
    if (!is_there(after))
        return BEFORE;
    if (is_overlay_of(p, after) && !image_is_empty_overlay(after, &empty, NULL))
        return empty ? SAME : AFTER;
    if (p->offline)
        return SAME;
    return is_named(images, before) ? BEFORE : UNKNOWN;
}

static void nobody_knows(const struct plan *p, const char *before, const char *after,
                         struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s was under way when QEMU went: whether the guest then wrote to %s or to %s "
                  "cannot be told",
                  p->operation, before, after);
    const bool told = !p->fills || p->switched;
    auto_free char *old = path_quote(before);
    qmp_error_hint(
        err,
        "%s it was the first: qrewind -i %s repair; else start the VM on the second, and "
        "run qrewind repair%s there",
        told ? "if" : "unless somebody had completed the job,", old, told ? "" : " --yes");
}

/* @c: what is recorded, with the disks that are not yet. */
static enum state decide(const struct plan *p, const struct chain *c, const char *const *images,
                         struct qmp_error *doubt)
{
    auto_free char *doubt_before = NULL, *doubt_after = NULL;
    enum state state = SAME;
    const char *id;
    json_t *disk;

    json_object_foreach(json_object_get(c->doc, "disks"), id, disk) {
        auto_free char *before = chain_layer_file(c, text(disk, "active"));
        auto_free char *after = chain_layer_file(&p->after, chain_active(&p->after, id));
        enum state this = after && !same(before, after) ? look(p, before, after, images) : SAME;

        if (this == UNKNOWN && !doubt_before) {
            doubt_before = mem_strdup(before);
            doubt_after = mem_strdup(after);
        } else if (this == BEFORE || this == AFTER) {
            state = this;
        }
    }
    if (state == SAME && doubt_before)
        nobody_knows(p, doubt_before, doubt_after, doubt);
    return state;
}

int offline_state(const struct chain *c, const char *const *images, struct chain *now,
                  struct qmp_error *doubt, struct qmp_error *err)
{
    struct plan p;

    if (chain_pending(c)) {
        if (plan_from_json(&p, chain_pending(c), c->folder, err))
            return -1;
        chain_copy(now, c);
        add_new(&p, now);
        if (decide(&p, now, images, doubt) == AFTER) {
            chain_done(now);
            chain_copy(now, &p.after);
        }
        plan_done(&p);
        return 0;
    }
    chain_copy(now, c);
    return 0;
}
