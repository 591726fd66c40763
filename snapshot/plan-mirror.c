/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mirror: copy a disk while the guest writes to it, then switch to the copy or keep it.
 *
 *   base <- active  ──mirror──> FILE      pivot:   FILE (active)           sync=full
 *                                                  base <- FILE (active)   sync=top
 *                                         finish:  base <- active, and FILE is a copy
 *
 * QEMU creates the target by truncating what it finds; so the name is reserved first
 * with an empty file that only we can have made.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/plan-disk.h"
#include "snapshot/plan-merge.h"
#include "snapshot/plan-overlay.h"

struct copy {
    const struct graph_disk *d;
    char *file;
    const char *sync, *format;
    size_t copied; /* layers whose data is in the copy */
};

static int check(struct copy *c, const struct scene *s, const struct qrw_mirror_args *args,
                 struct qmp_error *err)
{
    if (!args->file)
        return qmp_error_set(err, QMP_ERR_USAGE, "mirror needs the FILE to copy to");
    c->sync = args->sync ? args->sync : "full";
    c->format = plan_image_format(args->format, args->file);
    if (args->pivot && args->finish)
        return qmp_error_set(err, QMP_ERR_USAGE, "--pivot and --finish exclude each other");
    if (strcmp(c->sync, "full") && strcmp(c->sync, "top") && strcmp(c->sync, "none"))
        return qmp_error_set(err, QMP_ERR_USAGE, "--sync is full, top or none, not '%s'", c->sync);

    c->d = plan_merge_disk(s, args->disk, err);
    if (!c->d)
        return -1;
    c->file = plan_file(s, args->file);
    if (!strcmp(c->sync, "top") && c->d->nlayers == 1)
        c->sync = "full";
    c->copied = !strcmp(c->sync, "full") ? c->d->nlayers : !strcmp(c->sync, "top") ? 1 : 0;
    if (strcmp(c->sync, "full") && strcmp(c->format, "qcow2"))
        return qmp_error_set(err, QRW_ERR_REFUSED,
                             "a copy by --sync=%s has a backing file, which the format %s cannot",
                             c->sync, c->format);
    if (plan_knows_file(s, c->file))
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s is a layer already", c->file);
    return 0;
}

static char *node_name(const struct plan *p)
{
    return mem_printf("qrw-%s-0", p->token);
}

/*
 * From 10.1 on, QEMU leaves out the zeros where the target reads as zeros; drive-mirror has
 * it open without its backing file, through which the old data would show after the switch.
 * So the target is opened by us, on what it will back on.
 */
#define ZEROS_ARE_LEFT_OUT 100100

/* Also what is only finished: QEMU writes its own name of the backing file into the header, which
 * can be one that nobody else understands, and nothing mends it afterwards. */
static bool is_ours_to_open(const struct copy *c, const struct scene *s, bool finish)
{
    return !strcmp(c->sync, "top") &&
           (s->version >= ZEROS_ARE_LEFT_OUT || (finish && s->files_reachable));
}

static void open_target(struct plan *p, const struct copy *c)
{
    auto_free char *node = node_name(p);
    const struct overlay o = {.disk = c->d, .file = c->file, .node = node};
    json_t *options = overlay_options(&o, NULL);

    json_object_set_new(options, "backing", json_string(c->d->layers[1].node));
    plan_qmp(p, "blockdev-add", options, overlay_undo(node));
}

static json_t *open_arguments(const struct copy *c, const struct plan *p, int64_t speed)
{
    json_t *args = plan_job_arguments("mirror", c->d, c->d->node, speed);
    auto_free char *node = node_name(p);

    json_object_set_new(args, "target", json_string(node));
    json_object_set_new(args, "sync", json_string(c->sync));
    return args;
}

