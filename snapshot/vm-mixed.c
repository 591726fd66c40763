/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-mixed: does a layer build on another file than the one that is recorded?
 *
 *   w/a.qcow2   <── w/a.s1.qcow2       w2 is a copy of w, whose headers name the files of w: what
 *                     ^                runs on w2/a.s1 shows those, and not the ones beside it that
 *   w2/a.qcow2  <╌╌ w2/a.s1.qcow2      the sidecar in w2 means
 *
 * Each of them may hold what the other does not: nothing is done until somebody has said which
 * one is meant. A folder that was moved has no second file; QEMU itself may have put one layer
 * of ours on another; and what lies in between is recorded as it is. Nor is anything done where a
 * folder that is mounted twice makes two layers of each; or where another tool has merged a layer
 * down into one that we know: once QEMU's chain is recorded, nobody can tell any more which of
 * their snapshots is where.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/vm-alone.h"
#include "snapshot/vm-private.h"

struct record {
    const struct chain *c;
    const char *sidecar;
};

/* Two names of files that are there. */
static bool are_there(const char *a, const char *b, struct image_stat *one,
                      struct image_stat *other)
{
    return !same(a, b) && !image_stat(a, one, NULL) && one->exists && !image_stat(b, other, NULL) &&
           other->exists;
}

static bool are_two(const char *a, const char *b)
{
    struct image_stat one, other;

    return are_there(a, b, &one, &other) && !image_same(&one, &other);
}

/* One file in two folders: these are one, mounted at two places. */
static bool is_seen_twice(const char *a, const char *b)
{
    struct image_stat one, other;

    return same(path_name(a), path_name(b)) && are_there(a, b, &one, &other) &&
           image_same(&one, &other);
}

/* Following the headers from @file, is @wanted reached? */
static bool leads_to(const char *file, const char *wanted)
{
    char *at = mem_strdup(file);

    for (int i = 0; at && are_two(at, wanted) && i < GRAPH_MAX_LAYERS; i++) {
        char *next = image_backing_file(at);

        free(at);
        at = next;
    }
    auto_free char *last = at;
    return last && !are_two(last, wanted);
}

static int refuse_twice(const char *named, const char *meant, struct qmp_error *err)
{
    auto_free char *folder = path_folder(named);

    qmp_error_set(err, QRW_ERR_REFUSED, "%s and %s are one file, seen at two places", named, meant);
    return qmp_error_hint(err, "name the images as their headers do: in %s", folder);
}

static int refuse(const struct qrw_vm *vm, const struct record *r, const char *file,
                  const char *named, const char *meant, struct qmp_error *err)
{
    const char *stop = vm->offline ? "" : "stop the VM; then ";

    qmp_error_set(err, QRW_ERR_REFUSED, "%s: %s %s, the sidecar says %s, and both are there", file,
                  vm->offline ? "its header names" : "QEMU has it on", named, meant);
    if (chain_pending(r->c)) {
        auto_free char *below = path_quote(meant), *top = path_quote(file);

        return qmp_error_hint(err,
                              "if the folder was copied, %sname the file in it: qemu-img rebase -u "
                              "-f qcow2 -F FORMAT -b %s %s",
                              stop, below, top);
    }
    auto_free char *sidecar = path_quote(r->sidecar);
    return qmp_error_hint(err,
                          "if the folder was copied, %sqrewind --sidecar %s repair --yes writes "
                          "the names of the files in it into the headers",
                          stop, sidecar);
}

static bool is_lost(const struct chain *c, json_t *disks, const char *top, const char *onto)
{
    const char *disk;
    json_t *held;

    json_object_foreach(disks, disk, held)
        if (lost_by_merge(c, held, top, onto))
            return true;
    return false;
}

/* Has a snapshot, or the undo point, lost what it showed by a merge of @top into @onto? */
static bool loses(const struct chain *c, const char *top, const char *onto)
{
    const json_t *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        if (is_lost(c, json_object_get(s, "disks"), top, onto))
            return true;
    return is_lost(c, json_object_get(chain_undo(c), "disks"), top, onto);
}

