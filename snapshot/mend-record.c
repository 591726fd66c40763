/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mend-record: see mend-record.h. */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/mend-record.h"

/* The file of @layer is called @file now. */
static void rename_file(struct chain *c, const struct graph *g, const json_t *mend)
{
    auto_free char *name = chain_spell(c->folder, text(mend, "file"));

    json_object_set_new(chain_layer(c, text(mend, "layer")), "file", json_string(name));
}

static void drop_layer(struct chain *c, const struct graph *g, const json_t *mend)
{
    chain_drop_layer(c, text(mend, "layer"));
}

/* What is remembered of its content no longer holds; it is looked at anew. */
static void touch(struct chain *c, const struct graph *g, const json_t *mend)
{
    chain_touch(c, text(mend, "layer"));
}

/* @file lies between @layer and what that builds on. */
static void insert(struct chain *c, const struct graph *g, const json_t *mend)
{
    const char *layer = text(mend, "layer");
    auto_free char *below = mem_strdup(text(chain_layer(c, layer), "backing"));
    json_int_t size = json_integer_value(json_object_get(mend, "size"));

    if (!chain_layer_by_file(c, text(mend, "file")))
        chain_set_backing(c, layer,
                          chain_add_layer(c, text(mend, "file"), "qcow2", size, below, false));
}

/* The files of layers that nothing needs any more stay where they are. */
static void collect(struct chain *c)
{
    json_auto_t *useless = chain_useless(c);
    const json_t *id;
    size_t i;

    json_array_foreach(useless, i, id)
        chain_drop_layer(c, json_string_value(id));
}

static void drop_pins(struct chain *c, const char *id)
{
    const char *name;

    while ((name = chain_pinned_by(c, id)))
        chain_drop_snapshot(c, name);
}

/* Newer ones were merged into "layers": what "drop" showed, and "undo" led to, is no more. */
static void overwritten(struct chain *c, const struct graph *g, const json_t *mend)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(mend, "drop"), i, one)
        chain_drop_snapshot(c, json_string_value(one));
    if (json_is_true(json_object_get(mend, "undo")))
        chain_set_undo(c, NULL);
    json_array_foreach(json_object_get(mend, "layers"), i, one)
        chain_touch(c, json_string_value(one));
    if (i)
        collect(c);
}

/* As QEMU has it. */
static void follow(struct chain *c, const struct graph *g, const json_t *mend)
{
    const struct graph_disk *d = graph_disk(g, text(mend, "disk"));

    if (d)
        chain_follow(c, d);
    overwritten(c, g, mend);
}

static void drop_snapshot(struct chain *c, const struct graph *g, const json_t *mend)
{
    chain_drop_snapshot(c, text(mend, "snapshot"));
    collect(c);
}

/* @to shows what @from did: whatever pins that pins it from now on, and what did is dropped. */
static void move_pins(struct chain *c, const char *from, const char *to)
{
    const char *disk;
    json_t *held;

    drop_pins(c, to);
    chain_move_pins(c, from, to);
    json_object_foreach(json_object_get(chain_undo(c), "disks"), disk, held)
        if (same(text(held, "layer"), from))
            json_object_set_new(held, "layer", json_string(to));
    chain_set_loose(c, to, chain_is_loose(c, from));
    chain_touch(c, to);
}

/* What lay between @layer and @onto was merged: into @layer, or, with the topmost of that, into
 * @onto, which shows then what that did. */
static void merged(struct chain *c, const struct graph *g, const json_t *mend)
{
    const char *layer = text(mend, "layer"), *onto = text(mend, "onto"), *top = text(mend, "top");

    if (!chain_layer(c, layer) || !chain_layer(c, onto) || chain_is_below(c, layer, onto))
        return;
    if (top && chain_layer(c, top))
        move_pins(c, top, onto);
    chain_set_backing(c, layer, onto);
    collect(c);
}

/* The active layer @layer was merged into @onto: the disk is on that, and what goes through that
 * shows something else now. */
static void committed(struct chain *c, const struct graph *g, const json_t *mend)
{
    const char *layer = text(mend, "layer"), *onto = text(mend, "onto"), *disk;

    if (!chain_is_below(c, onto, layer) || chain_is_active(c, onto))
        return;
    while ((disk = chain_run_by(c, layer))) {
        chain_set_outdated(c, disk, layer);
        chain_set_active(c, disk, onto);
    }
    chain_set_loose(c, onto, false);
    overwritten(c, g, mend);
}

/* The image @layer stands alone: nothing inside of it sees what was below. */
static void flat(struct chain *c, const struct graph *g, const json_t *mend)
{
    chain_set_backing(c, text(mend, "layer"), NULL);
    overwritten(c, g, mend);
    collect(c);
}

/* Another tool has moved the disk to a copy. */
static void copied(struct chain *c, const struct graph *g, const json_t *mend)
{
    const struct graph_disk *d = graph_disk(g, text(mend, "disk"));

    if (!d)
        return;
    chain_set_outdated(c, d->id, chain_active(c, d->id));
    chain_follow(c, d);
    collect(c);
}

static void drop_memory(struct chain *c, const struct graph *g, const json_t *mend)
{
    json_t *snapshot = chain_snapshot(c, text(mend, "snapshot"));

    if (snapshot)
        json_object_set_new(snapshot, "memory", json_null());
}

static void drop_undo(struct chain *c, const struct graph *g, const json_t *mend)
{
    chain_set_undo(c, NULL);
    collect(c);
}

bool mend_record(struct chain *c, const struct graph *g, const json_t *mend)
{
    static const struct {
        const char *what;
        void (*change)(struct chain *c, const struct graph *g, const json_t *mend);
    } mends[] = {
        {"rename", rename_file},
        {"drop-layer", drop_layer},
        {"touch", touch},
        {"insert", insert},
        {"follow", follow},
        {"drop-snapshot", drop_snapshot},
        {"drop-memory", drop_memory},
        {"drop-undo", drop_undo},
        {"merged", merged},
        {"committed", committed},
        {"overwritten", overwritten},
        {"flat", flat},
        {"copied", copied},
    };

    for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++)
        if (same(text(mend, "do"), mends[i].what)) {
            mends[i].change(c, g, mend);
            return true;
        }
    return false;
}
