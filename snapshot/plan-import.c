/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * import: see plan-import.h.
 *
 *     disk0.qcow2, memory.qcow2        a folder: disk0.qcow2* <- disk0.NAME.qcow2, with NAME
 * pinned, NAME.vmstate.qcow2, disk0.qcow2.qrewind.json
 *
 * The images are copied as they are, checked, and frozen: QEMU starts on the overlays. All of it
 * is made in TO.part, with names that hold wherever the folder is, and then gets its name.
 */
#include "snapshot/plan-import.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/manifest.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"

struct import {
    struct plan *p;
    const struct scene *s;
    const struct import_args *args;
    struct chain chain; /* the document, as if the folder had its name */
    char *work;         /* where it is made */
    json_t *names;      /* of the files in there */
    json_t *disks;      /* the snapshot's */
    json_t *room, *start;
    json_t *ids;   /* of the drives: members */
    char *sidecar; /* its name: beside the image of the first disk */
};

/* @name in the folder where it is made. New string. */
static char *in_work(const struct import *m, const char *name)
{
    return mem_printf("%s/%s", m->work, name);
}

static char *in_place(const struct import *m, const char *name)
{
    return mem_printf("%s/%s", m->args->to, name);
}

static bool is_taken(const struct import *m, const char *name)
{
    const json_t *other;
    size_t i;

    json_array_foreach(m->names, i, other)
        if (same(json_string_value(other), name))
            return true;
    return false;
}

/* "STEM.EXTENSION", or "STEM-2.EXTENSION": disks' names may differ in what no file name has.
 * New string. */
static char *new_name(struct import *m, const char *stem, const char *extension)
{
    char *name = mem_printf("%s.%s", stem, extension);

    for (int n = 2; is_taken(m, name); n++) {
        free(name);
        name = mem_printf("%s-%d.%s", stem, n, extension);
    }
    json_array_append_new(m->names, json_string(name));
    return name;
}

/* ---- its files ---- */

/* Copy @file to @name as it is, or convert it, and see that it is what it should be. */
static void add_copy(struct import *m, const json_t *file, const char *name, const char *tag)
{
    auto_free char *from = mem_printf("%s/%s", m->args->from, text(file, "name"));
    auto_free char *to = in_work(m, name);
    json_t *sum = json_object_get(file, "sha256"), *size = json_object_get(file, "size");
    const char *format = sum ? "raw" : "qcow2";

    if (sum)
        plan_need_size(m->p, from, json_integer_value(size));
    json_t *step =
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}]}", "step", "convert", "file", to, "format",
                  format, "layers", "file", from, "format", sum ? "raw" : text(file, "format"));
    if (sum)
        json_object_set_new(step, "verbatim", json_true());
    plan_step(m->p, step);
    plan_step(m->p,
              json_pack("{s:s, s:s, s:s, s:O*, s:O*, s:O*, s:s*}", "step", "verify", "file", to,
                        "format", sum ? text(file, "format") : "qcow2", "size", size, "sha256", sum,
                        "disk_size", json_object_get(file, "disk_size"), "tag", tag));
    json_array_append_new(m->room,
                          json_pack("{s:[s], s:I}", "files", from, "size",
                                    json_integer_value(json_object_get(file, "disk_size"))));
}

/* What QEMU takes for an id, and no other disk has: it is meant to be typed. New string. */
static char *drive_id(struct import *m, const char *disk)
{
    auto_free char *safe = plan_safe_name(disk);
    const bool letter = (safe[0] | 0x20) >= 'a' && (safe[0] | 0x20) <= 'z';
    auto_free char *stem = mem_printf("%s%s", letter ? "" : "disk", safe);
    char *id = mem_strdup(stem);

    for (int n = 2; json_object_get(m->ids, id); n++) {
        free(id);
        id = mem_printf("%s-%d", stem, n);
    }
    json_object_set_new(m->ids, id, json_true());
    return id;
}

/* "-drive format=qcow2,if=virtio,id=vda,file=…". New string. */
static char *drive(struct import *m, const char *file, const char *disk)
{
    auto_free char *id = drive_id(m, disk);
    auto_free char *escaped = path_escape(file);

    return mem_printf("-drive format=qcow2,if=virtio,id=%s,file=%s", id, escaped);
}

