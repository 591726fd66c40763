/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-aside: where no VM is asked, an operation that changes nothing (export) needs no engine.
 *
 * An engine opens what the guest writes to, for writing: that may be damaged or gone, be on a
 * read-only mount or not be ours to write, or a VM may run on it. All that is read here is frozen.
 * qemu-img takes QEMU's locks on it, which a reader gets and a writer does not.
 */
#include "qmp/mem.h"
#include "snapshot/clock.h"
#include "snapshot/image.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-lost.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-private.h"

/* ---- where the lock cannot be made, nobody is kept out ---- */

static int unchanged(void *journal, struct qmp_error *err)
{
    const struct journal *j = journal;
    struct chain now = {0};

    if (j->lock >= 0 || !j->file)
        return 0;
    if (sidecar_load(&now, j->file, NULL, NULL, err))
        return -1;
    const bool same = chain_generation(&now) == chain_generation(&j->chain) && !chain_pending(&now);
    chain_done(&now);
    if (same)
        return 0;
    qmp_error_set(err, QRW_ERR_FAILED, "somebody has worked on this VM meanwhile");
    return qmp_error_hint(err, "try again");
}

void journal_guard(struct journal *j, struct runner *r)
{
    r->unchanged = unchanged;
    r->journal = j;
}

/* ---- the operation ---- */

/* Somebody merges into what is frozen: QEMU says only that it is in use. */
static void blame(const struct qrw_vm *vm, struct qmp_error *err)
{
    for (size_t i = 0; i < vm->graph.ndisks; i++)
        for (size_t k = 1; k < vm->graph.disks[i].nlayers; k++) {
            const char *file = vm->graph.disks[i].layers[k].file;
            char who[256];

            if (!image_writer(file, 0, who, sizeof(who)))
                continue;
            qmp_error_set(err, QRW_ERR_LOCKED, "%s is being written to by %s", file, who);
            vm_hint_monitor(err);
            return;
        }
}

static json_t *run(struct qrw_vm *vm, struct journal *j, const struct qrw_operation *op,
                   const void *args, unsigned flags, struct qmp_error *err)
{
    struct qmp_error why = {0};

    if (vm_check_bases(vm, j, op, err))
        return NULL;
    /* only its loop is used, and it is connected to nothing */
    vm->client = qmp_client_new(vm->options.base, &vm->options.client);
    json_t *result = vm_plan_and_run(vm, j, op, args, flags, &why);
    qmp_client_free(vm->client);
    vm->client = NULL;
    if (result)
        return result;
    if (why.kind == QRW_ERR_FAILED)
        blame(vm, &why);
    if (why.kind == QRW_ERR_INVALID)
        vm_lost(vm, &why);
    if (err)
        *err = why;
    return NULL;
}

bool vm_run_aside(struct qrw_vm *vm, const struct qrw_operation *op, const void *args,
                  unsigned flags, json_t **result, struct qmp_error *err)
{
    const int64_t begun_us = clock_us();
    bool pending = false;
    struct journal j;

    *result = NULL;
    if (vm_observe(vm, op->level, err)) {
        journal_unbegun(err);
        return true;
    }
    if (!journal_open(&j, vm, JOURNAL_READ, err)) {
        pending = chain_pending(&j.chain) != NULL;
        if (!pending)
            *result = run(vm, &j, op, args, flags, err);
    }
    journal_close(&j, vm);
    if (*result && !(flags & QRW_DRY_RUN))
        json_object_set_new(*result, "took_ms", json_real((double)(clock_us() - begun_us) / 1000));
    if (!*result && !pending)
        journal_unbegun(err);
    return !pending;
}
