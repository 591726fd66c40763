/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-internal-revert: back to a snapshot inside the images, in the running process.
 *
 *   disk.qcow2 [s1]  ==>  disk.qcow2 [s1 undo]      the disk shows s1 again
 *
 * What the disks show now is tagged first: as the undo point, or under the name that the
 * user gives. The steps are in plan-internal-steps.c.
 */
#include "snapshot/plan-internal-revert.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/media.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-memory.h"
#include "snapshot/plan-revert.h"

void internal_way_done(struct internal_way *w)
{
    json_decref(w->snapshot);
    overlays_done(&w->o);
    free(w->keeps);
    free(w->scratch);
    free(w->node);
}

#define auto_way __attribute__((cleanup(internal_way_done)))

/* ---- the disks ---- */

static int check_disk(const struct internal_way *w, const struct graph_disk *d,
                      struct qmp_error *err)
{
    if (!d->nlayers || !graph_tag(&d->layers[0], w->tag))
        return internal_gone(d->id, w->tag, err);
    if (plan_check_idle(w->s->graph, d, err) || chain_agrees(w->s->chain, d, err))
        return -1;
    if (!d->bitmaps)
        return 0;
    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "disk %s has dirty bitmaps: QEMU loads no snapshot into it", d->id);
    return qmp_error_hint(err, "remove them (qrewind qmp block-dirty-bitmap-remove); the next "
                               "backup is a full one then");
}

static int find_disks(struct internal_way *w, struct qmp_error *err)
{
    const char *id;
    json_t *held;

    json_object_foreach(json_object_get(w->snapshot, "disks"), id, held) {
        const struct graph_disk *d = plan_snapshot_disk(w->s, id, err);

        if (!d)
            return -1;
        if (!text(held, "tag") || (w->tag && !same(w->tag, text(held, "tag"))))
            return qmp_error_set(err, QRW_ERR_INVALID, "%s: its disks have different tags",
                                 w->name);
        w->tag = text(held, "tag");
        if (check_disk(w, d, err))
            return -1;
        overlays_add(&w->o, w->s, d);
    }
    return w->o.n ? 0 : qmp_error_set(err, QRW_ERR_REFUSED, "%s has no disks", w->name);
}

/* ---- the memory ---- */

/* The memory of a snapshot that we did not make expects every disk that it could write to. */
static int check_foreign(const struct internal_way *w, struct qmp_error *err)
{
    for (size_t i = 0; i < w->s->graph->ndisks; i++) {
        const struct graph_disk *d = &w->s->graph->disks[i];

        if (graph_skip_reason(d) || json_object_get(json_object_get(w->snapshot, "disks"), d->id))
            continue;
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s has no snapshot '%s', its memory may need it",
                      d->id, w->tag);
        return qmp_error_hint(err, "--no-memory takes the other disks back, and resets the guest");
    }
    return 0;
}

char *internal_way_off(const struct internal_way *w)
{
    const bool undo = !strncmp(w->tag, INTERNAL_UNDO, strlen(INTERNAL_UNDO));
    auto_free char *name = path_quote(w->name),
                   *image = path_quote(w->o.list[0].disk->layers[0].file);

    return mem_printf("qrewind -i %s %s%s", image, undo ? "undo" : "revert ", undo ? "" : name);
}

/* @first: what can be done before that, NULL: nothing. */
static int with_the_vm_off(const struct internal_way *w, const char *first, struct qmp_error *err)
{
    auto_free char *way = internal_way_off(w);

    return qmp_error_hint(err, "%swith the VM off: %s", first ? first : "", way);
}

/* The disks alone go back by way of the memory, too. */
static int can_load(const struct internal_way *w, struct qmp_error *err)
{
    if (!machine_can_load(w->s->machine, w->s->graph->status, err))
        return 0;
    return with_the_vm_off(w, "revert in a QEMU that is started with -S on these disks; or ", err);
}

static int find_memory(struct plan *p, struct internal_way *w, struct qmp_error *err)
{
    const json_t *memory = json_object_get(w->snapshot, "memory");

    w->memory = !w->args->no_memory && plan_memory_wanted(p, w->s, memory, w->name);
    if (!w->memory)
        return 0;
    for (size_t i = 0; i < w->o.n; i++)
        if (graph_tag(&w->o.list[i].disk->layers[0], w->tag)->state_size > 0)
            w->state = w->o.list[i].disk->node;
    if (!w->state) {
        qmp_error_set(err, QRW_ERR_INVALID, "the memory of '%s' is gone", w->name);
        return qmp_error_hint(err, "--no-memory takes the disks back, and resets the guest");
    }
    if (can_load(w, err) || machine_check_failed(w->s->machine, w->s->version, err))
        return -1;
    if (json_is_true(json_object_get(w->snapshot, "foreign")))
        return check_foreign(w, err);
    return machine_fits(w->s->machine, w->s->graph, w->s->qemu, memory, err);
}

/* ---- what this QEMU can do ---- */

/* It could not go back to one either: that takes the disks alone. */
static int no_undo_point(const struct internal_way *w, struct qmp_error *err)
{
    auto_free char *name = path_argument(w->name);

    qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                  "QEMU %s cannot go back to '%s' and keep an undo point: that needs 6.0 or newer",
                  w->s->qemu, w->name);
    return qmp_error_hint(err,
                          "if what there is now may go: qrewind revert --discard %s; to keep it, "
                          "first: qrewind create --internal --memory NAME",
                          name);
}

