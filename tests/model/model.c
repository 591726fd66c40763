/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model: see model.h. */
#include "tests/model/model.h"

#include <string.h>

/* ---- snapshots ---- */

struct model_snapshot *model_find(struct model *m, const char *name)
{
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->snapshots[i].name, name))
            return &m->snapshots[i];
    return NULL;
}

static void replace(struct model *m, const char *name, const char *by)
{
    char from[STEP_NAME], to[STEP_NAME];

    strcpy(from, name); /* it may be one of those that are replaced */
    strcpy(to, by);
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->snapshots[i].parent, from))
            strcpy(m->snapshots[i].parent, to);
    if (!strcmp(m->current, from))
        strcpy(m->current, to);
    if (!strcmp(m->undo_current, from))
        strcpy(m->undo_current, to);
}

void model_drop(struct model *m, const char *name)
{
    struct model_snapshot *s = model_find(m, name);

    if (!s)
        return;
    replace(m, s->name, s->parent);
    m->n--;
    memmove(s, s + 1, (size_t)(m->snapshots + m->n - s) * sizeof(*s));
}

/* The present state under a name, of one disk or of all. */
static struct model_snapshot *take(struct model *m, const char *name, const struct content *like)
{
    struct model_snapshot *s = &m->snapshots[m->n++];

    memset(s, 0, sizeof(*s));
    strcpy(s->name, name);
    strcpy(s->parent, m->current);
    s->running = m->running;
    for (int d = 0; d < m->ndisks; d++)
        if (like[d].held)
            s->disk[d] = m->now[d];
    return s;
}

/* ---- verbs: each is refused before it changes anything ---- */

static bool create(struct model *m, const struct layout *l, const struct step *step)
{
    struct content which[MODEL_DISKS] = {{0}};
    const bool inside = step->flags & STEP_INTERNAL;

    if (model_find(m, step->name[0]))
        return false;
    for (int d = 0; d < m->ndisks; d++) {
        which[d].held = step->disk == STEP_ALL || step->disk == d;
        if (which[d].held && inside && images_is_raw(l->active[d]))
            return false;
    }
    struct model_snapshot *s = take(m, step->name[0], which);
    s->memory = step->flags & STEP_MEMORY;
    if (inside)
        strcpy(s->tag, s->name);
    strcpy(m->current, step->name[0]);
    return true;
}

enum place { ON_IT, OFF_IT, PARTLY };

/* Do the disks of @there run on the images @files that it lies inside of? */
static enum place place_of(const struct model *m, const struct layout *l,
                           const struct content *there, const char (*files)[IMAGE_NAME])
{
    bool on = false, off = false;

    for (int d = 0; d < m->ndisks; d++) {
        if (!there[d].held)
            continue;
        on |= !strcmp(files[d], l->active[d]);
        off |= strcmp(files[d], l->active[d]) != 0;
    }
    return on && off ? PARTLY : off ? OFF_IT : ON_IT;
}

enum kept { KEPT_ALL, KEPT_TARGET, KEPT_INSIDE };

/* To @there, which may be the undo point itself; what was is kept as the step says: a snapshot is
 * of @kept, of all disks or of those that go back, inside of the images or in layers. */
static void go_back(struct model *m, const struct content *there, const char *current,
                    const struct step *step, enum kept kept)
{
    struct content target[MODEL_DISKS], all[MODEL_DISKS];
    const bool inside = kept == KEPT_INSIDE;
    char name[STEP_NAME], was[STEP_NAME];

    memcpy(target, there, sizeof(target));
    for (int d = 0; d < m->ndisks; d++)
        all[d].held = true;
    strcpy(name, current);
    strcpy(was, m->current);
    m->has_undo = !step->fresh[0] && !(step->flags & STEP_DISCARD);
    strcpy(m->undo_current, m->has_undo ? was : "");
    memset(m->undo, 0, sizeof(m->undo));
    m->undo_inside = m->has_undo && inside;
    if (step->fresh[0] && inside)
        strcpy(take(m, step->fresh, target)->tag, step->fresh);
    else if (step->fresh[0])
        take(m, step->fresh, kept == KEPT_ALL ? all : target);
    for (int d = 0; d < m->ndisks; d++) {
        if (!target[d].held)
            continue;
        if (m->has_undo)
            m->undo[d] = m->now[d];
        m->now[d] = target[d];
    }
    strcpy(m->current, name);
}

static void go_on(struct model *m, bool was_running, const struct step *step)
{
    m->running = (step->flags & STEP_RUNNING) || (!(step->flags & STEP_PAUSED) && was_running);
}

static bool revert(struct model *m, const struct layout *l, const struct step *step)
{
    const struct model_snapshot *s = model_find(m, step->name[0]);
    bool running = m->running, memory, inside;

    if (!s || (step->fresh[0] && model_find(m, step->fresh)))
        return false;
    memory = s->memory && !(step->flags & STEP_NO_MEMORY);
    enum place place = place_of(m, l, s->disk, l->held[s - m->snapshots]);
    inside = s->tag[0] && place == ON_IT;
    if (s->tag[0] && (place == PARTLY || (place == OFF_IT && memory)))
        return false;
    if (memory)
        running = s->running;
    go_back(m, s->disk, s->name, step, inside ? KEPT_INSIDE : s->tag[0] ? KEPT_TARGET : KEPT_ALL);
    go_on(m, running, step);
    return true;
}