static void add_disk(struct import *m, const json_t *file)
{
    const char *id = text(file, "disk"),
               *extension = text(file, "sha256") ? text(file, "format") : "qcow2";
    json_int_t size = json_integer_value(json_object_get(file, "disk_size"));
    auto_free char *stem = plan_safe_name(id), *snapshot = plan_safe_name(m->args->name);
    auto_free char *upper = mem_printf("%s.%s", stem, snapshot);
    auto_free char *name = new_name(m, stem, extension), *overlay = new_name(m, upper, "qcow2");
    auto_free char *base = in_place(m, name), *active = in_place(m, overlay);
    auto_free char *made = in_work(m, overlay), *like = in_work(m, name);

    add_copy(m, file, name, NULL);
    plan_step(m->p,
              json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "step", "overlay", "file", made, "like",
                        like, "backing", name, "backing_format", extension, "size", size));

    const char *lower = chain_add_layer(&m->chain, base, extension, size, NULL, true);
    chain_set_active(&m->chain, id, chain_add_layer(&m->chain, active, "qcow2", size, lower, true));
    json_object_set_new(m->disks, id, json_pack("{s:s}", "layer", lower));
    auto_free char *option = drive(m, active, id);
    json_array_append_new(m->start, json_string(option));
    if (!m->sidecar) {
        m->sidecar = mem_printf("%s" SIDECAR_SUFFIX, name);
        json_array_append_new(m->names, json_string(m->sidecar));
    }
}

/* The record of the memory, NULL: there is none. New reference. */
static json_t *add_memory(struct import *m, const json_t *file)
{
    const json_t *told = json_object_get(json_object_get(m->args->manifest, "snapshot"), "memory");
    auto_free char *stem = plan_safe_name(m->args->name);
    auto_free char *name =
        new_name(m, stem, chain_memory_is_live(told) ? "vmstate" : "vmstate.qcow2");
    json_t *record = json_deep_copy(told);

    add_copy(m, file, name, text(told, "tag"));
    json_object_set_new(record, "file", json_string(name));
    return record;
}

/* ---- the whole ---- */

static void add_snapshot(struct import *m, json_t *memory)
{
    const json_t *told = json_object_get(m->args->manifest, "snapshot");

    chain_add_snapshot(&m->chain, chain_record(&(struct chain_record){
                                      .name = m->args->name,
                                      .id = m->s->token,
                                      .created = text(told, "created"),
                                      .description = text(told, "description"),
                                      .kind = "external",
                                      .state = text(told, "state"),
                                      .quiesced = json_is_true(json_object_get(told, "quiesced")),
                                      .disks = json_incref(m->disks),
                                      .memory = memory,
                                  }));
}

static void add_rest(struct import *m)
{
    auto_free char *sidecar = in_work(m, m->sidecar);
    const json_t *name;
    size_t i;

    /* the sidecar last: where it is, what it says of the others is true */
    json_array_foreach(m->names, i, name) {
        auto_free char *file = in_work(m, json_string_value(name));

        if (strcmp(file, sidecar) != 0)
            plan_sync(m->p, file);
    }
    plan_step(m->p, json_pack("{s:s, s:s, s:O}", "step", "document", "file", sidecar, "document",
                              m->chain.doc));
    /* what a sidecar is called until it is whole: one that was cut off may have left it */
    json_array_append_new(m->names, json_sprintf("%s.new", m->sidecar));
    plan_step(m->p, json_pack("{s:s, s:s, s:s}", "step", "publish", "file", m->args->to, "from",
                              m->work));
}

static void fill(struct import *m)
{
    const json_t *files = json_object_get(m->args->manifest, "files"), *file;
    json_t *memory = NULL;
    size_t i;

    plan_need_vacant(m->p, m->args->to);
    plan_need_makeable(m->p, m->work);
    plan_step(m->p, json_pack("{s:s, s:s, s:O}", "step", "workspace", "folder", m->work, "names",
                              m->names));
    json_array_foreach(files, i, file) {
        if (text(file, "disk"))
            add_disk(m, file);
        else
            memory = add_memory(m, file);
    }
    add_snapshot(m, memory);
    add_rest(m);
    plan_need_room(m->p, m->work, m->room);
    json_object_set_new(m->p->result, "snapshot", json_string(m->args->name));
    json_object_set_new(m->p->result, "to", json_string(m->args->to));
    json_object_set(m->p->result, "start", m->start);
    json_object_set_new(m->p->result, "memory",
                        !memory                        ? json_null()
                        : chain_memory_is_live(memory) ? json_string("-incoming defer")
                                                       : json_string("-S"));
}

static int plan(struct plan *p, const struct scene *s, const void *arguments, struct qmp_error *err)
{
    json_auto_t *names = json_array(), *disks = json_object(), *room = json_array(),
                *start = json_array(), *ids = json_object();
    struct import m = {.p = p,
                       .s = s,
                       .args = arguments,
                       .names = names,
                       .disks = disks,
                       .room = room,
                       .start = start,
                       .ids = ids};

    if (chain_check_name(m.args->name, err) || plan_check_name(m.args->to, err))
        return -1;
    m.work = mem_printf("%s.part", m.args->to);
    chain_init(&m.chain, m.args->to, NULL, NULL);
    fill(&m);
    chain_done(&m.chain);
    free(m.work);
    free(m.sidecar);
    return 0;
}

const struct qrw_operation plan_import = {.name = "import", .plan = plan, .aside = true};
