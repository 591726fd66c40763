/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-internal-delete: take snapshots out of the images again; see plan-internal.h.
 *
 *   disk.qcow2 [t1 s1]   ==>   disk.qcow2 [t1]
 *
 * How depends on who has the image open: the disk runs on it (a command), QEMU reads it as
 * a layer below (it is opened for writing meanwhile, for a job), or nobody has (qemu-img).
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-dead.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-merge.h"

bool plan_is_internal(const struct scene *s, const char *name)
{
    json_auto_t *snapshot = internal_find(s->graph, s->chain, name);

    return snapshot != NULL;
}

static const struct graph_layer *below(const struct graph_disk *d, const struct graph_layer *l)
{
    return l + 1 < d->layers + d->nlayers ? l + 1 : NULL;
}

/* ---- delete ---- */

static void untag_active(struct plan *p, const struct graph_disk *d, const char *tag)
{
    for (size_t i = 0; i < d->layers[0].ntags; i++)
        if (same(d->layers[0].tags[i].name, tag))
            json_array_append_new(p->steps, plan_internal_untag(d, tag));
    plan_promise_tag(p, d->id, NULL, tag, false);
}

/* One that no other step of @p has: several may go from one disk at once. New string. */
static char *job_id(const struct plan *p, const struct graph_disk *d)
{
    json_auto_t *ids = plan_job_ids(p);
    auto_free char *id = plan_job_id("delete", d);
    int n = 1;
    const json_t *other;
    size_t i;

    json_array_foreach(ids, i, other)
        n += !strncmp(json_string_value(other), id, strlen(id));
    return n > 1 ? mem_printf("%s.%d", id, n) : mem_strdup(id);
}

json_t *plan_internal_delete_arguments(const char *id, const char *node, const char *tag)
{
    return json_pack("{s:s, s:s, s:[s]}", "job-id", id, "tag", tag, "devices", node);
}

static int open_below(struct plan *p, const struct scene *s, const struct graph_disk *d,
                      const struct graph_layer *l, const char *name, const char *tag,
                      struct qmp_error *err)
{
    json_t *writable =
        s->version < OLDEST_WITH_REOPEN ? NULL : plan_reopen(s, d, l, below(d, l), true);

    if (!writable) {
        auto_free char *label = path_quote(tag), *file = path_quote(path_name(l->file)),
                       *snapshot = path_quote(name);

        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "disk %s: '%s' lies in %s, below what the disk runs on, and QEMU cannot open "
                      "that for writing",
                      d->id, tag, l->file);
        return qmp_error_hint(err,
                              "with the VM off: qemu-img snapshot -d %s %s; to forget it and "
                              "leave it there: qrewind delete --metadata %s",
                              label, file, snapshot);
    }
    plan_need_own(p, s, l);
    json_array_append_new(p->steps, writable);
    plan_undo(p, plan_reopen(s, d, l, below(d, l), false));
    plan_end_writing(p, s, d, l, below(d, l));
    return 0;
}

/* One of the disks of a snapshot, and where its tag lies. */
struct place {
    const struct graph_disk *d;
    const struct graph_layer *l; /* NULL: QEMU has it not open */
    char *file;                  /* NULL: it is gone */
};

static struct place find(const struct scene *s, const char *disk, const json_t *held)
{
    struct place at = {.d = graph_disk(s->graph, disk),
                       .file = internal_file(s->graph, s->chain, disk, held)};

    at.l = at.d && at.file ? graph_layer(at.d, at.file) : NULL;
    return at;
}

/* What can be taken back comes first, for all disks. */
static int prepare(struct plan *p, const struct scene *s, const char *name, const char *disk,
                   const json_t *held, struct qmp_error *err)
{
    const struct place at = find(s, disk, held);

    free(at.file);
    if (!at.l)
        return 0;
    if (plan_check_idle(s->graph, at.d, err))
        return -1;
    return at.l == at.d->layers ? 0 : open_below(p, s, at.d, at.l, name, text(held, "tag"), err);
}

/* One job for all the disks: there is no moment between them. */
static void untag_below(struct plan *p, const struct place *at, const char *tag)
{
    json_t *last = json_array_get(p->steps, json_array_size(p->steps) - 1);
    json_t *arguments = json_object_get(last, "arguments");

    if (same(text(last, "execute"), "snapshot-delete") && same(text(arguments, "tag"), tag)) {
        json_array_append_new(json_object_get(arguments, "devices"), json_string(at->l->node));
    } else {
        auto_free char *id = job_id(p, at->d);

        plan_job(p, "snapshot-delete", plan_internal_delete_arguments(id, at->l->node, tag),
                 at->d->id, NULL);
    }
    plan_promise_tag(p, at->d->id, at->l->file, tag, false);
}

/* One that is gone already is no failure: an earlier run may have come so far. */
static void untag(struct plan *p, const struct scene *s, const char *disk, const json_t *held)
{
    const struct place at = find(s, disk, held);
    const char *tag = text(held, "tag");
    auto_free char *file = at.file;

    chain_touch(&p->after, file ? chain_layer_by_file(&p->after, file) : NULL);
    if (at.l && at.l == at.d->layers) {
        untag_active(p, at.d, tag);
    } else if (at.l) {
        untag_below(p, &at, tag);
    } else if (file && s->files_reachable) {
        plan_need_closed(p, file);
        plan_untag(p, file, tag);
    } else if (file) {
        plan_note(p, "'%s' stays in %s, which is out of our reach", tag, file);
    } else if (plan_dead_has(s, disk, held)) {
        plan_note(p, "'%s' stays in %s, which cannot be opened", tag, at.d->layers[0].file);
    }
}

int plan_internal_delete(struct plan *p, const struct scene *s, const char *name,
                         struct qmp_error *err)
{
    json_auto_t *snapshot = internal_find(s->graph, s->chain, name);
    json_t *disks = json_object_get(snapshot, "disks"), *held;
    const char *disk;

    if (!snapshot)
        return qmp_error_set(err, QRW_ERR_NOT_FOUND, "no internal snapshot '%s'", name);
    json_object_foreach(disks, disk, held)
        if (prepare(p, s, name, disk, held, err))
            return -1;
    json_object_foreach(disks, disk, held)
        untag(p, s, disk, held);
    chain_drop_snapshot(&p->after, name);
    return 0;
}

/* ---- an undo point that is none any more ---- */

/* It goes after the new state is reached, and that it does not go is no failure. */
void plan_internal_forget(struct plan *p, const struct scene *s)
{
    const char *disk;
    json_t *held;

    json_object_foreach(json_object_get(chain_undo(s->chain), "disks"), disk, held) {
        const struct place at = find(s, disk, held);
        auto_free char *file = at.file;
        const char *id = file ? chain_layer_by_file(&p->after, file) : NULL;
        const char *active = chain_active(&p->after, disk);

        if (!file || !text(held, "tag"))
            continue;
        chain_touch(&p->after, id);
        if (at.l && id && same(id, active))
            json_array_append_new(p->cleanup, plan_internal_untag(at.d, text(held, "tag")));
        else
            plan_cleanup_untag(p, file, text(held, "tag"));
    }
}
