/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * export: a snapshot as files that need no others.                      PURE
 *
 *     base <- a* <- b       a folder: disk0.qcow2 (base and a, flat), memory.qcow2,
 *                           qrewind-export.json (doc/export.md)
 *
 * It is made in a folder beside its place, TO.part, which gets its name when all of it is on
 * the disk. Neither QEMU nor the document hears of it: there is nothing to record, and what
 * was cut off is found by the next export to the same place.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph-open.h"
#include "snapshot/internal.h"
#include "snapshot/manifest.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/plan-disk.h"
#include "snapshot/operations.h"

struct exported {
    struct plan *p;
    const struct scene *s;
    const struct qrw_export_args *args;
    json_t *snapshot; /* its document */
    char *to, *work;  /* where it will be, and where it is made */
    bool alone;       /* the one image, without a folder */
    json_t *files;    /* those of the manifest */
    json_t *names;    /* of the same */
    json_t *images;   /* what takes up room: {"files", "size"} each */
};

/* ---- where to ---- */

static bool is_image_name(const char *to)
{
    return path_ends(to, ".qcow2") || path_ends(to, ".raw") || path_ends(to, ".img");
}

static const char *format(const struct exported *e)
{
    return plan_image_format(e->args->format, e->alone ? e->to : "");
}

/* "DISK.qcow2"; another file may be called so already. New string. */
static char *new_name(const struct exported *e, const char *stem, const char *extension)
{
    auto_free char *safe = plan_safe_name(stem);
    char *name = mem_printf("%s.%s", safe, extension);

    for (int n = 2; manifest_file(e->files, name); n++) {
        free(name);
        name = mem_printf("%s-%d.%s", safe, n, extension);
    }
    return name;
}

/* Takes @file, an entry of the manifest. */
static void add_file(struct exported *e, json_t *file)
{
    json_array_append_new(e->files, file);
    json_array_append(e->names, json_object_get(file, "name"));
}

/* ---- what is copied ---- */

static int out_of_reach(const char *file, struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_UNSUPPORTED, "%s is out of our reach", file);
    return qmp_error_hint(err, "run qrewind where QEMU's images are local files, as QEMU's user "
                               "or as root");
}

static int add_layer(json_t *layers, const char *file, const char *fmt, struct qmp_error *err)
{
    if (!graph_is_path(file))
        return out_of_reach(file, err);
    json_array_append_new(layers, json_pack("{s:s, s:s}", "file", file, "format", fmt));
    return 0;
}

/* As QEMU has them open. */
static int add_open(json_t *layers, const struct graph_disk *d, const char *file,
                    struct qmp_error *err)
{
    for (const struct graph_layer *l = graph_layer(d, file); l < d->layers + d->nlayers; l++) {
        if (l->relative || l->remote)
            return out_of_reach(l->file, err);
        if (l->encrypted)
            return qmp_error_set(err, QRW_ERR_UNSUPPORTED, "%s is encrypted", l->file);
        if (graph_check_layer(d, (size_t)(l - d->layers), err))
            return -1;
        if (add_layer(layers, l->file, l->format, err))
            return -1;
    }
    return 0;
}

/* @file, or what it builds on, is the present of a disk: with an old image, or merged into that by
 * another tool. It would not even be read while QEMU writes to it. */
static int refuse_present(const struct exported *e, const char *file, struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "the guest writes to %s, in which a part of '%s' lies: that may be overwritten",
                  file, e->args->name);
    return qmp_error_hint(err, "qrewind check tells what can be done");
}

/* @file and all below it: what QEMU has open as it has it, the rest as the document says and
 * the headers must agree to. @inside: what is read lies inside of @file. */
static int add_layers(struct exported *e, json_t *layers, const char *file, bool inside,
                      struct qmp_error *err)
{
    const struct chain *c = e->s->chain;
    auto_free char *at = mem_strdup(file);

    while (at) {
        const struct graph_disk *d = graph_disk_with(e->s->graph, at);
        const json_t *layer = chain_layer(c, chain_layer_by_file(c, at));

        if (d && !graph_is_off(e->s->graph) && !d->read_only && same(at, d->layers[0].file) &&
            !(inside && same(at, file)))
            return refuse_present(e, at, err);
        if (d)
            return add_open(layers, d, at, err);
        if (!layer)
            return qmp_error_set(err, QRW_ERR_INVALID, "nothing is known of %s", at);
        if (add_layer(layers, at, text(layer, "format"), err))
            return -1;
        char *below = chain_layer_file(c, text(layer, "backing"));
        if (same(text(layer, "format"), "qcow2"))
            plan_need_backing(e->p, at, below);
        free(at);
        at = below;
    }
    return 0;
}

