/* SPDX-License-Identifier: GPL-2.0-or-later */
/* planners: see planners.h. */
#include "tests/fuzz/planners.h"

#include "snapshot/chain-check.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/plan-tidy.h"
#include "snapshot/recover.h"
#include "tests/fuzz/fuzz.h"

/* The plan, as a later client finds it. */
static void check(const struct plan *p, const struct scene *s)
{
    json_auto_t *journal = plan_to_json(p), *list = plan_job_list(p, s->graph);
    json_auto_t *preview = plan_preview(p), *again = NULL;
    struct plan read;
    struct qmp_error err = {0};

    fuzz_must(journal && list && preview);
    fuzz_must(!plan_from_json(&read, journal, s->chain->folder, &err));
    again = plan_to_json(&read);
    fuzz_must(json_equal(journal, again));
    recover_decide(&read, s->graph);
    plan_done(&read);
}

static void plan(const struct scene *s, const struct qrw_operation *op, const void *args)
{
    json_auto_t *before = json_deep_copy(s->chain->doc);
    struct qmp_error err = {0};
    struct plan p;

    plan_init(&p, op->name, s);
    /* what QEMU shows may be impossible: a file that backs itself */
    if (op->plan(&p, s, args, &err) || chain_check(p.after.folder, p.after.doc, &err))
        fuzz_must(err.kind != QMP_ERR_NONE && err.desc[0]);
    else
        check(&p, s);
    fuzz_must(json_equal(before, s->chain->doc));
    plan_done(&p);
}

static void plan_for_disk(const struct scene *s, const char *disk)
{
    plan(s, &qrw_commit, &(struct qrw_commit_args){.disk = disk});
    plan(s, &qrw_commit, &(struct qrw_commit_args){.disk = disk, .force = true});
    plan(s, &qrw_stream, &(struct qrw_commit_args){.disk = disk});
    plan(s, &qrw_stream, &(struct qrw_commit_args){.disk = disk, .base = "s1", .force = true});
    plan(s, &qrw_mirror,
         &(struct qrw_mirror_args){.disk = disk, .file = "/vm/copy", .sync = "full"});
    plan(s, &qrw_mirror,
         &(struct qrw_mirror_args){.disk = disk, .file = "c", .sync = "top", .pivot = true});
}

static void plan_for_snapshot(const struct scene *s, const char *name)
{
    const char *const names[] = {name, NULL};

    plan(s, &qrw_revert, &(struct qrw_revert_args){.name = name});
    plan(s, &qrw_revert, &(struct qrw_revert_args){.name = name, .discard = true});
    plan(s, &qrw_revert,
         &(struct qrw_revert_args){.name = name, .keep = "kept", .no_memory = true});
    plan(s, &qrw_delete, &(struct qrw_delete_args){.names = names});
    plan(s, &qrw_delete, &(struct qrw_delete_args){.names = names, .children = true});
    plan(s, &qrw_delete, &(struct qrw_delete_args){.names = names, .metadata = true});
    plan(s, &qrw_edit, &(struct qrw_edit_args){.name = name, .new_name = "other", .pin = true});
}

void planners_run(const struct graph *g, const struct chain *c, const struct machine *m)
{
    enum { ENOUGH = 3 }; /* more of the same finds nothing new */
    const struct scene s = {.graph = g,
                            .chain = c,
                            .now = "2026-11-21T10:00:00.123Z",
                            .token = "893ba5",
                            .version = g->njobs % 2 ? 50200 : 70222,
                            .qemu = "7.2.22",
                            .machine = m,
                            .cwd = "/home/me",
                            .files_reachable = g->ndisks % 2 == 0};
    const json_t *snapshot;
    size_t i;

    plan(&s, &qrw_create, &(struct qrw_create_args){.name = "new"});
    plan(&s, &qrw_create, &(struct qrw_create_args){.memory = true});
    plan(&s, &qrw_create, &(struct qrw_create_args){.name = "in", .internal = true});
    plan(&s, &qrw_create, &(struct qrw_create_args){.method = QRW_METHOD_SYNC});
    plan(&s, &qrw_undo, &(struct qrw_revert_args){.paused = true});
    plan(&s, &qrw_prune, &(struct qrw_prune_args){.last = 1, .max_depth = 2});
    plan(&s, &qrw_prune, &(struct qrw_prune_args){.hourly = 2, .weekly = 1, .yearly = 1});
    if (tidy_is_due(c) && g->level == GRAPH_NODES) /* as vm_tidy() sees to it */
        plan(&s, &plan_tidy, &(struct tidy_args){.up = g->ndisks > 1});
    for (i = 0; i < g->ndisks && i < ENOUGH; i++)
        plan_for_disk(&s, g->disks[i].id);
    json_array_foreach(chain_snapshots(c), i, snapshot)
        if (i < ENOUGH)
            plan_for_snapshot(&s, text(snapshot, "name"));

    /* those that the document does not know */
    json_auto_t *foreign = internal_foreign(g, c);
    json_array_foreach(foreign, i, snapshot)
        if (i < ENOUGH)
            plan_for_snapshot(&s, text(snapshot, "name"));
}
