/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * create: pin the active layers and put fresh overlays on top, all at one instant.
 *
 *   base (active)   ==>   base* <- base.s1 (active)          *: pinned by s1
 *
 * The overlays are made and made durable before QEMU hears of anything, their nodes
 * are added one by one, and only the last command, one transaction, is felt by the
 * guest. Where we do not reach QEMU's files it makes them itself, in the transaction.
 */
#include "snapshot/plan.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/operations.h"
#include "snapshot/path.h"
#include "snapshot/plan-again.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-internal.h"
#include "snapshot/plan-live.h"
#include "snapshot/plan-memory.h"
#include "snapshot/plan-overlay.h"
#include "snapshot/plan-quiesce.h"
#include "snapshot/plan-spelling.h"

static bool listed(qrw_strings names, const struct graph *g, const struct graph_disk *d)
{
    for (size_t i = 0; names && names[i]; i++)
        if (graph_disk(g, names[i]) == d)
            return true;
    return false;
}

static int check_names(qrw_strings names, const struct graph *g, struct qmp_error *err)
{
    for (size_t i = 0; names && names[i]; i++)
        if (!plan_find_disk(g, names[i], err))
            return -1;
    return 0;
}

/* What is taken now can be gone back to as long as this QEMU runs. */
static void note_lost(struct plan *p, const struct graph_disk *d)
{
    for (size_t i = 1; i < d->nlayers; i++)
        if (d->layers[i].lost)
            plan_note(p,
                      "disk %s: %s is not there any more, but QEMU has it open: qrewind mirror %s "
                      "FILE --pivot saves what the guest sees",
                      d->id, d->layers[i].file, d->id);
}

/* Which disks: those asked for, else every one that can be written to. */
static int choose(struct plan *p, struct overlays *t, const struct scene *s,
                  const struct qrw_create_args *args, struct qmp_error *err)
{
    const struct graph *g = s->graph;

    if (args->disks && args->exclude)
        return qmp_error_set(err, QMP_ERR_USAGE, "--disk and --exclude exclude each other");
    if (check_names(args->disks, g, err) || check_names(args->exclude, g, err))
        return -1;
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];
        const char *why = graph_skip_reason(d);

        if (args->disks ? !listed(args->disks, g, d) : listed(args->exclude, g, d))
            continue;
        if (why && args->disks)
            return qmp_error_set(err, QRW_ERR_REFUSED, "disk %s is %s", d->id, why);
        if (why) {
            plan_note(p, "disk %s is left out: it is %s", d->id, why);
            continue;
        }
        overlays_add(t, s, d);
        note_lost(p, d);
    }
    return t->n ? 0 : qmp_error_set(err, QRW_ERR_REFUSED, "there is no writable disk to snapshot");
}

static int check_disk(const struct scene *s, const struct overlays *t, size_t at,
                      struct qmp_error *err)
{
    const struct graph_disk *d = t->list[at].disk;

    if (plan_check_idle(s->graph, d, err) || chain_agrees(s->chain, d, err) ||
        plan_check_lost(d, graph_active(d), NULL, err))
        return -1;
    return overlays_check_alone(t, at, err);
}

/* The user's own choice for @d in "DISK=FILE", or NULL. */
static const char *wanted_overlay(const struct scene *s, qrw_strings overlays,
                                  const struct graph_disk *d)
{
    for (size_t i = 0; overlays && overlays[i]; i++) {
        const char *equals = strchr(overlays[i], '=');
        auto_free char *name =
            mem_printf("%.*s", equals ? (int)(equals - overlays[i]) : 0, overlays[i]);

        if (equals && graph_disk(s->graph, name) == d)
            return equals + 1;
    }
    return NULL;
}

static int name_overlay(const struct scene *s, const struct qrw_create_args *args, const char *name,
                        struct overlays *t, size_t at, struct qmp_error *err)
{
    const struct graph_disk *d = t->list[at].disk;
    const char *wanted = wanted_overlay(s, args->overlays, d);

    if (wanted)
        return overlays_place(t, at, s, wanted, err);
    if (d->encrypted) {
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s is encrypted, its overlay would not be",
                      d->id);
        return qmp_error_hint(err, "to have it in clear, say where it goes: --overlay %s=FILE",
                              d->id);
    }
    if (!graph_has_folder(d->layers[0].file)) {
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s is not a file in a folder of this host: %s",
                      d->id, d->layers[0].file);
        return qmp_error_hint(err, "say where its overlay goes: --overlay %s=FILE", d->id);
    }
    overlays_name(t, at, s, name);
    return 0;
}

static int check_overlays(const struct scene *s, qrw_strings overlays, const struct overlays *t,
                          struct qmp_error *err)
{
    for (size_t i = 0; overlays && overlays[i]; i++) {
        const char *file = NULL;
        size_t k = 0;

        while (k < t->n && !file)
            file = wanted_overlay(s, (const char *[]){overlays[i], NULL}, t->list[k++].disk);
        if (!file || !*file)
            return qmp_error_set(err, QMP_ERR_USAGE,
                                 "--overlay %s: it is DISK=FILE, with a disk of this snapshot",
                                 overlays[i]);
        if (file != wanted_overlay(s, overlays, t->list[k - 1].disk))
            return qmp_error_set(err, QMP_ERR_USAGE, "--overlay %s: that disk has one already",
                                 overlays[i]);
    }
    return 0;
}