static void add_room(struct exported *e, const json_t *layers, json_int_t size)
{
    json_t *files = json_array();
    const json_t *layer;
    size_t i;

    json_array_foreach(layers, i, layer)
        json_array_append(files, json_object_get(layer, "file"));
    json_array_append_new(e->images, json_pack("{s:o, s:I}", "files", files, "size", size));
}

static json_int_t size_of(const struct exported *e, const char *file)
{
    const struct graph_disk *d = graph_disk_with(e->s->graph, file);
    const struct chain *c = e->s->chain;

    return d ? graph_layer(d, file)->size : chain_layer_size(c, chain_layer_by_file(c, file));
}

/* What lay beyond the end that the image has now is read in a scratch copy of it (@size bytes were
 * the disk's), for which nobody may write to it. */
static int add_scratch(struct exported *e, const struct graph_disk *d, json_t *step, int64_t size,
                       struct qmp_error *err)
{
    const json_t *image = json_array_get(json_object_get(step, "layers"), 0);
    auto_free char *scratch = mem_printf("%s.scratch", text(step, "file"));
    json_auto_t *alone = json_pack("[O]", image);

    if (d && !graph_is_off(e->s->graph) && same(text(image, "file"), d->layers[0].file)) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "disk %s was larger when '%s' was taken, and the guest writes to the image: "
                      "what lay beyond its end cannot be read",
                      d->id, e->args->name);
        return qmp_error_hint(err,
                              "with the VM off it can be exported; or qrewind create NAME, and "
                              "then again");
    }
    json_object_set_new(step, "scratch", json_string(scratch));
    json_object_set_new(step, "size", json_integer(size));
    json_array_append_new(e->names, json_string(path_name(scratch)));
    add_room(e, alone, 0);
    return 0;
}

static int add_disk(struct exported *e, const char *id, const json_t *held, struct qmp_error *err)
{
    const struct graph_disk *d = graph_disk(e->s->graph, id);
    const char *tag = text(held, "tag");
    auto_free char *file = tag ? internal_file(e->s->graph, e->s->chain, id, held)
                               : chain_layer_file(e->s->chain, text(held, "layer"));
    json_auto_t *layers = json_array();

    if (d && d->encrypted)
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED, "disk %s is encrypted", id);
    if (!file)
        return qmp_error_set(err, QRW_ERR_INVALID, "no image holds '%s'", tag ? tag : "?");
    if (add_layers(e, layers, file, tag, err))
        return qmp_error_wrap(err, "disk %s", id);

    auto_free char *name = e->alone ? mem_strdup(path_name(e->to)) : new_name(e, id, format(e));
    auto_free char *copy = mem_printf("%s/%s", e->work, name);
    json_int_t size = size_of(e, file);
    const int64_t then = tag && e->s->resized_since ? e->s->resized_since(file, tag) : 0;
    json_t *step =
        json_pack("{s:s, s:s, s:s, s:s, s:O, s:s*, s:I}", "step", "convert", "file", copy, "format",
                  format(e), "disk", id, "layers", layers, "tag", tag, "size", size);
    if (e->args->compress)
        json_object_set_new(step, "compress", json_true());
    plan_step(e->p, step);
    if (then > size && add_scratch(e, d, step, then, err))
        return -1;
    add_room(e, layers, then > size ? then : size);
    add_file(e, json_pack("{s:s, s:s, s:s}", "name", name, "disk", id, "format", format(e)));
    return 0;
}

static bool wanted(const struct exported *e, const char *id)
{
    for (qrw_strings d = e->args->disks; d && *d; d++)
        if (!strcmp(*d, id))
            return true;
    return !e->args->disks;
}

static int add_disks(struct exported *e, struct qmp_error *err)
{
    json_t *disks = json_object_get(e->snapshot, "disks"), *held;
    const char *id;

    for (qrw_strings d = e->args->disks; d && *d; d++)
        if (!json_object_get(disks, *d))
            return qmp_error_set(err, QRW_ERR_NOT_FOUND, "snapshot '%s' has no disk '%s'",
                                 e->args->name, *d);
    json_object_foreach(disks, id, held)
        if (wanted(e, id) && add_disk(e, id, held, err))
            return -1;
    return 0;
}

/* The memory is of all disks together: without one of them it is of no use. */
static bool takes_memory(const struct exported *e)
{
    return json_is_object(json_object_get(e->snapshot, "memory")) && !e->args->no_memory &&
           !e->args->disks;
}