static int check_old(const struct internal_way *w, struct qmp_error *err)
{
    if (!w->memory) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "QEMU %s cannot take the disks alone back: that needs 6.0 or newer",
                      w->s->qemu);
        /* nor could an engine, which is as old; what an image below holds is copied out of it */
        return qmp_error_hint(err, "qrewind create NAME, and then again");
    }
    if (w->args->keep) {
        auto_free char *keep = path_argument(w->args->keep), *name = path_argument(w->name);

        qmp_error_set(err, QRW_ERR_UNSUPPORTED, "--keep with an internal snapshot needs QEMU 6.0");
        return qmp_error_hint(err,
                              "first: qrewind create --internal --memory %s; then: qrewind revert "
                              "--discard %s",
                              keep, name);
    }
    if (plan_internal_all_disks(w->s, &w->o, err))
        return -1;
    return w->args->discard ? 0 : no_undo_point(w, err);
}

/* Beside the first disk that is a file. */
static void place_scratch(struct internal_way *w)
{
    size_t i = 0;

    while (i < w->o.n && !graph_has_folder(w->o.list[i].disk->layers[0].file))
        i++;
    if (i == w->o.n || !w->s->files_reachable)
        return;
    w->like = w->o.list[i].disk->layers[0].file;
    auto_free char *folder = path_folder(w->like);
    w->scratch = mem_printf("%s/qrw-%s.scratch.qcow2", folder, w->s->token);
    w->node = mem_printf("qrw-%s-ram", w->s->token);
}

/* Taking the disks alone back means saving the memory and loading it again. */
static int check_scratch(const struct internal_way *w, struct qmp_error *err)
{
    if (w->memory) /* a load that fails is undone by a save */
        return w->scratch ? machine_check_set(w->s->machine, MACHINE_SAVES, err) : 0;
    if (!w->scratch) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the disks alone go back by way of a scratch file, and QEMU's files are out "
                      "of our reach");
        return with_the_vm_off(w, NULL, err);
    }
    if (!w->s->machine)
        return 0;
    if (!machine_can_save(w->s->machine, err))
        return can_load(w, err);
    /* what an image below holds is copied out of it */
    return with_the_vm_off(w, "qrewind create NAME, and then again; or ", err);
}

static int check(struct plan *p, struct internal_way *w, struct qmp_error *err)
{
    if (plan_check_keep(w->s, w->args->keep, err) || plan_internal_no_jobs(w->s->graph, err) ||
        find_disks(w, err) || find_memory(p, w, err))
        return -1;
    if (w->s->version < OLDEST_WITH_SNAPSHOT_JOBS)
        return check_old(w, err);
    place_scratch(w);
    if (w->args->keep)
        w->keeps = mem_strdup(w->args->keep);
    else
        w->keeps = mem_printf(INTERNAL_UNDO "%s", w->s->token);
    return check_scratch(w, err);
}

/* ---- the record ---- */

static json_t *tagged(const struct plan *p, const struct internal_way *w)
{
    json_t *disks = json_object();

    for (size_t i = 0; i < w->o.n; i++) {
        const char *id = w->o.list[i].disk->id;

        json_object_set_new(
            disks, id,
            json_pack("{s:s, s:s}", "tag", w->keeps, "inside", chain_active(&p->after, id)));
    }
    return disks;
}

/* What is tagged goes back, too, so the others are not. */
static void note_partial(struct plan *p, const struct internal_way *w)
{
    for (size_t i = 0; i < w->s->graph->ndisks; i++) {
        const struct graph_disk *d = &w->s->graph->disks[i];

        if (!overlays_have(&w->o, d) && !graph_skip_reason(d))
            plan_note(p, "disk %s is no part of %s either", d->id, w->keeps);
    }
}

static void keep_present(struct plan *p, const struct internal_way *w)
{
    const struct scene *s = w->s;
    json_t *undo = NULL;

    if (w->args->keep) {
        plan_record(p, s, w->keeps, "internal", NULL, tagged(p, w), NULL);
        note_partial(p, w);
        if (!graph_is_off(s->graph))
            plan_note(p, "%s holds the disks only: going back to it means a reset", w->keeps);
    } else if (w->keeps && !w->args->discard) {
        undo = json_pack("{s:o, s:s?, s:s}", "disks", tagged(p, w), "current",
                         chain_current(s->chain), "created", s->now);
    }
    chain_set_undo(&p->after, undo);
}

static int plan_way(struct plan *p, struct internal_way *w, struct qmp_error *err)
{
    if (check(p, w, err))
        return -1;
    if (w->memory)
        media_compare(p, w->s->graph, json_object_get(w->snapshot, "memory"), w->name);
    if (w->args->name)
        overlays_note_others(p, w->s, &w->o, w->args->name);
    if (revert_is_again(p, w->s, w->args, &w->o, json_object_get(w->snapshot, "disks")))
        return 0;
    for (size_t i = 0; i < w->o.n; i++)
        chain_follow(&p->after, w->o.list[i].disk);
    internal_way_steps(p, w);
    keep_present(p, w);
    chain_set_current(&p->after, w->current);
    way_end(p, w->s, w->args, w->name, &w->o, w->memory);
    return 0;
}

int plan_internal_revert(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
                         struct qmp_error *err)
{
    auto_way struct internal_way w = {.s = s, .args = args, .name = args->name};

    w.snapshot = internal_find(s->graph, s->chain, args->name);
    w.current = chain_snapshot(s->chain, args->name) ? args->name : NULL;
    return plan_way(p, &w, err);
}

int plan_internal_undo(struct plan *p, const struct scene *s, const struct qrw_revert_args *args,
                       struct qmp_error *err)
{
    auto_way struct internal_way w = {.s = s, .args = args, .name = "undo"};

    w.snapshot = json_incref(chain_undo(s->chain));
    w.current = text(w.snapshot, "current");
    return plan_way(p, &w, err);
}
