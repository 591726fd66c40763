/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture: see picture.h. */
#include "tests/scene/picture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "tests/scene/internal.h"
#include "tests/scene/recorded.h"

/* ---- what QEMU has ---- */

static void take_replies(struct graph *g, enum graph_level level, const json_t *replies)
{
    struct qmp_error err;

    cr_assert_eq(recorded_take(g, replies, level, &err), 0, "%s", err.desc);
}

/* Relative names begin at @folder, QEMU's working folder. */
static void resolve_files(struct graph *g, const char *folder)
{
    for (size_t i = 0; i < g->ndisks; i++)
        for (size_t k = 0; k < g->disks[i].nlayers; k++) {
            struct graph_layer *l = &g->disks[i].layers[k];
            char *file = l->remote ? NULL : path_join(folder, l->file);

            if (file) {
                free(l->file);
                l->file = file;
            }
        }
}

/* ---- what the sidecar knows ---- */

static bool has_pins(const json_t *layers)
{
    const json_t *l;
    size_t i;

    json_array_foreach(layers, i, l)
        if (json_array_size(json_object_get(l, "pins")) || json_is_true(json_object_get(l, "undo")))
            return true;
    return false;
}

static bool has_sidecar(const json_t *parsed)
{
    const json_t *disk;
    size_t i;

    json_array_foreach(json_object_get(parsed, "disks"), i, disk)
        if (has_pins(json_object_get(disk, "layers")) ||
            json_array_size(json_object_get(disk, "more")))
            return true;
    return json_array_size(json_object_get(parsed, "inside")) > 0;
}

/* The first snapshot, from @layer downwards, that pins one: its name, or NULL. */
static const char *nearest_pin(const struct chain *c, const char *layer)
{
    for (; layer; layer = picture_text(chain_layer(c, layer), "backing"))
        if (chain_pinned_by(c, layer))
            return chain_pinned_by(c, layer);
    return NULL;
}

static void pin(struct chain *c, const char *disk, const char *layer, const char *name)
{
    json_t *s = chain_snapshot(c, name);

    if (!s) {
        const char *parent = nearest_pin(c, picture_text(chain_layer(c, layer), "backing"));

        s = json_pack("{s:s, s:s, s:s?, s:s, s:{}}", "name", name, "id", name, "parent", parent,
                      "created", "2026-11-21T09:00:00.000Z", "disks");
        chain_add_snapshot(c, s);
    }
    json_object_set_new(json_object_get(s, "disks"), disk, json_pack("{s:s}", "layer", layer));
}

static void set_undo(struct chain *c, const char *disk, const char *layer)
{
    json_t *undo = json_object_get(c->doc, "undo");

    if (!json_is_object(undo)) {
        undo = json_pack("{s:{}}", "disks");
        json_object_set_new(c->doc, "undo", undo);
    }
    json_object_set_new(json_object_get(undo, "disks"), disk, json_pack("{s:s}", "layer", layer));
}

/* Takes the layers, from the base up, into the document; returns the uppermost one known. */
static const char *add_layers(struct chain *c, const char *disk, const json_t *layers)
{
    const char *below = NULL, *name;
    const json_t *l, *named;
    size_t i, k;

    json_array_foreach(layers, i, l) {
        const char *file = picture_text(l, "file");
        const char *id = chain_layer_by_file(c, file);

        if (picture_flag(l, "unknown"))
            continue;
        if (!id)
            id = chain_add_layer(c, file, picture_text(l, "format"), PICTURE_SIZE, below,
                                 i > 0 && !picture_flag(l, "theirs"));
        json_array_foreach(json_object_get(l, "pins"), k, named) {
            name = json_string_value(named);
            pin(c, disk, id, name);
        }
        if (json_is_true(json_object_get(l, "undo")))
            set_undo(c, disk, id);
        below = id;
    }
    return below;
}

/* New files are called after the lowest layer. */
static void set_stem(struct chain *c, const char *disk, const json_t *lowest)
{
    auto_free char *stem = path_stem(picture_text(lowest, "file"));
    json_t *entry = json_object_get(json_object_get(c->doc, "disks"), disk);

    json_object_set_new(entry, "stem", json_string(stem));
}

static void draw_document(struct chain *c, const json_t *parsed)
{
    const json_t *disk, *layers;
    size_t i, k;

    json_array_foreach(json_object_get(parsed, "disks"), i, disk) {
        const char *id = picture_text(disk, "id");
        const char *other = picture_text(json_object_get(disk, "flags"), "active");
        const char *top = add_layers(c, id, json_object_get(disk, "layers"));

        json_array_foreach(json_object_get(disk, "more"), k, layers)
            add_layers(c, id, layers);
        if (other) {
            auto_free char *file = mem_printf("%s/%s.qcow2", c->folder, other);

            top = chain_layer_by_file(c, file);
            cr_assert(top, "active=%s is not in the picture", other);
        }
        if (!top)
            continue;
        chain_set_active(c, id, top);
        set_stem(c, id, json_array_get(json_object_get(disk, "layers"), 0));
        const char *current = nearest_pin(c, top);
        json_object_set_new(c->doc, "current", current ? json_string(current) : json_null());
    }
}