/* The image as it is, with what lies inside of it. */
static int add_memory(struct exported *e, struct qmp_error *err)
{
    const json_t *memory = json_object_get(e->snapshot, "memory");
    auto_free char *file = chain_memory_file(e->s->chain, memory);

    if (!takes_memory(e))
        return 0;
    if (!file) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "the memory of '%s' lies inside of a disk's image: nothing takes it out of "
                      "there",
                      e->args->name);
        return qmp_error_hint(err, "--no-memory exports the disks alone");
    }
    bool live = chain_memory_is_live(memory);
    auto_free char *name = new_name(e, "memory", live ? MANIFEST_STREAM : "qcow2");
    auto_free char *copy = mem_printf("%s/%s", e->work, name);
    json_auto_t *layers = json_pack("[{s:s, s:s}]", "file", file, "format", "raw");

    if (live)
        plan_need_stream(e->p, file);
    else
        plan_need_state(e->p, file, text(memory, "tag"));
    plan_step(e->p, json_pack("{s:s, s:s, s:s, s:O, s:b}", "step", "convert", "file", copy,
                              "format", "raw", "layers", layers, "verbatim", 1));
    add_room(e, layers, 0);
    add_file(e, json_pack("{s:s, s:b, s:s}", "name", name, "memory", 1, "format",
                          live ? MANIFEST_STREAM : "qcow2"));
    return 0;
}

/* ---- the whole ---- */

static int check(const struct exported *e, struct qmp_error *err)
{
    if (e->args->compress && strcmp(format(e), "qcow2") != 0)
        return qmp_error_set(err, QMP_ERR_USAGE, "only qcow2 images can be compressed");
    if (e->s->graph->ndisks && !e->s->files_reachable)
        return out_of_reach("what QEMU has open", err);
    if (!e->alone)
        return 0;
    if (takes_memory(e)) {
        qmp_error_set(err, QRW_ERR_REFUSED, "'%s' has memory too: it needs a folder",
                      e->args->name);
        return qmp_error_hint(err, "name one, without an image's extension; or --no-memory");
    }
    if (e->args->disks ? e->args->disks[1] != NULL
                       : json_object_size(json_object_get(e->snapshot, "disks")) != 1) {
        qmp_error_set(err, QRW_ERR_REFUSED, "'%s' has several disks: they need a folder",
                      e->args->name);
        return qmp_error_hint(err, "name one, without an image's extension; or one --disk");
    }
    return 0;
}

static void add_rest(struct exported *e)
{
    auto_free char *image = mem_printf("%s/%s", e->work, text(json_array_get(e->files, 0), "name"));
    json_t *seal =
        json_pack("{s:s, s:s, s:O}", "step", "seal", "folder", e->work, "files", e->files);

    if (!e->alone)
        json_object_set_new(seal, "manifest",
                            manifest_new(e->snapshot, takes_memory(e), e->s->now));
    plan_step(e->p, seal);
    plan_step(e->p, json_pack("{s:s, s:s, s:s, s:s*}", "step", "publish", "file", e->to, "from",
                              e->alone ? image : e->work, "folder", e->alone ? e->work : NULL));
}

static int fill(struct exported *e, struct qmp_error *err)
{
    if (e->alone)
        plan_need_absent(e->p, e->to);
    else
        plan_need_vacant(e->p, e->to);
    plan_need_makeable(e->p, e->work);
    plan_step(e->p, json_pack("{s:s, s:s, s:O}", "step", "workspace", "folder", e->work, "names",
                              e->names));
    if (add_memory(e, err) || add_disks(e, err))
        return -1;
    if (!e->args->compress)
        plan_need_room(e->p, e->work, e->images);
    add_rest(e);
    json_object_set_new(e->p->result, "snapshot", json_string(e->args->name));
    json_object_set_new(e->p->result, "to", json_string(e->to));
    if (json_is_object(json_object_get(e->snapshot, "memory")) && !takes_memory(e))
        plan_note(e->p, "its memory is left out");
    return 0;
}

static int plan_export(struct plan *p, const struct scene *s, const void *arguments,
                       struct qmp_error *err)
{
    const struct qrw_export_args *args = arguments;
    json_auto_t *internal = internal_find(s->graph, s->chain, args->name);
    json_t *record = chain_snapshot(s->chain, args->name);
    json_auto_t *files = json_array(), *names = json_array(), *images = json_array();
    struct exported e = {.p = p,
                         .s = s,
                         .args = args,
                         .snapshot = record ? record : internal,
                         .alone = is_image_name(args->to),
                         .files = files,
                         .names = names,
                         .images = images};
    int rc;

    if (!e.snapshot) {
        qmp_error_set(err, QRW_ERR_NOT_FOUND, "no snapshot '%s'", args->name);
        return qmp_error_hint(err, "qrewind list shows the names");
    }
    auto_free char *given = path_join(s->cwd, args->to);
    e.to = plan_file(s, given);
    e.work = mem_printf("%s.part", e.to);
    rc = plan_check_name(e.to, err) || check(&e, err) || fill(&e, err) ? -1 : 0;
    free(e.to);
    free(e.work);
    return rc;
}

const struct qrw_operation qrw_export = {
    .name = "export",
    .level = GRAPH_DISKS,
    .plan = plan_export,
    .aside = true,
};
