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
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/operations.h"
#include "snapshot/path.h"
#include "snapshot/plan-again.h"
#include "snapshot/plan-dead.h"
#include "snapshot/plan-delete.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-merge.h"
#include "snapshot/plan-tidy.h"

/* Put @name at the end of @names, unless @chosen has it already. */
static void add(json_t *names, json_t *chosen, const char *name)
{
    if (json_object_get(chosen, name))
        return;
    json_object_set_new(chosen, name, json_true());
    json_array_append_new(names, json_string(name));
}

/* The snapshots asked for, and with @children everything that descends from them. A
 * parent stands before its children in the document, so one pass finds them all. */
static json_t *choose(const struct scene *scene, const struct qrw_delete_args *args,
                      struct qmp_error *err)
{
    const struct chain *c = scene->chain;
    json_auto_t *known = chain_by_name(c), *chosen = json_object();
    json_t *names = json_array();
    const json_t *s;
    size_t i;

    for (i = 0; args->names && args->names[i]; i++) {
        /* one that lies in the images alone has no record to remove */
        if (!json_object_get(known, args->names[i]) &&
            (args->metadata || !plan_is_internal(scene, args->names[i]))) {
            json_decref(names);
            qmp_error_set(err, QRW_ERR_NOT_FOUND, "no snapshot '%s'", args->names[i]);
            qmp_error_hint(err, "qrewind list shows the names");
            return NULL;
        }
        add(names, chosen, args->names[i]);
    }
    json_array_foreach(chain_snapshots(c), i, s)
        if (args->children && text(s, "parent") && json_object_get(chosen, text(s, "parent")))
            add(names, chosen, text(s, "name"));
    return names;
}

static int refuse_pinned(const struct chain *c, const json_t *names, struct qmp_error *err)
{
    json_auto_t *known = chain_by_name(c);
    const json_t *entry;
    size_t i;

    json_array_foreach(names, i, entry) {
        const char *name = json_string_value(entry);

        if (!json_is_true(json_object_get(json_object_get(known, name), "pinned")))
            continue;
        auto_free char *quoted = path_argument(name);
        qmp_error_set(err, QRW_ERR_REFUSED, "snapshot '%s' is pinned", name);
        return qmp_error_hint(err, "qrewind edit --unpin %s", quoted);
    }
    return 0;
}

static void drop_memory(struct plan *p, const json_t *snapshot, bool keep_files)
{
    auto_free char *file = chain_memory_file(&p->after, json_object_get(snapshot, "memory"));

    if (!file)
        return;
    if (keep_files)
        plan_kept(p, file, "asked for");
    else
        plan_cleanup_file(p, file);
}

/* The external snapshots @gone (name -> snapshot), all in one pass. */
static void drop(struct plan *p, json_t *gone, bool keep_files)
{
    const char *name, *disk;
    json_t *snapshot, *held;

    json_object_foreach(gone, name, snapshot)
        drop_memory(p, snapshot, keep_files);
    chain_drop_snapshots(&p->after, gone);
    if (keep_files) /* the record only: nothing is merged either */
        return;
    json_auto_t *pins = chain_held(&p->after, "layer");
    json_object_foreach(gone, name, snapshot)
        json_object_foreach(json_object_get(snapshot, "disks"), disk, held) {
            const char *layer = text(held, "layer");

            if (chain_layer(&p->after, layer) && !json_object_get(pins, layer))
                chain_set_loose(&p->after, layer, true);
        }
}

void plan_drop_snapshot(struct plan *p, const char *name, bool keep_files)
{
    json_auto_t *gone = json_object();

    json_object_set(gone, name, chain_snapshot(&p->after, name));
    drop(p, gone, keep_files);
}

/* Its medium is out, and perhaps another one in: as if it was unplugged. */
static bool is_out(const struct chain *c, const struct graph_disk *d)
{
    for (size_t i = 0; i < d->nlayers; i++)
        if (chain_layer_by_file(c, d->layers[i].file))
            return false;
    return d->removable;
}

int plan_all_agree(const struct scene *s, struct qmp_error *err)
{
    for (size_t i = 0; i < s->graph->ndisks; i++)
        if (chain_active(s->chain, s->graph->disks[i].id) &&
            !is_out(s->chain, &s->graph->disks[i]) &&
            chain_agrees(s->chain, &s->graph->disks[i], err))
            return -1;
    return 0;
}

/* What @gone pinned is not merged as long as internal snapshots see it. */
static void note_held(struct plan *p, const json_t *gone)
{
    json_auto_t *seen = json_object(), *inside = chain_held_inside(&p->after);
    const char *name, *disk;
    json_t *snapshot, *held;

    if (!json_object_size(inside))
        return;
    json_object_foreach((json_t *)gone, name, snapshot)
        json_object_foreach(json_object_get(snapshot, "disks"), disk, held) {
            const char *layer = text(held, "layer");

            if (!layer || json_object_get(seen, layer))
                continue;
            json_object_set_new(seen, layer, json_true());
            auto_free char *by = tidy_held_by(&p->after, layer);
            auto_free char *file = by ? chain_layer_file(&p->after, layer) : NULL;
            if (!file)
                continue;
            plan_note(p, "%s stays as long as the internal snapshot %s, which needs it",
                      path_name(file), by);
        }
}

int plan_drop_snapshots(struct plan *p, const struct scene *s, json_t *names, bool keep_files,
                        struct qmp_error *err)
{
    json_auto_t *known = chain_by_name(s->chain), *gone = json_object();
    const json_t *entry;
    size_t i;

    json_array_foreach(names, i, entry) {
        const char *name = json_string_value(entry);
        const json_t *record = json_object_get(known, name);

        if (record && (keep_files || !internal_is(record)))
            json_object_set_new(gone, name, json_null());
        else if (!keep_files && plan_internal_delete(p, s, name, err))
            return -1;
    }
    /* as they are now: of some the parent was inside, and is no more */
    json_auto_t *left = chain_by_name(&p->after);
    json_object_update_existing(gone, left);
    drop(p, gone, keep_files);
    plan_collect(p, keep_files);
    if (!keep_files)
        note_held(p, gone);
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
    json_object_set_new(p->result, "undo", json_false());
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
    return plan_drop_snapshots(p, s, names, args->metadata, err) || plan_dead_check_way(p, s, err)
               ? -1
               : 0;
}

const struct qrw_operation qrw_delete = {.name = "delete",
                                         .level = GRAPH_NODES,
                                         .plan = plan,
                                         .again = again_deleted,
                                         .leaves = true,
                                         .tidies = true};