static const struct graph_layer *layer_with(const struct graph_disk *d, const char *tag)
{
    for (size_t i = 0; i < d->nlayers; i++)
        if (graph_tag(&d->layers[i], tag))
            return &d->layers[i];
    return NULL;
}

/* The internal snapshot @tag of every disk of which a layer has it, or the undo point; a memory was
 * saved by @qemu. */
static void draw_inside(struct chain *c, const struct graph *g, const char *tag, const char *qemu)
{
    json_t *disks = json_object(), *memory = NULL;

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];
        const struct graph_layer *l = layer_with(d, tag);

        if (!l)
            continue;
        if (!chain_active(c, d->id))
            chain_follow(c, d);
        json_object_set_new(
            disks, d->id,
            json_pack("{s:s, s:s}", "tag", tag, "inside", chain_layer_by_file(c, l->file)));
        if (graph_tag(l, tag)->state_size)
            memory = json_pack("{s:s, s:s, s:s, s:s}", "disk", d->id, "tag", tag, "qemu", qemu,
                               "machine", "pc-q35-7.2");
    }
    cr_assert(json_object_size(disks), "no disk has the tag %s", tag);
    if (!strncmp(tag, "qrw-undo-", 9))
        chain_set_undo(c, json_pack("{s:o, s:n}", "disks", disks, "current"));
    else
        chain_add_snapshot(c, json_pack("{s:s, s:s, s:n, s:s, s:s, s:s, s:o, s:o}", "name", tag,
                                        "id", tag, "parent", "created", "2026-11-21T09:00:00.000Z",
                                        "kind", "internal", "state", "running", "disks", disks,
                                        "memory", memory ? memory : json_null()));
}

/* The memory of the snapshot @name was saved while the guest ran on. */
static void draw_live(struct chain *c, const char *name)
{
    json_t *memory = json_pack("{s:s+, s:s, s:s, s:s, s:s}", "file", name, ".vmstate", "tag", name,
                               "qemu", "7.2.22", "machine", "pc-q35-7.2", "method", "live");

    cr_assert(chain_snapshot(c, name), "no snapshot %s", name);
    json_object_set_new(chain_snapshot(c, name), "memory", memory);
}

/* ---- */

static void set_release(struct picture *p, const char *release)
{
    int major = 0, minor = 0;

    cr_assert_eq(sscanf(release, "%d.%d", &major, &minor), 2, "%s", release);
    p->release = mem_strdup(release);
    p->scene.qemu = p->release;
    p->scene.version = major * 10000 + minor * 100;
}

struct picture *picture_new_in(const char *folder, const char *line)
{
    struct picture *p = mem_alloc(sizeof(*p));
    json_auto_t *parsed = picture_parse(folder, line);
    struct chain drawn = {0};
    struct qmp_error err;
    const json_t *tag;
    size_t i;

    p->replies = picture_replies(parsed, folder);
    take_replies(&p->graph, GRAPH_NODES, p->replies);
    take_replies(&p->shallow, GRAPH_DISKS, p->replies);
    json_auto_t *migration = json_pack(
        "{s:O*}", "status", json_object_get(json_object_get(parsed, "words"), "migration"));
    graph_take_migration(&p->graph, migration, NULL);
    resolve_files(&p->graph, folder);
    resolve_files(&p->shallow, folder);

    p->machine.type = mem_strdup("pc-q35-7.2");
    p->machine.ram = 128 << 20;
    p->machine.cpus = 2;
    p->machine.live = MACHINE_LIVE_OFF;
    p->machine.bandwidth = 128 << 20;

    chain_init(&drawn, folder, NULL, NULL);
    const char *release = picture_text(json_object_get(parsed, "words"), "QEMU");
    if (has_sidecar(parsed))
        draw_document(&drawn, parsed);
    json_array_foreach(json_object_get(parsed, "inside"), i, tag)
        draw_inside(&drawn, &p->graph, json_string_value(tag), release ? release : "7.2.22");
    const char *live = picture_text(json_object_get(parsed, "words"), "live");
    if (live)
        draw_live(&drawn, live);
    cr_assert_eq(chain_take(&p->chain, folder, drawn.doc, &err), 0, "%s: %s", line, err.desc);
    chain_done(&drawn);

    p->scene = (struct scene){
        .graph = &p->graph,
        .chain = &p->chain,
        .now = "2026-11-21T10:00:00.123Z",
        .token = "t",
        .version = 70222,
        .qemu = "7.2.22",
        .machine = &p->machine,
        .cwd = "/home/me",
        .files_reachable = !json_object_get(json_object_get(parsed, "words"), "out of reach"),
    };
    if (release)
        set_release(p, release);
    return p;
}

struct picture *picture_new(const char *line)
{
    return picture_new_in("/vm", line);
}

void picture_free(struct picture *p)
{
    if (!p)
        return;
    json_decref(p->replies);
    graph_done(&p->graph);
    graph_done(&p->shallow);
    chain_done(&p->chain);
    machine_done(&p->machine);
    free(p->release);
    free(p);
}
