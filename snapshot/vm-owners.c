/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-owners: nobody gets by us, through the headers of his images, what he could not do himself.
 *
 * They may call any file a base, one of ours or, where we are root, of anybody. So what is in his
 * image is written only into what is his, too, and only what he may read is copied into it. (What
 * his sidecar may name: vm-writes.c.)
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

struct owners {
    const struct qrw_vm *vm;
    struct qmp_error *err;
};

static int hint(struct qmp_error *err)
{
    return qmp_error_hint(err, "if that is meant: give them one owner (chown)");
}

/* What the layers [@from, @into) hold goes into @into. */
static int check_commit(const struct owners *o, const struct graph_layer *from,
                        const struct graph_layer *into)
{
    struct image_stat st, base;

    if (into->remote)
        return 0;
    if (image_stat(into->file, &base, o->err))
        return -1;
    for (; from < into; from++) {
        if (from->remote)
            continue;
        if (image_stat(from->file, &st, o->err))
            return -1;
        if (!st.exists || !image_is_of_another(st.uid) || !image_is_foreign(&base, st.uid))
            continue;
        qmp_error_set(o->err, QRW_ERR_REFUSED,
                      "%s would be written to: it belongs to another user than %s, which names it "
                      "as its base",
                      into->file, from->file);
        return hint(o->err);
    }
    return 0;
}

/* What the layers [@from, @end) hold is copied into a file of @owner's. */
static int check_read(const struct owners *o, uid_t owner, const struct graph_layer *from,
                      const struct graph_layer *end)
{
    for (; image_is_of_another(owner) && from < end; from++) {
        if (from->remote || image_is_readable_by(from->file, owner))
            continue;
        qmp_error_set(o->err, QRW_ERR_REFUSED,
                      "%s would be copied into an image of the user with the id %u, who may not "
                      "read it",
                      from->file, (unsigned)owner);
        return hint(o->err);
    }
    return 0;
}

/* A copy that gets the owner of the image @like, of all that is seen in it. */
static int check_copy(const struct owners *o, const char *like)
{
    const struct graph_disk *d = like ? graph_disk_with(&o->vm->graph, like) : NULL;
    struct image_stat st;

    if (!d)
        return 0;
    if (image_stat(like, &st, o->err))
        return -1;
    return check_read(o, st.exists ? st.uid : 0, graph_layer(d, like), d->layers + d->nlayers);
}

/* The layer that QEMU is told of by the name of a node or a drive; NULL: none. */
static const struct graph_layer *named(const struct graph *g, const char *name,
                                       const struct graph_disk **d)
{
    *d = name ? graph_disk_with(g, name) : NULL;
    if (*d)
        return graph_layer(*d, name);
    *d = name ? graph_disk(g, name) : NULL;
    return *d ? graph_active(*d) : NULL;
}

/* A job that merges layers. */
static int check_job(const struct owners *o, const json_t *step)
{
    const json_t *arguments = json_object_get(step, "arguments");
    const char *execute = text(step, "execute"), *top = text(arguments, "top-node"),
               *base = text(arguments, "base-node");
    const bool commits = same(execute, "block-commit");
    const struct graph_disk *d;
    const struct graph_layer *from = named(&o->vm->graph, text(arguments, "device"), &d);
    struct image_stat st;

    if (!from || (!commits && !same(execute, "block-stream")))
        return 0;
    const struct graph_layer *end = base ? graph_layer(d, base) : NULL;
    if (commits)
        return check_commit(o, top ? graph_layer(d, top) ?: from : from,
                            end ? end : &d->layers[d->nlayers - 1]);
    if (image_stat(from->file, &st, o->err))
        return -1;
    return check_read(o, st.exists ? st.uid : 0, from + 1, end ? end : d->layers + d->nlayers);
}

static int check_step(const struct owners *o, const json_t *step)
{
    const char *kind = text(step, "step");

    if (same(kind, "copy") || same(kind, "reserve"))
        return check_copy(o, text(step, "like"));
    return same(kind, "job") ? check_job(o, step) : 0;
}

int vm_check_owners(const struct qrw_vm *vm, const struct plan *p, struct qmp_error *err)
{
    const struct owners o = {vm, err};
    const json_t *step;
    size_t i;

    if (!vm->files_reachable)
        return 0;
    json_array_foreach(p->steps, i, step)
        if (check_step(&o, step))
            return -1;
    return 0;
}