/* Somebody else has merged a layer away. */
static int hint_cost(struct qmp_error *err)
{
    return qmp_error_hint(err, "qrewind check tells which snapshots that has cost, repair --yes "
                               "records it");
}

/* @file builds on @named, and what is recorded between them, from @top on, is there still: was that
 * merged into @named (check-skipped.c)? */
static int check_skipped(const struct chain *c, const char *file, const char *named,
                         const char *top, struct qmp_error *err)
{
    const char *onto = chain_layer_by_file(c, named);
    auto_free char *meant = chain_layer_file(c, top);

    if (chain_pending(c) || !onto || !strcmp(onto, top) || !chain_is_below(c, onto, top) ||
        !fingerprint_has_grown(c, onto, true) || !loses(c, top, onto))
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s builds on %s, which has changed since it was frozen, and not on %s: "
                  "somebody seems to have merged that",
                  file, path_name(named), path_name(meant));
    return hint_cost(err);
}

/* @file builds on @named, and what is recorded between them, from @top on, is not there: was that
 * merged into @named (check-merged.c), and does a snapshot need one of them? */
static int check_merged(const struct chain *c, const char *file, const char *named, const char *top,
                        struct qmp_error *err)
{
    const char *onto = chain_layer_by_file(c, named), *at = top;
    auto_free char *meant = chain_layer_file(c, top);
    bool pinned = false;

    if (chain_pending(c) || !onto || !strcmp(onto, top) || !chain_is_below(c, onto, top) ||
        !image_is_gone(meant) || !fingerprint_has_grown(c, onto, false))
        return 0;
    for (; at && strcmp(at, onto); at = text(chain_layer(c, at), "backing"))
        pinned = pinned || chain_pinned_by(c, at);
    if (!pinned && !chain_pinned_by(c, onto))
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s builds on %s, which has grown since it was frozen, and not on %s, which is "
                  "not there: somebody seems to have merged that",
                  file, path_name(named), path_name(meant));
    return hint_cost(err);
}

/* @named is what lies below @file, the layer @id. @ours: may it be another layer of ours? */
static int check(const struct qrw_vm *vm, const struct record *r, const char *id, const char *file,
                 const char *named, bool ours, struct qmp_error *err)
{
    auto_free char *meant = chain_layer_file(r->c, text(chain_layer(r->c, id), "backing"));

    if (meant && named && is_seen_twice(named, meant))
        return refuse_twice(named, meant, err);
    if (meant && named &&
        check_merged(r->c, file, named, text(chain_layer(r->c, id), "backing"), err))
        return -1;
    if (meant && named && !vm->offline &&
        check_skipped(r->c, file, named, text(chain_layer(r->c, id), "backing"), err))
        return -1;
    if (!meant || !named || !are_two(named, meant) || !are_two(named, file) ||
        (chain_layer_by_file(r->c, named) ? ours : leads_to(named, meant)))
        return 0;
    return refuse(vm, r, file, named, meant, err);
}

static int check_disk(const struct qrw_vm *vm, const struct record *r, const struct graph_disk *d,
                      struct qmp_error *err)
{
    const bool ours = !vm->offline || chain_pending(r->c);

    for (size_t i = 0; i < d->nlayers; i++) {
        const struct graph_layer *l = &d->layers[i], *below = i + 1 < d->nlayers ? l + 1 : NULL;
        const char *id = l->remote ? NULL : chain_layer_by_file(r->c, l->file);
        const bool alone = !text(chain_layer(r->c, id), "backing");

        if (id && vm->offline && alone != !below && vm_check_alone(r->c, r->sidecar, id, err))
            return -1;
        if (id && below && !below->remote && !below->lost &&
            check(vm, r, id, l->file, below->file, ours, err))
            return -1;
    }
    return 0;
}

