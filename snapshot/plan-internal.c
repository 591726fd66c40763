/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-internal: take snapshots inside the images; see plan-internal.h.
 *
 *   disk.qcow2 [t1]   ==>   disk.qcow2 [t1 s1]      the disk goes on in the same file
 */
#include "snapshot/plan-internal.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-memory.h"
#include "snapshot/plan-quiesce.h"

/* ---- for creating and for going back ---- */

json_t *plan_internal_nodes(const struct overlays *o)
{
    json_t *nodes = json_array();

    for (size_t i = 0; i < o->n; i++)
        json_array_append_new(nodes, json_string(o->list[i].disk->node));
    return nodes;
}

void plan_internal_tag(struct plan *p, const struct overlays *o, const char *tag, json_t *undo)
{
    static const char command[] = "blockdev-snapshot-internal-sync";
    json_t *actions = json_array();

    for (size_t i = 0; i < o->n; i++)
        json_array_append_new(actions, json_pack("{s:s, s:{s:s, s:s}}", "type", command, "data",
                                                 "device", o->list[i].disk->node, "name", tag));
    if (o->n == 1) {
        plan_qmp(p, command, json_incref(json_object_get(json_array_get(actions, 0), "data")),
                 undo);
        json_decref(actions);
    } else {
        plan_qmp(p, "transaction", json_pack("{s:o}", "actions", actions), undo);
    }
}

json_t *plan_internal_untag(const struct graph_disk *d, const char *tag)
{
    /* a drive is called the same in the next QEMU, where it may have to be done again */
    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "step", "qmp", "execute",
                     "blockdev-snapshot-delete-internal-sync", "arguments", "device",
                     d->drive && d->drive[0] ? d->drive : d->node, "name", tag);
}

/* As the human monitor reads words: in quotes, where backslashes protect. */
void plan_internal_human(struct plan *p, const char *verb, const char *tag)
{
    char *line = mem_printf("%s \"", verb);

    for (const char *c = tag; *c; c++) {
        char *longer = mem_printf("%s%s%c", line, strchr("\"\\", *c) ? "\\" : "", *c);

        free(line);
        line = longer;
    }
    auto_free char *whole = mem_printf("%s\"", line);
    free(line);
    plan_qmp(p, "human-monitor-command", json_pack("{s:s}", "command-line", whole), NULL);
}

int plan_internal_no_jobs(const struct graph *g, struct qmp_error *err)
{
    for (size_t i = 0; i < g->njobs; i++) {
        const struct graph_job *job = &g->jobs[i];

        if (same(job->status, "concluded") || same(job->status, "null"))
            continue;
        qmp_error_set(err, QRW_ERR_LOCKED, "the job %s (%s) is %s", job->id, job->type,
                      job->status);
        return qmp_error_hint(err, "wait for it (qrewind job wait %s) or cancel it", job->id);
    }
    return 0;
}

int plan_internal_all_disks(const struct scene *s, const struct overlays *o, struct qmp_error *err)
{
    for (size_t i = 0; i < s->graph->ndisks; i++) {
        const struct graph_disk *d = &s->graph->disks[i];
        size_t k = 0;

        while (k < o->n && o->list[k].disk != d)
            k++;
        if (k == o->n && !graph_skip_reason(d))
            return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                                 "QEMU %s takes all writable disks or none, and disk %s is left "
                                 "out: that needs 6.0 or newer",
                                 s->qemu, d->id);
    }
    return 0;
}

/* ---- create ---- */

/* What copies @d into a qcow2 image and goes over to it, guest or no guest. New string. */
static char *conversion(const struct graph_disk *d)
{
    const struct graph_layer *l = &d->layers[0];
    auto_free char *beside = mem_printf("%s.qcow2", l->file), *disk = path_quote(d->id);
    auto_free char *file = path_quote(beside);

    return mem_printf("qrewind mirror %s %s --pivot", disk,
                      !l->remote && graph_has_folder(l->file) ? file : "FILE.qcow2");
}

/* Nor would one last in an image that is gone with QEMU: removed, or temporary (-snapshot). */
static int check_files(const struct overlays *o, struct qmp_error *err)
{
    for (size_t i = 0; i < o->n; i++)
        if (plan_check_lost(o->list[i].disk, &o->list[i].disk->layers[0], NULL, err))
            return -1;
    return 0;
}

/* Name every disk that cannot hold one, and the cure. The copy of one that is encrypted would not
 * be. */
static int check_formats(const struct overlays *o, struct qmp_error *err)
{
    const struct graph_layer *example = NULL;
    char *names = NULL, *excluded = NULL, *first = NULL, *others = NULL;

    for (size_t i = 0; i < o->n; i++) {
        const struct graph_disk *d = o->list[i].disk;
        auto_free char *quoted = path_quote(d->id);

        if (same(d->layers[0].format, "qcow2"))
            continue;
        example = example ? example : &d->layers[0];
        names = plan_enumerate(names, ", ", d->id);
        excluded = plan_enumerate(excluded, " --exclude ", quoted);
        if (!d->encrypted && first)
            others = plan_enumerate(others, ", ", d->id);
        else if (!d->encrypted)
            first = conversion(d);
    }
    if (!example)
        return 0;
    auto_free char *found = names, *without = excluded, *rest = others;
    auto_free char *cure = !first ? mem_strdup("")
                                  : mem_printf("go over to qcow2, while the guest runs (%s%s%s), ",
                                               first, rest ? "; likewise " : "", rest ? rest : "");
    free(first);
    qmp_error_set(err, QRW_ERR_UNSUPPORTED, "%s cannot hold an internal snapshot: %s is %s", found,
                  path_name(example->file), example->format);
    return qmp_error_hint(err, "%sleave out what cannot (--exclude %s), or leave --internal out",
                          cure, without);
}

