/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* given-up: see given-up.h.                                             PURE */
#include "snapshot/given-up.h"

#include "qmp/mem.h"
#include "snapshot/member.h"

struct look {
    struct chain *c;
    const json_t *cleanup; /* of the operation */
    given_up_fn *gone;
    const void *arg;
};

/* The step of the cleanup that removes @file, or @tag from it. NULL: none does. */
static json_t *removal(const struct look *k, const char *file, const char *tag)
{
    json_t *step;
    size_t i;

    json_array_foreach(k->cleanup, i, step)
        if (same(text(step, "step"), tag ? "untag" : "unlink") && same(text(step, "file"), file) &&
            (!tag || same(text(step, "tag"), tag)))
            return step;
    return NULL;
}

static bool is_removed(const struct look *k, const char *file, const char *tag)
{
    return file && removal(k, file, tag) && k->gone(file, tag, k->arg);
}

/* The image of @top, or below it, that was removed; or that has lost @tag. New string, or NULL. */
static char *find_removed(const struct look *k, const char *top, const char *tag)
{
    for (const char *id = top; id; id = text(chain_layer(k->c, id), "backing")) {
        char *file = chain_layer_file(k->c, id);

        if (is_removed(k, file, NULL) || (id == top && tag && is_removed(k, file, tag)))
            return file;
        free(file);
    }
    return NULL;
}

/* The file of @held, a snapshot or the undo point, of which a part was removed. */
static char *find_loss(const struct look *k, const json_t *held)
{
    char *file = chain_memory_file(k->c, json_object_get(held, "memory"));
    const char *disk;
    json_t *at;

    if (is_removed(k, file, NULL))
        return file;
    free(file);
    json_object_foreach(json_object_get(held, "disks"), disk, at) {
        const char *layer = text(at, "layer");

        file = find_removed(k, layer ? layer : text(at, "inside"), text(at, "tag"));
        if (file)
            return file;
    }
    return NULL;
}

/* Is there one? It goes into @rest then. */
static bool add_removal(const struct look *k, json_t *rest, const char *file, const char *tag)
{
    json_t *step = file ? removal(k, file, tag) : NULL;

    if (step)
        json_array_append(rest, step);
    return step != NULL;
}

/* What of @held is no layer: its memory, and tags. */
static void remove_parts(const struct look *k, const json_t *held, json_t *rest)
{
    auto_free char *memory = chain_memory_file(k->c, json_object_get(held, "memory"));
    const char *disk;
    json_t *at;

    add_removal(k, rest, memory, NULL);
    json_object_foreach(json_object_get(held, "disks"), disk, at) {
        auto_free char *file = chain_layer_file(k->c, text(at, "inside"));

        if (text(at, "tag"))
            add_removal(k, rest, file, text(at, "tag"));
    }
}

static void remove_layers(const struct look *k, json_t *rest)
{
    json_auto_t *useless = chain_useless(k->c);
    const json_t *id;
    size_t i;

    json_array_foreach(useless, i, id) {
        auto_free char *file = chain_layer_file(k->c, json_string_value(id));

        if (add_removal(k, rest, file, NULL))
            chain_drop_layer(k->c, json_string_value(id));
    }
}

/* Is a part of @held gone? Then the removal of what is left of it goes into @rest. */
static bool give_up(const struct look *k, struct plan *p, const json_t *held, const char *what,
                    json_t *rest)
{
    auto_free char *loss = find_loss(k, held);

    if (!loss)
        return false;
    plan_note(p, "%s is dropped, as it was to be: a part of it, in %s, was removed already", what,
              loss);
    remove_parts(k, held, rest);
    return true;
}

bool given_up_drop(struct chain *c, struct plan *p, given_up_fn *gone, const void *arg)
{
    const struct look k = {.c = c, .cleanup = p->cleanup, .gone = gone, .arg = arg};
    json_auto_t *names = json_array();
    json_t *rest = json_array(), *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s) {
        auto_free char *what = mem_printf("snapshot %s", text(s, "name"));

        if (give_up(&k, p, s, what, rest))
            json_array_append(names, json_object_get(s, "name"));
    }
    const bool undo = give_up(&k, p, chain_undo(c), "the undo point", rest);
    const bool any = undo || json_array_size(names);

    json_array_foreach(names, i, s)
        chain_drop_snapshot(c, json_string_value(s));
    if (undo)
        chain_set_undo(c, NULL);
    if (!any) {
        json_decref(rest);
        return false;
    }
    remove_layers(&k, rest);
    json_decref(p->cleanup);
    p->cleanup = rest;
    return true;
}