static bool undo(struct model *m, const struct layout *l, const struct step *step)
{
    enum place place = place_of(m, l, m->undo, l->undo);

    if (!m->has_undo || (step->fresh[0] && model_find(m, step->fresh)) ||
        (m->undo_inside && place == PARTLY))
        return false;
    go_back(m, m->undo, m->undo_current, step,
            m->undo_inside && place == ON_IT ? KEPT_INSIDE : KEPT_TARGET);
    go_on(m, m->running, step);
    return true;
}

static bool named(const struct step *step, const char *name)
{
    for (int i = 0; i < STEP_NAMES; i++)
        if (*name && !strcmp(step->name[i], name))
            return true;
    return false;
}

/* Is @s to be deleted: named, or below one that is? */
static bool is_chosen(struct model *m, const struct model_snapshot *s, const struct step *step)
{
    for (; s; s = step->flags & STEP_CHILDREN ? model_find(m, s->parent) : NULL)
        if (named(step, s->name))
            return true;
    return false;
}

static void drop_all(struct model *m, const bool *chosen)
{
    const struct model before = *m;

    for (int i = 0; i < before.n; i++)
        if (chosen[i])
            model_drop(m, before.snapshots[i].name);
}

static bool delete_some(struct model *m, const struct step *step)
{
    bool chosen[MODEL_SNAPSHOTS] = {false};

    for (int i = 0; i < STEP_NAMES && step->name[i][0]; i++)
        if (!model_find(m, step->name[i]))
            return false;
    for (int i = 0; i < m->n; i++) {
        chosen[i] = is_chosen(m, &m->snapshots[i], step);
        if (chosen[i] && m->snapshots[i].pinned)
            return false;
    }
    drop_all(m, chosen);
    return true;
}

static bool edit(struct model *m, const struct step *step)
{
    struct model_snapshot *s = model_find(m, step->name[0]);

    if (!s || (step->fresh[0] && strcmp(step->fresh, s->name) && model_find(m, step->fresh)))
        return false;
    if (!step->fresh[0] && !(step->flags & (STEP_PIN | STEP_UNPIN)))
        return false; /* nothing to change */
    if (step->flags & (STEP_PIN | STEP_UNPIN))
        s->pinned = step->flags & STEP_PIN;
    if (step->fresh[0]) {
        replace(m, s->name, step->fresh);
        strcpy(s->name, step->fresh);
    }
    return true;
}

/* By age. What --max-depth takes depends on layers: see verify_pruned(). */
static void prune(struct model *m, const struct step *step)
{
    bool chosen[MODEL_SNAPSHOTS] = {false};

    for (int i = 0; step->keep_last && i < m->n - step->keep_last; i++)
        chosen[i] = !m->snapshots[i].pinned;
    drop_all(m, chosen);
}

/* ---- verbs on layers: nothing that is shown changes ---- */

static int position(const struct image *const *chain, int n, const char *name, int otherwise)
{
    if (!*name)
        return otherwise;
    for (int i = 0; i < n; i++)
        if (!strcmp(chain[i]->name, name))
            return i;
    return -1;
}

/* The snapshots that freeze @file on @disk are lost. Returns whether there was one. */
static bool lose(struct model *m, const struct model *before, const struct layout *l, int disk,
                 const char *file)
{
    bool any = false;

    for (int i = 0; i < before->n; i++) {
        if (strcmp(l->held[i][disk], file) || before->snapshots[i].tag[0])
            continue;
        model_drop(m, before->snapshots[i].name);
        any = true;
    }
    return any;
}

static bool commit(struct model *m, const struct layout *l, const struct step *step)
{
    const struct image *chain[IMAGES_MOST];
    int n = images_chain(l->images, l->active[step->disk], chain);
    int top = position(chain, n, step->top, 0);
    int base = position(chain, n, step->base, top + 1);
    struct model before = *m;

    if (top < 0 || base < 0 || base >= n || base <= top)
        return false;
    for (int i = top; i < base; i++)
        if (chain[i]->ntags)
            return false;
    for (int i = top + 1; i <= base; i++) {
        bool lost = lose(m, &before, l, step->disk, chain[i]->name);

        if (images_children(l->images, chain[i]->name, chain[i - 1]->name) ||
            (lost && !(step->flags & STEP_FORCE))) {
            *m = before;
            return false;
        }
    }
    return true;
}

static bool stream(const struct layout *l, const struct step *step)
{
    const struct image *chain[IMAGES_MOST];
    int n = images_chain(l->images, l->active[step->disk], chain);
    int top = position(chain, n, step->top, 0);
    int base = position(chain, n, step->base, n);

    /* where there is nothing to pull nothing is asked */
    return top >= 0 && base > top && (base == top + 1 || !chain[top]->ntags);
}

bool model_apply(struct model *m, const struct layout *l, const struct step *step)
{
    switch (step->verb) {
    case STEP_WRITE:
        memset(m->now[step->disk].block + step->from, step->value, (size_t)step->blocks);
        return true;
    case STEP_RUN:
    case STEP_RESTART:
        m->running = step->flags & STEP_RUNNING;
        return true;
    case STEP_CREATE:
        return create(m, l, step);
    case STEP_REVERT:
        return revert(m, l, step);
    case STEP_UNDO:
        return undo(m, l, step);
    case STEP_DELETE:
        return delete_some(m, step);
    case STEP_EDIT:
        return edit(m, step);
    case STEP_PRUNE:
        prune(m, step);
        return true;
    case STEP_COMMIT:
        return commit(m, l, step);
    case STEP_STREAM:
        return stream(l, step);
    default:
        return true;
    }
}
