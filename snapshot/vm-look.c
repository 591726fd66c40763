/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-look: what there is, as documents. Nothing is changed and no lock is taken. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/graph-files.h"
#include "snapshot/image.h"
#include "snapshot/internal.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/recover.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-private.h"

/* Where it cannot be looked, there may be one. Was it noted? */
static bool note_hidden(struct qrw_vm *vm, const struct graph_layer *l)
{
    if (l->relative) {
        vm_note(vm, 0,
                "no sidecar is found, but QEMU calls an image %s, seen from a folder that "
                "we cannot see; run qrewind as QEMU's user or as root",
                l->spelling);
        return true;
    }
    if (vm->offline || l->remote || !graph_has_folder(l->file))
        return false;
    auto_free char *folder = path_folder(l->file);
    if (!image_is_gone(folder))
        return false;
    vm_note(
        vm, 0,
        "no sidecar is found, and there is no folder %s, where QEMU has an image open: if it was "
        "renamed, give it that name back; if QEMU sees other folders than we do: --sidecar FILE",
        folder);
    return true;
}

static void note_unseen(struct qrw_vm *vm)
{
    for (size_t i = 0; i < vm->graph.ndisks; i++)
        for (size_t k = 0; k < vm->graph.disks[i].nlayers; k++)
            if (note_hidden(vm, &vm->graph.disks[i].layers[k]))
                return;
}

/* Observe and load the document; an absent sidecar is an empty document and @file NULL. */
static int look(struct qrw_vm *vm, enum graph_level level, struct chain *c, char **file,
                struct qmp_error *err)
{
    auto_free char *foreign = NULL;
    struct qmp_error why;
    bool exists;

    if (vm_observe(vm, level, err) || vm_sidecar_file(vm, file, &exists, &foreign, err))
        return -1;
    if (!exists) {
        free(*file);
        *file = NULL;
        chain_init(c, "/", NULL, NULL);
        if (vm_check_elsewhere(vm, foreign, &why))
            vm_note(vm, 0, "%s; %s", why.desc, why.hint);
        else if (foreign)
            vm_note(vm, 1, "%s is of another VM: it does not know the active image", foreign);
        else
            note_unseen(vm);
        return 0;
    }
    if (vm_load(vm, *file, c, err))
        return -1;
    auto_free char *doubt = vm_doubt(vm, c, true);
    if (doubt)
        vm_note(vm, 0, "%s", doubt);
    vm_adopt_names(vm, c);
    return 0;
}

/* ---- info ---- */

static size_t active_jobs(const struct graph *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->njobs; i++)
        n += strcmp(g->jobs[i].status, "concluded") != 0;
    return n;
}

/* Since when there is an undo point, and what was current then; null: there is none. */
static json_t *undo_document(const struct chain *c)
{
    const json_t *undo = chain_undo(c);

    return undo ? json_pack("{s:s?, s:s?}", "created", text(undo, "created"), "current",
                            text(undo, "current"))
                : json_null();
}

/* The disks alone: nothing runs. */
static json_t *offline_info(struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *file = NULL;
    struct chain c = {0};
    json_t *doc = NULL;

    if (!look(vm, GRAPH_DISKS, &c, &file, err)) {
        const json_t *known = json_object_get(c.doc, "vm");

        doc = json_pack("{s:s?, s:s?, s:s, s:n, s:n, s:n, s:i, s:i, s:s?, s:s?, s:O?, s:o}", "name",
                        text(known, "name"), "uuid", text(known, "uuid"), "status",
                        vm->graph.status, "qemu", "machine", "pid", "disks", (int)vm->graph.ndisks,
                        "jobs", 0, "sidecar", file, "current", chain_current(&c), "pending",
                        json_object_get(chain_pending(&c), "operation"), "undo", undo_document(&c));
    }
    chain_done(&c);
    return doc;
}

