/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-beneath: a disk that runs on a layer below the one that is recorded as active.   PURE
 *
 *   recorded   base* <- s1* <- a      QEMU runs on s1
 *
 * The VM was started with an old image; or another tool has merged what lay above into it and has
 * switched to it (block-commit of the active layer). For the merge speaks that QEMU has a open
 * still, or that nothing of what lay above is there any more, and s1 has changed. Else nobody can
 * tell, and nothing is done: what the one needs ruins the other.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* The layer that @d runs on, if it is below @active, and no disk should be on it. NULL: it is not.
 */
static const char *find_onto(const struct check *k, const struct graph_disk *d, const char *active)
{
    const char *onto = chain_layer_by_file(k->c, d->layers[0].file);

    return active && onto && strcmp(onto, active) && !chain_is_active(k->c, onto) &&
                   chain_is_below(k->c, onto, active)
               ? onto
               : NULL;
}

/* Does nothing else build on what lies between, nor lie inside of what is to go? */
static bool is_alone(const struct check *k, const char *active, const char *onto)
{
    bool alone = true;

    for (const char *at = active, *child = NULL; alone && strcmp(at, onto);
         child = at, at = text(chain_layer(k->c, at), "backing")) {
        auto_free char *other = child ? chain_other_child(k->c, at, child) : NULL;

        alone = !other && (!child || !chain_is_active(k->c, at)) &&
                !(check_entry(k, at) && chain_is_seen_through(k->c, at));
    }
    return alone;
}

static bool are_gone(const struct check *k, const char *active, const char *onto)
{
    const char *at = active;

    while (strcmp(at, onto) && check_is_removed(k, at))
        at = text(chain_layer(k->c, at), "backing");
    return !strcmp(at, onto);
}

/* Is it, for sure, what it was when it was frozen? Nobody knows of what keeps no time. */
static enum check_how how_changed(const struct check *k, const char *onto)
{
    const json_t *entry = check_entry(k, onto);

    if (!entry)
        return CHANGED_BROKEN;
    const enum check_how how = check_how_changed(k, onto, entry);
    return how == CHANGED_NOT && !check_has_time(chain_layer(k->c, onto)) ? CHANGED_TIME : how;
}

static bool is_open(const struct check *k, const char *active)
{
    auto_free char *file = chain_layer_file(k->c, active);

    return file && json_object_get(json_object_get(k->survey, "opened"), file);
}

/* Can it be recorded, once it is known that there was a merge? */
static bool can_record(const struct check *k, const char *active, const char *onto)
{
    return k->files && !chain_pending(k->c) && !graph_works(k->s->graph) &&
           is_alone(k, active, onto) && how_changed(k, onto) != CHANGED_BROKEN;
}

void check_beneath(struct check *k)
{
    const struct graph *g = k->s->graph;

    for (size_t i = 0; k->live && i < g->ndisks; i++) {
        const char *active = chain_active(k->c, g->disks[i].id);
        const char *onto =
            graph_skip_reason(&g->disks[i]) ? NULL : find_onto(k, &g->disks[i], active);

        if (onto && can_record(k, active, onto) &&
            (is_open(k, active) ||
             (are_gone(k, active, onto) && how_changed(k, onto) != CHANGED_NOT)))
            check_note_committed(k, active, onto);
    }
}

bool check_is_beneath(const struct check *k, const char *id)
{
    auto_free char *file = chain_layer_file(k->c, id);
    const struct graph_disk *d = NULL;

    return k->live && file && !chain_is_active(k->c, id) && check_live(k, file, &d) &&
           same(d->layers[0].file, file);
}

/* What is to go before a merge can be recorded, in words. */
static char *what_is_left(const struct check *k, const char *active, const char *onto)
{
    char *names = NULL;

    for (const char *at = active; strcmp(at, onto); at = text(chain_layer(k->c, at), "backing")) {
        auto_free char *before = names, *file = chain_layer_file(k->c, at);

        names = check_entry(k, at)
                    ? mem_printf("%s%s%s", before ? before : "", before ? ", " : "", file)
                    : mem_strdup(before);
    }
    return names;
}

/* The way on after a merge that nothing here proves. */
static char *way_on(const struct check *k, const char *active, const char *onto)
{
    auto_free char *left = can_record(k, active, onto) ? what_is_left(k, active, onto) : NULL;

    return left ? mem_printf("remove or move to another folder: %s; then: qrewind repair --yes",
                             left)
                : mem_strdup("begin a new record: qrewind forget; then: qrewind adopt");
}

bool check_tell_beneath(struct check *k, const struct graph_disk *d, const char *why)
{
    const char *active = chain_active(k->c, d->id), *onto = find_onto(k, d, active);
    auto_free char *file = chain_layer_file(k->c, active);

    if (!onto || !k->live)
        return false;
    if (check_tell_committed(k, active, file))
        return true;
    if (d->removable)
        return false;
    if (k->files && how_changed(k, onto) == CHANGED_NOT && !is_open(k, active)) {
        check_add(k, &(struct finding){.code = "wrong-active", .subject = d->layers[0].file},
                  "%s; the VM was started with an old image: stop it and start it with %s", why,
                  file);
        return true;
    }
    auto_free char *way = way_on(k, active, onto);
    check_add(k, &(struct finding){.code = "wrong-active", .subject = d->layers[0].file},
              "%s; if the VM was started with an old image, stop it and start it with %s; if "
              "another tool has merged that into it (block-commit), never start it with that "
              "again: %s",
              why, file, way);
    return true;
}
