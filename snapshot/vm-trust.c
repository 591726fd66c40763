/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-trust: may what a sidecar has pending be carried out?
 *
 * Whoever works on a folder next does that, unasked. A folder that was unpacked may bring any
 * journal, and one of another user's may have root do what he could not do himself.
 */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/belongs.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

struct trust {
    const struct runner *r;
    const struct graph *g;
    struct qmp_error *err;
};

/* @file is written to. One that is gone is not. */
static int check_file(const struct trust *t, const char *file)
{
    struct image_stat st;

    if (!file || !t->r->owner || !t->r->files_reachable)
        return 0;
    if (image_stat(file, &st, t->err))
        return -1;
    if (!image_is_foreign(&st, t->r->owner))
        return 0;
    qmp_error_set(t->err, QRW_ERR_INVALID,
                  "pending: %s belongs to another user than the sidecar, and would be written to",
                  file);
    return qmp_error_hint(t->err, "see what is in the sidecar; moved away, nothing of it is done");
}

/* What is merged down into has to be a layer of a disk: QEMU has nodes for other files, too. */
static int check_base(const struct trust *t, const json_t *arguments)
{
    const char *base = text(arguments, "base-node");
    const struct graph_disk *d = base ? graph_disk_with(t->g, base) : NULL;

    /* else it is not, either: runner_send_undo() */
    return d ? check_file(t, graph_layer(d, base)->file) : 0;
}

/* A memory that is opened again, or saved again. */
static const char *file_of(const json_t *step)
{
    const json_t *file = json_object_get(json_object_get(step, "arguments"), "file");
    const char *kind = text(step, "step");

    if (same(kind, "migration") || same(kind, "rebase") || same(kind, "untag"))
        return text(step, "file");
    return json_object_get(step, "again") ? text(file, "filename") : NULL;
}

int vm_check_journal(const struct qrw_vm *vm, const struct journal *j, const struct runner *r,
                     const struct plan *p, struct qmp_error *err)
{
    const struct trust t = {r, &vm->graph, err};
    const json_t *step, *part;
    size_t i, k;

    if (j->chain.copied) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s: the %s that is pending in it was not begun in this file: it is a copy",
                      j->file, p->operation);
        return qmp_error_hint(err, "qrewind repair --dry-run shows what it would do, repair --yes "
                                   "does it");
    }
    json_array_foreach(p->steps, i, step) {
        if (check_file(&t, file_of(step)))
            return -1;
        json_array_foreach(json_object_get(step, "undo"), k, part)
            if (same(text(part, "execute"), "block-commit") &&
                check_base(&t, json_object_get(part, "arguments")))
                return -1;
    }
    json_array_foreach(p->cleanup, i, step)
        if (check_file(&t, file_of(step)))
            return -1;
    return 0;
}

/* It is its owner's to mend. */
static void leave(json_t *f)
{
    auto_free char *words =
        mem_printf("%s; that file is not mended: it belongs to another user than the sidecar",
                   text(f, "text"));

    json_object_set_new(f, "text", json_string(words));
    json_object_set_new(f, "repair", json_null());
    json_object_set_new(f, "mend", json_null());
}

void vm_check_mends(const struct qrw_vm *vm, const struct chain *c, json_t *findings)
{
    struct image_stat st;
    json_t *f;
    size_t i;

    json_array_foreach(findings, i, f) {
        const json_t *how = json_object_get(f, "mend");
        const char *file = text(how, "file");

        if (file && !image_stat(file, &st, NULL) && image_is_foreign(&st, vm->owner))
            leave(f);
        else if (same(text(how, "do"), "backing") && !belongs(file, false, c, &vm->graph))
            json_object_set_new(f, "ask", json_true());
    }
}
