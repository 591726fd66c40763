/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the document's rules and the planners compute grows as the document, not as its square.
 *
 * Counted are the look-ups in JSON objects, which every question to a document is made of: this
 * program's json_object_get() stands before jansson's.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "snapshot/check.h"
#include "snapshot/operations.h"
#include "snapshot/plan.h"

static size_t lookups;

json_t *json_object_get(const json_t *object, const char *key)
{
    lookups++;
    return json_object_iter_value(json_object_iter_at((json_t *)object, key));
}

/* A disk of @n + 1 layers, each but the active one pinned by a snapshot, each the child of the
 * one before. */
struct rig {
    struct graph graph;
    struct chain chain;
    struct scene scene;
};

static void set_up(struct rig *r, int n)
{
    struct graph_disk *d;

    *r = (struct rig){.scene = {.now = "2026-11-21T10:00:00.000Z", .token = "t", .cwd = "/vm"}};
    graph_set_off(&r->graph);
    d = graph_add_disk(&r->graph);
    d->id = mem_strdup("vda");
    chain_init(&r->chain, "/vm", NULL, NULL);
    for (int i = n; i >= 0; i--) {
        struct graph_layer *l = graph_add_layer(d);

        l->file = mem_printf("/vm/l%d.qcow2", i);
        l->spelling = mem_strdup(l->file);
        l->format = mem_strdup("qcow2");
    }
    chain_follow(&r->chain, d);
    for (int i = 0; i < n; i++) {
        auto_free char *layer = mem_printf("L%d", i + 1);
        auto_free char *name = mem_printf("s%d", i);
        auto_free char *parent = i ? mem_printf("s%d", i - 1) : NULL;

        chain_add_snapshot(&r->chain, json_pack("{s:s, s:s?, s:s, s:{s:{s:s}}}", "name", name,
                                                "parent", parent, "created", r->scene.now, "disks",
                                                "vda", "layer", layer));
    }
    r->scene.graph = &r->graph;
    r->scene.chain = &r->chain;
}

/* The look-ups of one plan; @left are the snapshots that it leaves. */
static size_t cost_of(const struct qrw_operation *op, const void *args, int n, size_t *left)
{
    struct qmp_error err = {0};
    struct rig r;
    struct plan p;

    set_up(&r, n);
    lookups = 0;
    plan_init(&p, op->name, &r.scene);
    cr_assert_eq(op->plan(&p, &r.scene, args, &err), 0, "%s", err.desc);
    size_t cost = lookups;
    *left = json_array_size(chain_snapshots(&p.after));
    plan_done(&p);
    chain_done(&r.chain);
    graph_done(&r.graph);
    return cost;
}

Test(scale, a_plan_for_twice_the_snapshots_asks_twice_as_much)
{
    static const char *const first[] = {"s0", NULL}, *const fifth[] = {"s5", NULL};
    const struct {
        const char *what;
        const struct qrw_operation *op;
        const void *args;
        size_t left; /* of 1,000 */
    } cases[] = {
        {"prune", &qrw_prune, &(struct qrw_prune_args){.last = 10}, 10},
        {"delete the tree", &qrw_delete,
         &(struct qrw_delete_args){.names = first, .children = true}, 0},
        {"delete one", &qrw_delete, &(struct qrw_delete_args){.names = fifth}, 999},
        {"rename", &qrw_edit, &(struct qrw_edit_args){.name = "s5", .new_name = "new"}, 1000},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t left;
        size_t one = cost_of(cases[i].op, cases[i].args, 500, &left);
        size_t two = cost_of(cases[i].op, cases[i].args, 1000, &left);

        cr_expect_eq(left, cases[i].left, "%s leaves %zu", cases[i].what, left);
        cr_expect_gt(one, 0);
        cr_expect_leq(two * 10, one * 22, "%s: %zu look-ups, then %zu", cases[i].what, one, two);
    }
}

/* The look-ups of check where no layer of the @n can be read, and all snapshots need them. */
static size_t cost_of_unreadable(int n)
{
    json_t *files = json_object();
    struct rig r;

    set_up(&r, n);
    for (int i = 0; i <= n; i++) {
        auto_free char *file = mem_printf("/vm/l%d.qcow2", i);

        json_object_set_new(
            files, file,
            json_pack("{s:s, s:s, s:i}", "id", file, "problem", "it is no qcow2 image", "size", 1));
    }
    json_auto_t *survey = json_pack("{s:b, s:o}", "live", 0, "files", files);
    lookups = 0;
    json_auto_t *findings = check_findings(&r.scene, survey);
    size_t cost = lookups;
    cr_assert_geq(json_array_size(findings), n);
    chain_done(&r.chain);
    graph_done(&r.graph);
    return cost;
}

/* Each is told with who needs it: what is below is walked over once for each, not once more for
 * each of them. */
Test(scale, a_chain_that_cannot_be_read_is_checked_in_its_square)
{
    size_t one = cost_of_unreadable(60), two = cost_of_unreadable(120);

    cr_expect_leq(two * 10, one * 45, "%zu look-ups, then %zu", one, two);
}