/* ---- the steps ---- */

/* QEMU opens one overlay while we make the next, and all of them while we sync. */
static void plan_files(struct plan *p, const struct overlays *t)
{
    for (size_t i = 0; i < t->n; i++)
        plan_need_absent(p, t->list[i].file);
    for (size_t i = 0; i < t->n; i++) {
        plan_overlay(p, t->list[i].file, &t->list[i].disk->layers[0]);
        plan_qmp(p, "blockdev-add", overlay_options(&t->list[i], NULL),
                 overlay_undo(t->list[i].node));
    }
    for (size_t i = 0; i < t->n; i++)
        plan_sync(p, t->list[i].file);
    for (size_t i = 0; i < t->n; i++)
        if (!t->list[i].disk->layers[0].remote)
            plan_flush(p, t->list[i].disk->layers[0].file);
}

/*
 * QEMU overwrites what it finds: it must not find anything. And it writes its own name of
 * the base into the header, be it relative to its folder or made up ("json:{…}"): such an
 * overlay cannot be opened elsewhere, so we make it.
 */
static void plan_files_by_qemu(struct plan *p, const struct scene *s, const struct overlays *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct graph_disk *d = t->list[i].disk;
        const struct graph_layer *base = &d->layers[0];
        bool plain = base->remote || base->spelling[0] == '/';

        if (d->detect_zeroes && strcmp(d->detect_zeroes, "off"))
            plan_note(p, "disk %s: detect-zeroes=%s ends: QEMU does not give it to its overlays",
                      d->id, d->detect_zeroes);
        if (s->files_reachable) {
            plan_need_absent(p, t->list[i].file);
            t->list[i].made = !plain;
            if (plain)
                plan_expect(p, t->list[i].file);
            else
                plan_overlay(p, t->list[i].file, base);
        } else {
            plan_need_absent_for_qemu(p, t->list[i].file);
            if (!plain)
                plan_note(p, "disk %s: the header of %s will name its base as QEMU does, %s", d->id,
                          t->list[i].file, base->spelling);
        }
    }
    for (size_t i = 0; i < t->n; i++)
        if (t->list[i].made)
            plan_sync(p, t->list[i].file);
}

/* ---- the record ---- */

static void record(struct plan *p, const struct scene *s, const struct qrw_create_args *args,
                   const char *name, const struct overlays *t, json_t *memory)
{
    json_t *disks = json_object();

    for (size_t i = 0; i < t->n; i++) {
        const struct graph_disk *d = t->list[i].disk;
        const char *frozen;

        chain_follow(&p->after, d);
        frozen = chain_active(&p->after, d->id);
        json_object_set_new(disks, d->id, json_pack("{s:s}", "layer", frozen));
        chain_set_active(
            &p->after, d->id,
            chain_add_layer(&p->after, t->list[i].file, "qcow2", d->layers[0].size, frozen, true));
        plan_promise(p, d->id, t->list[i].file, d->layers[0].file, true);
    }
    plan_record(p, s, name, "external", args->description, disks, memory);
}

static char *choose_name(const struct scene *s, const char *wanted)
{
    if (wanted)
        return mem_strdup(wanted);
    /* 2026-11-21T10:00:00.123Z -> 20261121-100000 */
    auto_free char *stamp = mem_printf("%.4s%.2s%.2s-%.2s%.2s%.2s", s->now, s->now + 5, s->now + 8,
                                       s->now + 11, s->now + 14, s->now + 17);
    char *name = mem_strdup(stamp);

    for (int k = 2; chain_snapshot(s->chain, name); k++) {
        mem_free_cleanup(&name);
        name = mem_printf("%s-%d", stamp, k);
    }
    return name;
}

static int choose_method(const struct scene *s, enum qrw_method method, bool *sync, struct plan *p,
                         struct qmp_error *err)
{
    *sync = method == QRW_METHOD_SYNC || !s->files_reachable;
    if (method == QRW_METHOD_SNAPSHOT && *sync) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "QEMU's files are not ours: it runs in another file system or elsewhere");
        return qmp_error_hint(err, "--method=sync lets QEMU make the overlays");
    }
    if (*sync && method == QRW_METHOD_AUTO)
        json_object_set_new(p->result, "method_why",
                            json_string("QEMU's files are out of our reach"));
    json_object_set_new(p->result, "method", json_string(*sync ? "sync" : "snapshot"));
    return 0;
}

static int check_name(const struct scene *s, const char *name, struct qmp_error *err)
{
    if (chain_check_name(name, err))
        return -1;
    if (!chain_snapshot(s->chain, name) && !plan_is_internal(s, name))
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED, "there is a snapshot '%s' already", name);
    return qmp_error_hint(err, "choose another name, or none: it is then the time");
}

