/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sidecar's document: one that is taken in can be asked anything, planned over, and stays
 * good whatever planners do to it; also over the graph that it describes itself.
 */
#include <jansson.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/recover.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/planners.h"

/* The layer @id and what it builds on, as query-block shows an image. New reference. */
static json_t *image(const struct chain *c, const char *id, int depth)
{
    auto_free char *file = chain_layer_file(c, id);
    const json_t *layer = chain_layer(c, id);
    const char *below = text(layer, "backing");

    return json_pack("{s:s, s:s, s:I, s:I, s:o*}", "filename", file, "format",
                     text(layer, "format"), "virtual-size", (json_int_t)chain_layer_size(c, id),
                     "actual-size", (json_int_t)65536 * depth, "backing-image",
                     below && depth < 32 ? image(c, below, depth + 1) : NULL);
}

/* What QEMU would show if the document were true. */
static void draw(struct graph *g, const struct chain *c)
{
    json_auto_t *disks = json_array();
    json_auto_t *status = json_pack("{s:s, s:b}", "status", "running", "running", 1);
    const char *id;
    json_t *disk;

    json_object_foreach(json_object_get(c->doc, "disks"), id, disk) {
        auto_free char *node = mem_printf("#%s", id);

        json_array_append_new(disks, json_pack("{s:s, s:{s:s*, s:s, s:o}}", "device", id,
                                               "inserted", "node-name", node, "drv", "qcow2",
                                               "image", image(c, text(disk, "active"), 0)));
    }
    fuzz_must(!graph_take_status(g, status, NULL));
    fuzz_must(!graph_take_block(g, disks, NULL));
}

static void ask(const struct chain *c)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);
        auto_free char *keeps = chain_keeps(c, id);
        auto_free char *pins = chain_pins(c, id);
        auto_free char *inside = chain_inside(c, id);
        auto_free char *child = chain_other_child(c, id, NULL);

        fuzz_must(file && (!pins == !chain_pinned_by(c, id)));
        fuzz_must(!pins || keeps);
        fuzz_must(!inside || keeps);
        fuzz_must(!child || child[0]);
        fuzz_must(chain_is_below(c, id, id));
    }
}

/* Forget the snapshots one after the other: what is left stays a good document. */
static void take_apart(const struct chain *c)
{
    struct chain less;

    chain_copy(&less, c);
    while (json_array_size(chain_snapshots(&less))) {
        auto_free char *name = mem_strdup(text(json_array_get(chain_snapshots(&less), 0), "name"));
        struct chain again = {0};

        chain_rename_snapshot(&less, name, "a name that is new");
        chain_drop_snapshot(&less, "a name that is new");
        fuzz_must(!chain_snapshot(&less, name));
        fuzz_must(!chain_take(&again, less.folder, less.doc, NULL));
        chain_done(&again);
    }
    chain_done(&less);
}

static void follow(const struct chain *c, const struct graph *g)
{
    struct chain copy;

    json_decref(chain_disk_names(c, g));
    chain_copy(&copy, c);
    for (size_t i = 0; i < g->ndisks; i++) {
        struct qmp_error err = {0};

        fuzz_must(!chain_agrees(c, &g->disks[i], &err) || err.desc[0]);
        chain_follow(&copy, &g->disks[i]);
    }
    chain_done(&copy);
}

static void recover(const struct chain *c, const struct graph *g)
{
    struct plan p;

    if (!chain_pending(c) || plan_from_json(&p, chain_pending(c), c->folder, NULL))
        return;
    recover_decide(&p, g);
    plan_done(&p);
}

void fuzz_sidecar(const uint8_t *bytes, size_t n)
{
    json_auto_t *doc = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
    struct machine machine = {0};
    struct qmp_error err = {0};
    struct graph g = {0};
    struct chain c;

    if (!doc)
        return;
    if (chain_take(&c, "/vm", doc, &err)) {
        fuzz_must(err.kind != QMP_ERR_NONE && err.desc[0]);
        return;
    }
    ask(&c);
    take_apart(&c);
    draw(&g, &c);
    follow(&c, &g);
    recover(&c, &g);
    planners_run(&g, &c, &machine);
    graph_done(&g);
    chain_done(&c);
}
