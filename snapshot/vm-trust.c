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

/* What takes @step back: steps, or one command. New reference. */
static json_t *way_back(const json_t *step)
{
    json_t *undo = json_object_get(step, "undo");

    return json_is_array(undo) ? json_incref(undo) : json_pack("[O*]", undo);
}

/* Whatever of it would be done: that is decided later. */
static int check_writes(struct qrw_vm *vm, const struct plan *p, struct qmp_error *err)
{
    const json_t *step;
    size_t i;

    /* which layer a node is */
    if (!vm->owner || !vm->files_reachable)
        return 0;
    if (vm_observe(vm, GRAPH_NODES, err) || vm_check_writes(vm, p->steps, err) ||
        vm_check_writes(vm, p->cleanup, err))
        return -1;
    json_array_foreach(p->steps, i, step) {
        json_auto_t *undo = way_back(step);

        if (vm_check_writes(vm, undo, err))
            return -1;
    }
    return 0;
}

int vm_check_journal(struct qrw_vm *vm, const struct journal *j, const struct plan *p,
                     struct qmp_error *err)
{
    if (j->chain.copied) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s: the %s that is pending in it was not begun in this file: it is a copy",
                      j->file, p->operation);
        return qmp_error_hint(err, "qrewind repair --dry-run shows what it would do, repair --yes "
                                   "does it");
    }
    return check_writes(vm, p, err) ? qmp_error_wrap(err, "pending") : 0;
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

bool vm_may_merge_unasked(const struct qrw_vm *vm, const struct chain *c)
{
    json_auto_t *kept = chain_kept(c);
    json_t *layer;
    const char *id;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);

        if (chain_is_loose(c, id) && !json_object_get(kept, id) &&
            !belongs(file, same(text(layer, "format"), "raw"), c, &vm->graph))
            return false;
    }
    return true;
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
        else if ((same(text(how, "do"), "backing") && !belongs(file, false, c, &vm->graph)) ||
                 (same(text(f, "code"), "due-merge") && !vm_may_merge_unasked(vm, c)))
            json_object_set_new(f, "ask", json_true());
    }
}