json_t *qrw_info(struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *file = NULL;
    auto_free char *qemu = NULL;
    struct chain c = {0};
    json_t *doc = NULL;
    size_t name, uuid, type;

    if (!vm->client)
        return offline_info(vm, err);
    struct ask *a = ask_new(vm->client, &vm->stop);
    name = ask_add(a, "query-name", NULL, NULL, NULL);
    uuid = ask_add(a, "query-uuid", NULL, NULL, NULL);
    type = ask_add(a, "qom-get", json_pack("{s:s, s:s}", "path", "/machine", "property", "type"),
                   NULL, NULL);
    if (!look(vm, GRAPH_DISKS, &c, &file, err) && !ask_run(a, err)) {
        qemu = vm_qemu_version(vm);
        const char *qom_type = json_string_value(ask_reply(a, type, NULL));
        auto_free char *machine = qom_type ? machine_name(qom_type) : NULL;

        doc = json_pack("{s:s?, s:s?, s:s, s:s, s:s?, s:i, s:i, s:i, s:s?, s:s?, s:O?, s:o}",
                        "name", text(ask_reply(a, name, NULL), "name"), "uuid",
                        vm_uuid(ask_reply(a, uuid, NULL)), "status", vm->graph.status, "qemu", qemu,
                        "machine", machine, "pid", (int)vm->pid, "disks", (int)vm->graph.ndisks,
                        "jobs", (int)active_jobs(&vm->graph), "sidecar", file, "current",
                        chain_current(&c), "pending",
                        json_object_get(chain_pending(&c), "operation"), "undo", undo_document(&c));
    }
    ask_free(a);
    chain_done(&c);
    return doc;
}

/* ---- disks and chain ---- */

/* @names: of the snapshots that pin the layer, NULL: none. */
static json_t *layer_document(const struct graph_disk *d, size_t i, const json_t *names)
{
    const struct graph_layer *l = &d->layers[i];

    return json_pack("{s:s, s:s, s:s?, s:I, s:o, s:b, s:o}", "file", l->file, "format", l->format,
                     "node", l->node, "size", (json_int_t)l->size, "allocated",
                     l->allocated < 0 ? json_null() : json_integer(l->allocated), "active", i == 0,
                     "snapshots", names ? json_deep_copy(names) : json_array());
}

static json_t *disk_document(const struct graph *g, const struct graph_disk *d,
                             const struct chain *c, size_t nlayers)
{
    const struct graph_job *job = plan_disk_job(g, d);
    json_auto_t *files = chain_files(c), *pins = chain_pins_of(c, d->id);
    json_t *layers = json_array();

    for (size_t i = 0; i < nlayers && i < d->nlayers; i++) {
        const char *id = chain_file_in(c, files, d->layers[i].file);

        json_array_append_new(layers, layer_document(d, i, id ? json_object_get(pins, id) : NULL));
    }
    return json_pack("{s:s, s:s?, s:s?, s:s?, s:I, s:i, s:s?, s:s?, s:o}", "id", d->id, "qdev",
                     d->qdev, "drive", d->drive, "node", d->node, "size",
                     (json_int_t)(d->nlayers ? d->layers[0].size : 0), "depth", (int)d->nlayers,
                     "skipped", graph_skip_reason(d), "job", job ? job->id : NULL, "layers",
                     layers);
}

static json_t *all_disks(struct qrw_vm *vm, enum graph_level level, const char *only,
                         size_t nlayers, struct qmp_error *err)
{
    auto_free char *file = NULL;
    const struct graph_disk *one = NULL;
    struct chain c = {0};
    json_t *list = NULL;

    if (!look(vm, level, &c, &file, err) &&
        !(only && !(one = plan_find_disk(&vm->graph, only, err)))) {
        list = json_array();
        for (size_t i = 0; i < vm->graph.ndisks; i++)
            if (!one || one == &vm->graph.disks[i])
                json_array_append_new(list,
                                      disk_document(&vm->graph, &vm->graph.disks[i], &c, nlayers));
    }
    chain_done(&c);
    return list ? json_pack("{s:o, s:s?}", "disks", list, "sidecar", file) : NULL;
}

json_t *qrw_disks(struct qrw_vm *vm, struct qmp_error *err)
{
    return all_disks(vm, GRAPH_DISKS, NULL, 1, err);
}

json_t *qrw_chain(struct qrw_vm *vm, const char *disk, struct qmp_error *err)
{
    return all_disks(vm, GRAPH_NODES, disk, SIZE_MAX, err);
}

