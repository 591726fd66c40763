/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * delete: take away the pins of snapshots, and what nothing keeps then.
 *
 *   no child     the layer goes
 *   one child    the two are merged (plan-tidy.c, one plan for each merge)
 *   more         the layer stays, nameless, until one is left
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/plan-delete.h"
#include "snapshot/path.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-merge.h"

static bool has(const json_t *names, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(names, i, entry)
        if (name && !strcmp(json_string_value(entry), name))
            return true;
    return false;
}

/* The snapshots asked for, and with @children everything that descends from them. A
 * parent stands before its children in the document, so one pass finds them all. */
static json_t *choose(const struct scene *scene, const struct qrw_delete_args *args,
                      struct qmp_error *err)
{
    const struct chain *c = scene->chain;
    json_t *names = json_array();
    const json_t *s;
    size_t i;

    for (i = 0; args->names && args->names[i]; i++) {
        /* one that lies in the images alone has no record to remove */
        if (!chain_snapshot(c, args->names[i]) &&
            (args->metadata || !plan_is_internal(scene, args->names[i]))) {
            json_decref(names);
            qmp_error_set(err, QRW_ERR_NOT_FOUND, "no snapshot '%s'", args->names[i]);
            qmp_error_hint(err, "qrewind list shows the names");
            return NULL;
        }
        if (!has(names, args->names[i]))
            json_array_append_new(names, json_string(args->names[i]));
    }
    json_array_foreach(chain_snapshots(c), i, s)
        if (args->children && has(names, text(s, "parent")) && !has(names, text(s, "name")))
            json_array_append(names, json_object_get(s, "name"));
    return names;
}

static int refuse_pinned(const struct chain *c, const json_t *names, struct qmp_error *err)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name) {
        const json_t *s = chain_snapshot(c, json_string_value(name));

        if (!json_is_true(json_object_get(s, "pinned")))
            continue;
        qmp_error_set(err, QRW_ERR_REFUSED, "snapshot '%s' is pinned", json_string_value(name));
        return qmp_error_hint(err, "qrewind edit %s --unpin", json_string_value(name));
    }
    return 0;
}

static void drop_memory(struct plan *p, const json_t *snapshot, bool keep_files)
{
    const char *file = text(json_object_get(snapshot, "memory"), "file");

    if (!file)
        return;
    auto_free char *path = path_join(p->after.folder, file);
    if (keep_files)
        plan_kept(p, path, "asked for");
    else
        plan_cleanup_file(p, path);
}

void plan_drop_snapshot(struct plan *p, const char *name, bool keep_files)
{
    json_t *snapshot = json_incref(chain_snapshot(&p->after, name));
    const char *disk;
    json_t *held;

    drop_memory(p, snapshot, keep_files);
    chain_drop_snapshot(&p->after, name);
    /* the record only: nothing is merged either */
    json_object_foreach(json_object_get(snapshot, "disks"), disk, held)
        if (!keep_files)
            chain_loosen(&p->after, text(held, "layer"));
    json_decref(snapshot);
}

int plan_all_agree(const struct scene *s, struct qmp_error *err)
{
    for (size_t i = 0; i < s->graph->ndisks; i++)
        if (chain_active(s->chain, s->graph->disks[i].id) &&
            chain_agrees(s->chain, &s->graph->disks[i], err))
            return -1;
    return 0;
}

int plan_drop_snapshots(struct plan *p, const struct scene *s, json_t *names, bool keep_files,
                        struct qmp_error *err)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(names, i, entry) {
        const char *name = json_string_value(entry);

        if (keep_files || !plan_is_internal(s, name))
            plan_drop_snapshot(p, name, keep_files);
        else if (plan_internal_delete(p, s, name, err))
            return -1;
    }
    plan_collect(p, keep_files);
    json_object_set(p->result, "deleted", names);
    return 0;
}

static int drop_undo(struct plan *p, const struct scene *s, bool keep_files, struct qmp_error *err)
{
    const json_t *undo = chain_undo(s->chain);
    const char *disk;
    json_t *held;

    if (!undo)
        return qmp_error_set(err, QRW_ERR_NOT_FOUND, "there is no undo point");
    if (!keep_files)
        plan_internal_forget(p, s);
    chain_set_undo(&p->after, NULL);
    json_object_foreach(json_object_get(undo, "disks"), disk, held)
        if (!keep_files)
            chain_loosen(&p->after, text(held, "layer"));
    return 0;
}

static int plan(struct plan *p, const struct scene *s, const void *arguments, struct qmp_error *err)
{
    const struct qrw_delete_args *args = arguments;
    json_auto_t *names = choose(s, args, err);

    if (!names || refuse_pinned(s->chain, names, err) || plan_all_agree(s, err))
        return -1;
    if (!json_array_size(names) && !args->undo)
        return qmp_error_set(err, QMP_ERR_USAGE, "which snapshot? NAME, or --undo");
    if (args->undo && drop_undo(p, s, args->metadata, err))
        return -1;
    return plan_drop_snapshots(p, s, names, args->metadata, err);
}

const struct qrw_operation qrw_delete = {
    .name = "delete", .level = GRAPH_NODES, .plan = plan, .tidies = true};
