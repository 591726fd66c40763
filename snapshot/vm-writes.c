/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-writes: what steps have QEMU, or us, write to.
 *
 * A document of another user's may call any file a layer, and have it merged into: he has root do
 * then what he could not do himself. So it is where his journal says what is to be done.
 *
 *   root:secret <- his:disk <- his:active     delete: disk goes down into secret? it does not
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

struct writes {
    const struct graph *g;
    uid_t owner; /* of the sidecar */
    struct qmp_error *err;
};

/* What would be written to is somebody else's. */
static int refuse(const struct writes *w, const char *file)
{
    qmp_error_set(w->err, QRW_ERR_REFUSED,
                  "%s belongs to another user than the sidecar, and would be written to", file);
    return qmp_error_hint(w->err,
                          "do it as user %u, whose the sidecar is; or see what is in it, and if "
                          "you trust that, make it yours (chown, or a copy)",
                          (unsigned)w->owner);
}

/* One that is not there yet is made by us. */
static int check_one(const struct writes *w, const char *file)
{
    struct image_stat st;

    if (image_stat(file, &st, w->err))
        return -1;
    return image_is_foreign(&st, w->owner) ? refuse(w, file) : 0;
}

/* What is written into an image may lie in a data file. */
static int check_file(const struct writes *w, const char *file)
{
    struct qcow2_header h;
    struct qmp_error why = {0};

    if (!file || !graph_is_path(file))
        return 0;
    if (check_one(w, file))
        return -1;
    if (image_read_header(file, &h, &why)) {
        if (why.kind != QMP_ERR_SYSTEM || image_is_gone(file))
            return 0;
        if (w->err)
            *w->err = why;
        return -1;
    }
    auto_free char *data = h.data_file ? image_data_path(file, h.data_file) : NULL;
    qcow2_header_done(&h);
    return data ? check_one(w, data) : 0;
}

/* A node, or a drive. One that no disk has holds what we have just made, or is none. */
static int check_node(const struct writes *w, const char *name)
{
    const struct graph_disk *with = graph_disk_with(w->g, name), *d = graph_disk(w->g, name);
    const struct graph_layer *l = with ? graph_layer(with, name) : d ? graph_active(d) : NULL;

    return l && !l->remote ? check_file(w, l->file) : 0;
}

/* The base gets the data, and the header of what lies on the top another name. */
static int check_commit(const struct writes *w, const json_t *arguments)
{
    const char *top = text(arguments, "top-node");
    const struct graph_disk *d = top ? graph_disk_with(w->g, top) : NULL;
    const struct graph_layer *l = d ? graph_layer(d, top) : NULL;

    if (l && l > d->layers && check_file(w, l[-1].file))
        return -1;
    return check_node(w, text(arguments, "base-node"));
}

static int check_nodes(const struct writes *w, const json_t *names)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
        if (check_node(w, json_string_value(name)))
            return -1;
    return 0;
}

/* An old QEMU chooses itself: all disks. */
static int check_line(const struct writes *w, const char *line)
{
    if (!line || !strncmp(line, "qemu-io", strlen("qemu-io")))
        return 0;
    for (size_t i = 0; i < w->g->ndisks; i++)
        if (!graph_skip_reason(&w->g->disks[i]) && check_node(w, w->g->disks[i].id))
            return -1;
    return 0;
}

static int check_added(const struct writes *w, const json_t *options)
{
    return json_is_true(json_object_get(options, "read-only"))
               ? 0
               : check_file(w, text(json_object_get(options, "file"), "filename"));
}

static int check_stream(const struct writes *w, const char *uri)
{
    const char *file = uri && !strncmp(uri, "file:", 5) ? uri + 5 : NULL;
    auto_free char *name = file ? mem_printf("%.*s", (int)strcspn(file, ","), file) : NULL;

    return check_file(w, name);
}

static int check_command(const struct writes *w, const char *execute, const json_t *arguments)
{
    static const struct {
        const char *name, *member; /* of the arguments: the node that is written to */
    } plain[] = {
        {"block-stream", "device"},
        /* nobody writes to it, and it is frozen for his VM */
        {"blockdev-snapshot", "node"},
        {"blockdev-snapshot-sync", "node-name"},
        {"blockdev-snapshot-delete-internal-sync", "device"},
        {"blockdev-snapshot-internal-sync", "device"},
        {"change-backing-file", "image-node-name"},
        {"snapshot-delete", NULL},
        {"snapshot-load", "vmstate"},
        {"snapshot-save", "vmstate"},
    };
    const json_t *action;
    size_t i;

    json_array_foreach(json_object_get(arguments, "actions"), i, action)
        if (check_command(w, text(action, "type"), json_object_get(action, "data")))
            return -1;
    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (same(execute, plain[i].name))
            return (plain[i].member && check_node(w, text(arguments, plain[i].member))) ||
                           check_nodes(w, json_object_get(arguments, "devices"))
                       ? -1
                       : 0;
    return same(execute, "block-commit")            ? check_commit(w, arguments)
           : same(execute, "blockdev-add")          ? check_added(w, arguments)
           : same(execute, "migrate")               ? check_stream(w, text(arguments, "uri"))
           : same(execute, "human-monitor-command") ? check_line(w, text(arguments, "command-line"))
                                                    : 0;
}

static int check_step(const struct writes *w, const json_t *step)
{
    const char *kind = text(step, "step");

    if ((same(kind, "rebase") || same(kind, "untag") || same(kind, "migration")) &&
        check_file(w, text(step, "file")))
        return -1;
    return check_command(w, text(step, "execute"), json_object_get(step, "arguments"));
}

int vm_check_writes(const struct qrw_vm *vm, const json_t *steps, struct qmp_error *err)
{
    const struct writes w = {&vm->graph, vm->owner, err};
    const json_t *step;
    size_t i;

    if (!vm->owner || !vm->files_reachable)
        return 0;
    json_array_foreach(steps, i, step)
        if (check_step(&w, step))
            return -1;
    return 0;
}