static json_t *arguments(const struct copy *c, const struct plan *p, int64_t speed)
{
    json_t *args = plan_job_arguments("mirror", c->d, c->d->node, speed);
    auto_free char *node = node_name(p);

    json_object_set_new(args, "target", json_string(c->file));
    json_object_set_new(args, "format", json_string(c->format));
    json_object_set_new(args, "sync", json_string(c->sync));
    json_object_set_new(args, "node-name", json_string(node));
    return args;
}

/* The document after a pivot. */
static void record(struct plan *p, const struct scene *s, const struct copy *c, bool keep_files)
{
    const struct graph_layer *below = c->copied < c->d->nlayers ? &c->d->layers[c->copied] : NULL;
    const char *backing;

    chain_follow(&p->after, c->d);
    backing = below ? chain_layer_by_file(&p->after, below->file) : NULL;
    chain_set_active(
        &p->after, c->d->id,
        chain_add_layer(&p->after, c->file, c->format, c->d->layers[0].size, backing, true));
    plan_promise(p, c->d->id, c->file, below ? below->file : NULL, true);
    /* the command that mends it calls every backing file qcow2 */
    if (below && plan_backing_string(below) && !strcmp(below->format, c->format)) {
        auto_free char *node = node_name(p);

        plan_cleanup_backing(p, node, plan_backing_string(below));
    }
    if (!c->copied)
        plan_end_writing(p, s, c->d, below, c->d->nlayers > 1 ? below + 1 : NULL);
    plan_retire(p, c->d, 0, c->copied, keep_files);
}

/* See that the file is not there, and make it. */
static void reserve(struct plan *p, const struct copy *c, const struct scene *s, bool open)
{
    if (!s->files_reachable) {
        plan_need_absent_for_qemu(p, c->file);
        return;
    }
    plan_need_absent(p, c->file);
    plan_need_space(p, c->file, plan_data(c->d, 0, c->copied));
    if (open)
        plan_overlay(p, c->file, &c->d->layers[1]);
    else
        plan_reserve(p, c->file, c->d->layers[0].remote ? NULL : c->d->layers[0].file);
    plan_sync(p, c->file);
}

static int plan(struct plan *p, const struct scene *s, const void *arguments_,
                struct qmp_error *err)
{
    const struct qrw_mirror_args *args = arguments_;
    auto_free char *file = NULL;
    struct copy c = {0};
    /* offline nobody could be asked later what becomes of the copy */
    bool finish = args->finish || (graph_is_off(s->graph) && !args->pivot);
    bool open;
    int rc = check(&c, s, args, err);

    file = c.file;
    if (rc || !c.d || !c.d->layers)
        return -1;
    open = is_ours_to_open(&c, s, finish);
    if (open && !s->files_reachable)
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                             "QEMU %s loses zeros with --sync=top, and its files are out of our "
                             "reach: --sync=full works",
                             s->qemu);
    if (c.d->encrypted)
        plan_note(p, "disk %s is encrypted, %s is not", c.d->id, c.file);
    reserve(p, &c, s, open);
    if (open)
        open_target(p, &c);
    plan_job(p, open ? "blockdev-mirror" : "drive-mirror",
             open ? open_arguments(&c, p, args->speed) : arguments(&c, p, args->speed), c.d->id,
             args->pivot ? "complete"
             : finish    ? "finish"
                         : "hold");
    if (open && finish) {
        auto_free char *node = node_name(p);

        plan_cleanup_node(p, node);
    }
    p->fills = !finish;
    if (!finish)
        record(p, s, &c, args->keep_files);
    json_object_set_new(p->result, "target", json_string(c.file));
    return 0;
}

static const char *decision(const void *arguments_)
{
    const struct qrw_mirror_args *args = arguments_;

    if (args->file || args->pivot == args->finish)
        return NULL;
    return args->pivot ? "complete" : "finish";
}

const struct qrw_operation qrw_mirror = {
    .name = "mirror", .level = GRAPH_NODES, .plan = plan, .decision = decision, .tidies = true};
