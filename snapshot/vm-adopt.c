/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-adopt: a sidecar for what has none, and none for what has one. No image is touched. */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/adopt.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/sidecar.h"
#include "snapshot/survey.h"
#include "snapshot/vm-offline.h"

static json_t *names(const struct chain *c)
{
    json_t *list = json_array(), *s;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, s)
        json_array_append(list, json_object_get(s, "name"));
    return list;
}

/* What is not there is not recorded by the word of a monitor alone, beside whatever it names. Who
 * knows that QEMU has it where we cannot see it says where the record goes. With @within: only what
 * has something inside of it there. */
int vm_check_there(const struct qrw_vm *vm, const struct journal *j, const struct chain *within,
                   struct qmp_error *err)
{
    for (size_t i = 0; i < vm->graph.ndisks && !vm->offline && !j->given; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];

        if (graph_skip_reason(d) || d->layers[0].remote || !image_is_gone(d->layers[0].file))
            continue;
        const char *id = within ? chain_layer_by_file(within, d->layers[0].file) : NULL;
        auto_free char *inside = id ? chain_inside(within, id) : NULL;
        if (within && !inside)
            continue;
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s: %s is not there", d->id, d->layers[0].file);
        return qmp_error_hint(err, "if QEMU has it where it cannot be seen from here, say where "
                                   "the record goes: --sidecar FILE");
    }
    return 0;
}

static int fill(struct qrw_vm *vm, struct journal *j, struct qmp_error *err)
{
    json_auto_t *found = NULL;
    char token[9];

    if (sidecar_exists(j->file)) {
        qmp_error_set(err, QRW_ERR_REFUSED, "there is a sidecar already: %s", j->file);
        return qmp_error_hint(err, "qrewind check compares it with the images; qrewind forget "
                                   "removes it, with all that it says");
    }
    /* a chain that ends where a file is missing is no whole one */
    if ((vm->offline && vm_check_files(&vm->graph, err)) || vm_check_there(vm, j, NULL, err))
        return -1;
    vm_random_token(token);
    found = survey_take(&j->chain, &vm->graph, NULL, err);
    if (!found)
        return -1;
    adopt(&j->chain, &vm->graph, json_object_get(found, "files"), token);
    fingerprints_take(&j->chain);
    return 0;
}

static enum journal_use journal_use(unsigned flags)
{
    return flags & QRW_DRY_RUN ? JOURNAL_LOOK : JOURNAL_WRITE;
}

/* Offline it is the user who says which images these are. */
static bool is_unrecorded(const struct qrw_vm *vm)
{
    return vm->offline && (!vm->sidecar_found || !sidecar_exists(vm->sidecar_found));
}

json_t *qrw_adopt(struct qrw_vm *vm, unsigned flags, struct qmp_error *err)
{
    json_t *result = NULL;
    struct journal j;

    if (vm_observe(vm, GRAPH_NODES, err) || (is_unrecorded(vm) && vm_climb(vm, err)))
        return NULL;
    if (!journal_open(&j, vm, journal_use(flags), err) && !fill(vm, &j, err)) {
        if (flags & QRW_DRY_RUN) {
            result = json_pack("{s:[{s:s, s:s}]}", "plan", "step", "record", "file", j.file);
        } else if (!sidecar_save(j.file, j.chain.doc, j.like, err)) {
            result = json_pack("{s:s}", "sidecar", j.file);
            journal_point(&j, vm, j.file);
        }
        if (result)
            json_object_set_new(result, "snapshots", names(&j.chain));
    }
    journal_close(&j, vm);
    return result;
}

/* ---- forget ---- */

/* As far as can be seen. */
static bool is_there(const struct qrw_vm *vm, const char *file)
{
    return !vm->files_reachable || !graph_is_path(file) || !image_is_gone(file);
}

/* The files that only the record called ours. */
static json_t *ours(const struct qrw_vm *vm, const struct chain *c)
{
    json_t *files = json_array(), *layer, *s;
    const char *id;
    size_t i;

    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *file = chain_layer_file(c, id);

        if (chain_is_ours(c, id) && is_there(vm, file))
            json_array_append_new(files, json_string(file));
    }
    json_array_foreach(chain_snapshots(c), i, s) {
        auto_free char *file = chain_memory_file(c, json_object_get(s, "memory"));

        if (file && is_there(vm, file))
            json_array_append_new(files, json_string(file));
    }
    return files;
}

static int may_forget(const struct journal *j, struct qmp_error *err)
{
    if (!sidecar_exists(j->file))
        return qmp_error_set(err, QRW_ERR_NOT_FOUND, "there is no sidecar");
    if (!chain_pending(&j->chain))
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED, "an interrupted %s is not settled",
                  text(chain_pending(&j->chain), "operation"));
    return qmp_error_hint(err, "qrewind repair finishes or undoes it");
}

json_t *qrw_forget(struct qrw_vm *vm, unsigned flags, struct qmp_error *err)
{
    json_t *result = NULL;
    struct journal j;

    if (vm_observe(vm, GRAPH_DISKS, err))
        return NULL;
    if (!journal_open(&j, vm, journal_use(flags), err) && !may_forget(&j, err)) {
        result = json_pack("{s:s, s:o, s:o}", "sidecar", j.file, "snapshots", names(&j.chain),
                           "files", ours(vm, &j.chain));
        if (flags & QRW_DRY_RUN) {
            json_object_set_new(result, "plan",
                                json_pack("[{s:s, s:s}]", "step", "unlink", "file", j.file));
        } else {
            pointers_drop(j.pointers, NULL, j.file);
            if (sidecar_remove(j.file, err)) {
                json_decref(result);
                result = NULL;
            }
        }
    }
    journal_close(&j, vm);
    return result;
}