static int check_free(const struct overlays *o, const char *tag, struct qmp_error *err)
{
    for (size_t i = 0; i < o->n; i++) {
        if (!graph_tag(&o->list[i].disk->layers[0], tag))
            continue;
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s has an internal snapshot '%s' already",
                      o->list[i].disk->id, tag);
        return qmp_error_hint(err, "choose another name, or none: it is then the time");
    }
    return 0;
}

/* Where the memory goes, NULL: nowhere. QEMU (7.2, 10.0, 11.1) ends itself when it is to save one
 * into an encrypted image. */
static const struct graph_disk *memory_disk(const struct overlays *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (!o->list[i].disk->encrypted)
            return o->list[i].disk;
    return NULL;
}

/* An old one chooses itself. */
static int check_encrypted(const struct scene *s, const struct overlays *o, struct qmp_error *err)
{
    const bool chooses = s->version < OLDEST_WITH_SNAPSHOT_JOBS;

    for (size_t i = 0; i < o->n; i++) {
        if (!o->list[i].disk->encrypted || (memory_disk(o) && !chooses))
            continue;
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "QEMU %s would crash: it cannot save memory in an encrypted image, as disk "
                      "%s has",
                      s->qemu, o->list[i].disk->id);
        return qmp_error_hint(err, "leave --memory out: a snapshot of the disks alone works");
    }
    return 0;
}

static int check(const struct scene *s, const struct qrw_create_args *args, const char *name,
                 const struct overlays *o, struct qmp_error *err)
{
    if (args->overlays || args->method != QRW_METHOD_AUTO)
        return qmp_error_set(err, QMP_ERR_USAGE,
                             "--internal makes no overlays: --overlay and --method go without it");
    if (args->memory == QRW_MEMORY_LIVE)
        return qmp_error_set(err, QMP_ERR_USAGE,
                             "--internal stops the guest for its memory: --memory=live goes "
                             "without it");
    if (check_files(o, err) || check_formats(o, err) || check_free(o, name, err))
        return -1;
    if (!args->memory)
        return 0;
    if (plan_memory_there(s, err) || check_encrypted(s, o, err) ||
        plan_internal_no_jobs(s->graph, err))
        return -1;
    return s->version < OLDEST_WITH_SNAPSHOT_JOBS ? plan_internal_all_disks(s, o, err) : 0;
}

static void plan_save(struct plan *p, const struct scene *s, const char *tag,
                      const struct overlays *o)
{
    if (s->version < OLDEST_WITH_SNAPSHOT_JOBS) {
        plan_internal_human(p, "savevm", tag);
        return;
    }
    plan_job(p, "snapshot-save",
             json_pack("{s:s, s:s, s:s, s:o}", "job-id", "qrw-save", "tag", tag, "vmstate",
                       memory_disk(o)->node, "devices", plan_internal_nodes(o)),
             NULL, NULL);
}

static json_t *memory_record(const struct scene *s, const char *tag, const struct graph_disk *d)
{
    return json_pack("{s:s, s:s, s:s}", "disk", d->id, "tag", tag, "qemu", s->qemu);
}

static void record(struct plan *p, const struct scene *s, const struct qrw_create_args *args,
                   const char *name, const struct overlays *o)
{
    json_t *disks = json_object();

    for (size_t i = 0; i < o->n; i++) {
        const char *id = o->list[i].disk->id;

        chain_follow(&p->after, o->list[i].disk);
        json_object_set_new(
            disks, id, json_pack("{s:s, s:s}", "tag", name, "inside", chain_active(&p->after, id)));
        plan_promise_tag(p, o->list[i].disk->id, NULL, name, true);
    }
    json_object_set(p->result, "disks", disks);
    plan_record(p, s, name, "internal", args->description, disks,
                args->memory ? memory_record(s, name, memory_disk(o)) : NULL);
}

static void need_room(struct plan *p, const struct scene *s, const char *image)
{
    if (!graph_has_folder(image))
        return;
    plan_need_space(p, image, s->machine->ram);
    plan_need_told(p, "which takes the guest's memory", "make room, or leave --memory out");
}

int plan_internal_create(struct plan *p, const struct scene *s, const struct qrw_create_args *args,
                         const char *name, const struct overlays *o, bool freeze,
                         struct qmp_error *err)
{
    if (check(s, args, name, o, err))
        return -1;
    if (freeze)
        plan_freeze(p, s, args);
    else if (args->halt && s->graph->running)
        plan_qmp(p, "stop", NULL, json_pack("{s:s}", "execute", "cont"));
    if (args->memory && s->files_reachable)
        need_room(p, s, memory_disk(o)->layers[0].file);
    /* QEMU itself stops the guest for the memory, and lets it go on */
    if (args->memory)
        plan_save(p, s, name, o);
    else
        plan_internal_tag(p, o, name, NULL);
    if (freeze)
        plan_thaw(p, args);
    record(p, s, args, name, o);
    json_object_set_new(p->result, "snapshot", json_string(name));
    json_object_set_new(p->result, "method", json_string("internal"));
    return 0;
}
