/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * offline-state: see offline-state.h.
 *
 * Seen                                             then the disk runs on
 *   one of the two files is gone                     the other: clean-up comes after the switch
 *   the new one is an overlay that it made
 *     and it is no whole image yet                   the old one: it is synced before the switch
 *     and nothing was written to it                  the old one: they show the same
 *     and something was written to it                the new one: that was the guest
 *   the operation was offline itself                 the old one: no guest wrote to either
 *   it was a copy, and was to stay one               the old one
 *   who began it had not told it to switch yet       the old one: nobody else was to
 *   the user names the old one                       that
 *   the record does not know the disk yet            the old one is what the journal says it ran on
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

/* The layer @id of @after, and what that knows below it, into @now. */
static void add_layers(struct chain *now, const struct chain *after, const char *id)
{
    for (; id && !chain_layer(now, id); id = text(chain_layer(after, id), "backing"))
        json_object_set_new(json_object_get(now->doc, "layers"), id,
                            json_deep_copy(chain_layer(after, id)));
}

/* @now is what is recorded, and the disks that are not yet: on what they ran on. */
static void add_new(const struct plan *p, const json_t *fresh, struct chain *now)
{
    const char *id, *file;
    json_t *ran;

    json_object_foreach((json_t *)fresh, id, ran)
        if ((file = text(ran, "file")))
            add_layers(now, &p->after, chain_layer_by_file(&p->after, file));
    json_object_foreach((json_t *)fresh, id, ran) {
        if (!chain_active(&p->after, id) || chain_active(now, id) || !(file = text(ran, "file")) ||
            !text(ran, "format"))
            continue;
        const char *layer = chain_layer_by_file(now, file);

        if (!layer)
            layer = chain_add_layer(now, file, text(ran, "format"), 0, NULL, false);
        chain_set_active(now, id, layer);
    }
}

/* Is the job of @p, which only copies, told to end as a copy? */
static bool finishes(const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "then"), "finish"))
            return true;
    return false;
}

static enum state look(const struct plan *p, const char *before, const char *after,
                       const char *const *images)
{
    bool empty;

    if (!is_there(before))
        return AFTER;
    if (!is_there(after) || (is_overlay_of(p, after) && image_is_unwritten(after)))
        return BEFORE;
    if (is_overlay_of(p, after) && !image_is_empty_overlay(after, &empty, NULL))
        return empty ? SAME : AFTER;
    if (p->offline || finishes(p) || (p->followed && !p->switched))
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
        add_new(&p, json_object_get(chain_pending(c), "new"), now);
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