/* Layers that no disk runs on: QEMU has not opened them, and their headers say what it would. */
static int check_headers(const struct qrw_vm *vm, const struct record *r, struct qmp_error *err)
{
    const char *id;
    json_t *layer;

    json_object_foreach(json_object_get(r->c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(r->c, id);

        if (!same(text(layer, "format"), "qcow2") || graph_disk_with(&vm->graph, file))
            continue;
        if (vm_check_alone(r->c, r->sidecar, id, err))
            return -1;
        auto_free char *named = text(layer, "backing") ? image_backing_file(file) : NULL;
        if (check(vm, r, id, file, named, true, err))
            return -1;
    }
    return 0;
}

int vm_check_mixed(const struct qrw_vm *vm, const struct chain *c, const char *sidecar,
                   bool branches, struct qmp_error *err)
{
    const struct record all = {c, sidecar}, *r = &all;

    if (!vm->files_reachable)
        return 0;
    if (vm_check_theirs(vm, c, sidecar, err))
        return -1;
    for (size_t i = 0; i < vm->graph.ndisks; i++)
        if (check_disk(vm, r, &vm->graph.disks[i], err))
            return -1;
    return vm->offline || branches ? check_headers(vm, r, err) : 0;
}

/* Is something that lies inside of a layer cut off from what it sees (check-cut.c)? */
static int check_cut(const struct qrw_vm *vm, const struct chain *c, struct qmp_error *err)
{
    json_auto_t *seen_through = chain_held_inside(c);

    if (!json_object_size(seen_through) || chain_pending(c))
        return 0;
    for (size_t i = 0; i < vm->graph.ndisks; i++)
        for (size_t n = 0; n < vm->graph.disks[i].nlayers; n++) {
            const struct graph_disk *d = &vm->graph.disks[i];
            const char *id = lost_cut_off(c, d, n);
            auto_free char *inside = id ? chain_inside(c, id) : NULL;
            const char *below = n + 1 < d->nlayers ? d->layers[n + 1].file : NULL;

            if (!id || (below && fingerprint_has_grown(c, chain_layer_by_file(c, below), true)))
                continue;
            qmp_error_set(err, QRW_ERR_REFUSED,
                          "disk %s: %s lies on %s: what was between was merged into it "
                          "(block-stream), and %s inside of it needs that",
                          d->id, d->layers[n].file, below ? path_name(below) : "nothing",
                          inside ? inside : "the undo point");
            return qmp_error_hint(err,
                                  "qrewind check tells how to keep it; to give it up: qrewind "
                                  "delete %s",
                                  inside ? "NAME" : "--undo");
        }
    return 0;
}

/* An active layer that is gone: was it merged into the one below (check-committed.c), and has that
 * cost anything? */
static int check_committed(const struct chain *c, struct qmp_error *err)
{
    const char *disk;
    json_t *entry;

    json_object_foreach(json_object_get(c->doc, "disks"), disk, entry) {
        const char *id = text(entry, "active"), *onto = id;
        auto_free char *gone = chain_layer_file(c, id), *file = mem_strdup(gone);

        while (file && graph_is_path(file) && image_is_gone(file)) {
            onto = text(chain_layer(c, onto), "backing");
            free(file);
            file = chain_layer_file(c, onto);
        }
        if (!file || same(onto, id) || !fingerprint_has_grown(c, onto, false) ||
            !loses(c, id, onto))
            continue;
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s is not there, and %s, which is below it, has grown since it was frozen: "
                      "somebody seems to have merged it into that",
                      gone, path_name(file));
        return hint_cost(err);
    }
    return 0;
}

int vm_check_bases(const struct qrw_vm *vm, const struct journal *j, const struct qrw_operation *op,
                   struct qmp_error *err)
{
    if (vm_check_mixed(vm, &j->chain, j->file, op->resets, err))
        return -1;
    for (size_t i = 0; !vm->offline && i < vm->graph.ndisks; i++)
        if (vm_check_stripped(&j->chain, &vm->graph.disks[i], err))
            return -1;
    if (op == &qrw_delete || op == &qrw_edit)
        return 0;
    if (vm->offline && !chain_pending(&j->chain) && check_committed(&j->chain, err))
        return -1;
    return check_cut(vm, &j->chain, err);
}