/* A guest that stands still anyway loses nothing by it: such a memory can be loaded in place. */
static bool runs_on(struct plan *p, const struct scene *s, const struct qrw_create_args *args)
{
    bool live = s->graph->running && !args->halt;

    if (args->memory == QRW_MEMORY_LIVE && !live)
        plan_note(p, "the guest stands still: its memory is saved as --memory does");
    return args->memory == QRW_MEMORY_LIVE && live;
}

/* How the snapshot is taken. */
struct way {
    bool sync;          /* QEMU makes the overlays */
    bool freeze;        /* the guest is quiesced */
    bool live;          /* it runs on while its memory is saved */
    const char *memory; /* the file for it, NULL: not wanted */
};

static void plan_memory(struct plan *p, const struct scene *s, const struct way *w,
                        const struct graph_layer *first)
{
    const char *like = first->remote ? NULL : first->file;

    if (w->live)
        plan_live_file(p, s, w->memory, like);
    else
        plan_memory_file(p, s, w->memory, like);
}

/* Everything that takes time comes before the guest is stopped, if it is at all. */
static void plan_steps(struct plan *p, const struct scene *s, const struct qrw_create_args *args,
                       const char *name, const struct overlays *t, const struct way *w)
{
    bool stop = s->graph->running && (args->halt || w->memory) && !w->freeze;

    if (w->live)
        plan_live_begin(p, s);
    if (w->sync)
        plan_files_by_qemu(p, s, t);
    else
        plan_files(p, t);
    if (w->memory)
        plan_memory(p, s, w, &t->list[0].disk->layers[0]);
    if (stop)
        plan_qmp(p, "stop", NULL, json_pack("{s:s}", "execute", "cont"));
    if (w->live)
        plan_settle(p);
    else if (w->memory)
        plan_memory_save(p, s, name);
    if (w->freeze)
        plan_freeze(p, s, args);
    overlays_switch(p, t, w->sync, NULL);
    if (w->freeze)
        plan_thaw(p, args);
    if (w->live) {
        plan_live_save(p, s, w->memory);
    } else if (stop && !args->halt) {
        plan_qmp(p, "cont", NULL, NULL);
        plan_again(p);
    }
}

static int check_memory(const struct scene *s, const struct way *w, struct qmp_error *err)
{
    if (!w->memory)
        return 0;
    return w->live ? plan_live_check(s, w->memory, err) : plan_memory_check(s, err);
}

static int plan(struct plan *p, const struct scene *s, const void *arguments, struct qmp_error *err)
{
    const struct qrw_create_args *args = arguments;
    auto_overlays struct overlays t = {0};
    auto_free char *name = choose_name(s, args->name);
    struct way w = {0};

    if (check_name(s, name, err) || plan_quiesce(p, s, args, &w.freeze, err) ||
        choose(p, &t, s, args, err) || check_overlays(s, args->overlays, &t, err))
        return -1;
    for (size_t i = 0; i < t.n; i++)
        if (check_disk(s, &t, i, err))
            return -1;
    plan_say_running(p, s, s->graph->running && !args->halt);
    if (args->prunes && args->name)
        json_object_set_new(p->result, "prunes", json_true());
    if (args->internal)
        return plan_internal_create(p, s, args, name, &t, w.freeze, err);
    if (choose_method(s, args->method, &w.sync, p, err))
        return -1;
    for (size_t i = 0; i < t.n; i++)
        if (name_overlay(s, args, name, &t, i, err) ||
            plan_check_spelling(s, t.list[i].disk, t.list[i].disk->layers, t.list[i].file, err))
            return -1;

    w.live = runs_on(p, s, args);
    auto_free char *memory = args->memory ? plan_memory_name(s, &t, name, w.live) : NULL;
    w.memory = memory;
    if (check_memory(s, &w, err))
        return -1;
    plan_steps(p, s, args, name, &t, &w);
    record(p, s, args, name, &t, memory ? plan_memory_record(p, s, memory, name, w.live) : NULL);
    json_object_set_new(p->result, "snapshot", json_string(name));
    json_t *overlays = json_object();
    for (size_t i = 0; i < t.n; i++)
        json_object_set_new(overlays, t.list[i].disk->id, json_string(t.list[i].file));
    json_object_set_new(p->result, "overlays", overlays);
    return 0;
}

static bool needs_machine(const void *arguments, const struct graph *g)
{
    return ((const struct qrw_create_args *)arguments)->memory;
}

static bool saves_live(const void *arguments)
{
    return ((const struct qrw_create_args *)arguments)->memory == QRW_MEMORY_LIVE;
}

static bool needs_agent(const void *arguments)
{
    return ((const struct qrw_create_args *)arguments)->quiesce != QRW_QUIESCE_NO;
}

const struct qrw_operation qrw_create = {.name = "create",
                                         .level = GRAPH_DISKS,
                                         .plan = plan,
                                         .again = again_created,
                                         .freezes = true,
                                         .needs_machine = needs_machine,
                                         .saves_live = saves_live,
                                         .needs_agent = needs_agent};