/* ---- list and show ---- */

/* A snapshot as people and scripts see it: the record, with files instead of layers. */
static json_t *snapshot_document(const struct graph *g, const struct chain *c, const json_t *record)
{
    json_t *doc = json_deep_copy(record);
    const char *current = chain_current(c), *disk;
    json_t *held;

    json_object_foreach(json_object_get(doc, "disks"), disk, held) {
        auto_free char *file = chain_layer_file(c, text(held, "layer"));

        if (file)
            json_object_set_new(held, "file", json_string(file));
    }
    json_t *memory = json_object_get(doc, "memory");
    auto_free char *saved = chain_memory_file(c, memory);
    if (saved)
        json_object_set_new(memory, "file", json_string(saved));
    json_object_set_new(doc, "current",
                        json_boolean(current && !strcmp(current, text(doc, "name"))));
    internal_complete(doc, g, c);
    return doc;
}

/* All of them, those that lie in the images alone included, oldest first. */
static json_t *all_snapshots(const struct graph *g, const struct chain *c)
{
    json_auto_t *foreign = internal_foreign(g, c);
    json_t *list = json_array(), *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        json_array_append_new(list, snapshot_document(g, c, s));
    json_array_foreach(foreign, i, s)
        internal_complete(s, g, c);
    internal_merge(list, foreign);
    return list;
}

static void warn_pending(struct qrw_vm *vm, const struct chain *c)
{
    const char *operation = text(chain_pending(c), "operation");
    struct plan p;

    if (plan_from_json(&p, chain_pending(c), c->folder, NULL))
        return;
    json_auto_t *ids = plan_job_ids(&p);
    const char *id = json_string_value(json_array_get(ids, 0));
    auto_free char *doubt = vm_doubt(vm, c, true);

    if (recover_decide(&p, &vm->graph) == RECOVER_ATTACH)
        vm_note(vm, 0, "%s is under way: job %s", operation, id);
    else if (!doubt) /* that was told */
        vm_note(vm, 0, "%s has ended or was interrupted; qrewind repair settles it", operation);
    plan_done(&p);
}

/* What the user should know about the VM's present state beside the list. */
static void warn(struct qrw_vm *vm, const struct chain *c, const char *sidecar)
{
    struct qmp_error why;

    if (chain_pending(c)) {
        warn_pending(vm, c);
        return;
    }
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        const struct graph_layer *trouble = graph_trouble(&vm->graph.disks[i]);

        if (trouble)
            vm_note(vm, 0, "disk %s: %s", vm->graph.disks[i].id, trouble->trouble);
        if (chain_agrees(c, &vm->graph.disks[i], &why))
            vm_note(vm, 0, "%s; %s", why.desc, why.hint);
    }
    if (sidecar && vm_check_mixed(vm, c, sidecar, false, &why))
        vm_note(vm, 0, "%s; %s", why.desc, why.hint);
}

json_t *qrw_list(struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *file = NULL;
    struct chain c = {0};
    json_t *list = NULL;

    if (!look(vm, GRAPH_DISKS, &c, &file, err)) {
        warn(vm, &c, file);
        list = json_pack("{s:o, s:s?, s:s?, s:o}", "snapshots", all_snapshots(&vm->graph, &c),
                         "current", chain_current(&c), "sidecar", file, "undo", undo_document(&c));
    }
    chain_done(&c);
    return list;
}

json_t *qrw_show(struct qrw_vm *vm, const char *name, struct qmp_error *err)
{
    auto_free char *file = NULL;
    struct chain c = {0};
    json_t *doc = NULL;

    if (!look(vm, GRAPH_DISKS, &c, &file, err)) {
        json_auto_t *foreign = internal_find(&vm->graph, &c, name);
        const json_t *s = chain_snapshot(&c, name);

        if (s || foreign) {
            doc =
                json_pack("{s:o}", "snapshot", snapshot_document(&vm->graph, &c, s ? s : foreign));
        } else {
            qmp_error_set(err, QRW_ERR_NOT_FOUND, "no snapshot '%s'", name);
            qmp_error_hint(err, "qrewind list shows the names");
        }
    }
    chain_done(&c);
    return doc;
}
