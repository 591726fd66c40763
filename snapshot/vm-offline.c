/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-offline: see vm-offline.h. */
#include "snapshot/vm-offline.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "qmp/mem.h"
#include "snapshot/clock.h"
#include "snapshot/engine.h"
#include "snapshot/graph-open.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/offline.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/unload.h"
#include "snapshot/vm-dead.h"
#include "snapshot/vm-held.h"
#include "snapshot/vm-lost.h"

/* For the engine to greet, and for one to end that was killed: a busy disk may keep them. */
enum { PATIENCE_MS = 30000 };

/* For a lock of somebody who is not to be seen to go, looked at so often. */
enum { LOCK_PATIENCE_MS = 3000, LOCK_TICK_MS = 10 };

int vm_observe_files(struct qrw_vm *vm, struct qmp_error *err)
{
    const struct offline o = {vm->options.images, vm->sidecar_option, vm->cwd, &vm->doubt};

    memset(&vm->doubt, 0, sizeof(vm->doubt));
    graph_done(&vm->graph);
    free(vm->sidecar_found);
    vm->sidecar_found = NULL;
    if (offline_look(&o, &vm->graph, &vm->sidecar_found, err))
        return -1;
    graph_set_off(&vm->graph);
    vm->files_reachable = true;
    return 0;
}

/* ---- may they be opened? ---- */

int vm_check_files(const struct graph *g, struct qmp_error *err)
{
    for (size_t i = 0; i < g->ndisks; i++)
        if (graph_check_open(&g->disks[i], err))
            return -1;
    return 0;
}

/* Who else uses an image of @g, with QEMU's locks or (@writing) without? As image_locked(). */
static pid_t find_user(const struct graph *g, pid_t engine, bool writing, struct qmp_error *err)
{
    for (size_t i = 0; i < g->ndisks; i++)
        for (size_t k = 0; k < g->disks[i].nlayers; k++) {
            const struct graph_layer *l = &g->disks[i].layers[k];
            char who[256];
            pid_t pid = 0;

            if (writing && k == 0)
                pid = image_writer(l->file, engine, who, sizeof(who));
            else if (!writing)
                pid = image_locked(l->file, engine, who, sizeof(who));
            if (!pid)
                continue;
            qmp_error_set(err, QRW_ERR_LOCKED, "%s is in use by %s", l->file, who);
            vm_hint_monitor(err);
            return pid;
        }
    return 0;
}

/* ---- the engine ---- */

/* Did the same files stay the active layers while the engine was started? */
static bool still(const struct graph *before, const struct graph *now)
{
    bool same_files = before->ndisks == now->ndisks;

    for (size_t i = 0; same_files && i < now->ndisks; i++)
        same_files = same(before->disks[i].layers[0].file, now->disks[i].layers[0].file);
    return same_files;
}

void vm_stop(struct qrw_vm *vm)
{
    qmp_client_free(vm->client);
    engine_stop(vm->engine);
    vm->client = NULL;
    vm->engine = NULL;
    vm->pid = 0;
}

static pid_t failed(struct qrw_vm *vm, struct qmp_error *err)
{
    auto_free char *words = NULL;
    pid_t user;

    if (err->kind == QMP_ERR_CANCELLED)
        return 0;
    engine_end(vm->engine);
    words = engine_words(vm->engine);
    user = find_user(&vm->graph, 0, false, err);
    if (user)
        return user;
    if (words[0] && WIFEXITED(vm->engine->status) && WEXITSTATUS(vm->engine->status) == 1) {
        qmp_error_set(err, QRW_ERR_REFUSED, "QEMU cannot open the images: %s", words);
        return 0;
    }
    if (err->kind == QMP_ERR_CLOSED) { /* it could not even begin */
        auto_free char *fate = engine_fate(vm->engine);

        qmp_error_set(err, QRW_ERR_FAILED, "%s", fate);
    }
    qmp_error_wrap(err, "the QEMU that works without a VM");
    return 0;
}

/* Start it and see that it has the images; nobody else writes to them from then on. @user: who
 * has them already. */
static int begin(struct qrw_vm *vm, const struct graph *g, pid_t *user, struct qmp_error *err)
{
    *user = vm_dead_user(vm, err);
    if (*user)
        return -1;
    vm->engine = engine_start(vm->options.qemu, g, err);
    if (!vm->engine)
        return -1;
    vm->pid = vm->engine->pid;
    vm->client = qmp_client_new(vm->options.base, &vm->options.client);
    auto_free char *address = mem_printf("fd:%d", vm->engine->monitor);
    /* while it starts */
    *user = find_user(&vm->graph, vm->pid, true, err);
    if (*user)
        return -1;
    if (!qmp_connect(vm->client, address, PATIENCE_MS, err)) {
        qmp_client_set_patience(vm->client, vm->options.timeout_ms);
        return 0;
    }
    *user = failed(vm, err);
    return -1;
}

/* Somebody who was killed keeps locks for a moment in which he cannot be seen any more. */
static bool goes_away(const struct qrw_vm *vm)
{
    const int64_t begun_ms = clock_ms(); /* all of /proc is looked at: that may take longer */

    while (find_user(&vm->graph, 0, false, NULL) < 0) {
        if (clock_ms() - begun_ms >= LOCK_PATIENCE_MS)
            return false;
        poll(NULL, 0, LOCK_TICK_MS);
    }
    return true;
}

/*
 * Is @user the engine of a qrewind that was killed? It ends by itself then: wait for that. One
 * that is at work holds the sidecar's lock, unless we do: @err says so.
 */
static bool is_left_over(struct qrw_vm *vm, pid_t user, struct qmp_error *err)
{
    struct qmp_error held = {0};

    if (user < 0)
        return goes_away(vm);
    if (!user || !engine_is(user))
        return false;
    if (vm->locked)
        return engine_await(user, PATIENCE_MS);
    int lock = vm->sidecar_found ? sidecar_lock(vm->sidecar_found, &held) : -1;
    if (held.kind == QRW_ERR_LOCKED)
        *err = held;
    if (vm->sidecar_found && lock < 0)
        return false;
    sidecar_unlock(vm->sidecar_found, lock);
    return engine_await(user, PATIENCE_MS);
}

int vm_await_file(const struct qrw_vm *vm, const char *file, struct qmp_error *err)
{
    const int64_t begun_ms = clock_ms();
    char who[256];
    pid_t user;

    while ((user = image_locked(file, 0, who, sizeof(who)))) {
        if (user > 0 && vm->locked && engine_is(user) && engine_await(user, PATIENCE_MS))
            continue;
        if (user > 0 || clock_ms() - begun_ms >= LOCK_PATIENCE_MS)
            return qmp_error_set(err, QRW_ERR_LOCKED, "%s is in use by %s", file, who);
        poll(NULL, 0, LOCK_TICK_MS);
    }
    return 0;
}

/* A return to an internal snapshot that was interrupted half-way leaves disks of two times. */
static int unload(struct qrw_vm *vm, struct qmp_error *err)
{
    struct chain c = {0};
    int rc;

    if (!vm->sidecar_found || !sidecar_exists(vm->sidecar_found))
        return 0;
    rc = sidecar_load(&c, vm->sidecar_found, NULL, NULL, err);
    if (!rc && chain_pending(&c))
        rc = unload_files(json_object_get(chain_pending(&c), "steps"), &vm->graph, err);
    chain_done(&c);
    return rc;
}

static void remember_names(struct qrw_vm *vm)
{
    json_array_clear(vm->drives);
    for (size_t i = 0; i < vm->graph.ndisks; i++)
        json_array_append_new(vm->drives, json_pack("{s:s, s:b}", "id", vm->graph.disks[i].id,
                                                    "told", vm->graph.disks[i].told));
}

/* Another qrewind may have ended between our look and the engine's locks: look again. */
static int look_again(struct qrw_vm *vm, bool *good, struct qmp_error *err)
{
    struct graph before = vm->graph;
    int rc;

    memset(&vm->graph, 0, sizeof(vm->graph));
    rc = vm_observe_files(vm, err);
    *good = !rc && still(&before, &vm->graph);
    graph_done(&before);
    return rc;
}

/* Start it on the disks, or on what is whole of them. */
static int start(struct qrw_vm *vm, pid_t *user, struct qmp_error *err)
{
    struct graph whole = {0};
    int rc;

    json_array_clear(vm->dead);
    if (!vm_check_files(&vm->graph, err))
        return begin(vm, &vm->graph, user, err);
    rc = vm_without_dead(vm, &whole) ? begin(vm, &whole, user, err) : vm_lost(vm, err);
    graph_done(&whole);
    return rc;
}

int vm_start(struct qrw_vm *vm, struct qmp_error *err)
{
    bool refused = false;

    while (vm->offline && !vm->client) {
        struct qmp_error why = {0};
        pid_t user = 0;
        bool good;

        if (vm_observe_files(vm, err))
            return -1;
        if (vm->doubt.kind) {
            user = vm_refuse_doubt(vm, &why);
            if (is_left_over(vm, user, &why))
                continue;
            if (err)
                *err = why;
            return -1;
        }
        if (!vm_check_files(&vm->graph, NULL) && unload(vm, err))
            return -1;
        remember_names(vm);
        if (start(vm, &user, &why)) {
            vm_stop(vm);
            /* who had a lock may be gone when we look who it is */
            const bool passing = !user && why.kind == QRW_ERR_REFUSED && !refused;
            refused = refused || passing;
            if (passing || is_left_over(vm, user, &why))
                continue;
            if (err)
                *err = why;
            return -1;
        }
        int rc = look_again(vm, &good, err);
        if (!good)
            vm_stop(vm);
        if (rc)
            return -1;
    }
    return 0;
}

void vm_name_drives(struct qrw_vm *vm)
{
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        struct graph_disk *d = &vm->graph.disks[i];
        const json_t *drive = json_array_get(vm->drives, i);
        const char *name = text(drive, "id");

        if (!name)
            continue;
        graph_rename(d, name);
        d->told = json_is_true(json_object_get(drive, "told"));
        free(d->drive);
        d->drive = NULL;
        d->removable = d->aside = false; /* it is of no device */
    }
    vm_show_dead(vm);
    graph_set_off(&vm->graph);
}

/* A layer that QEMU has marked as damaged, meanwhile too: its file. NULL: none. */
static const char *find_damaged(const struct graph *g)
{
    for (size_t i = 0; i < g->ndisks; i++)
        for (size_t k = 0; k < g->disks[i].nlayers; k++) {
            const struct graph_layer *l = &g->disks[i].layers[k];
            struct qcow2_header h = {0};

            if (l->remote || !same(l->format, "qcow2") || image_read_header(l->file, &h, NULL))
                continue;
            const bool damaged = h.incompatible & QCOW2_CORRUPT;
            qcow2_header_done(&h);
            if (damaged)
                return l->file;
        }
    return NULL;
}

void vm_blame(struct qrw_vm *vm, struct qmp_error *err)
{
    struct qmp_error why = {0};

    if (vm->engine && err->kind == QRW_ERR_FAILED &&
        find_user(&vm->graph, vm->engine->pid, false, &why))
        *err = why;
    if (vm->engine && err->kind == QRW_ERR_UNKNOWN && qmp_client_broken(vm->client)) {
        auto_free char *fate = engine_fate(vm->engine);

        const char *damaged = fate ? NULL : find_damaged(&vm->graph);

        if (fate)
            qmp_error_wrap(err, "%s", fate);
        else if (damaged)
            qmp_error_wrap(err, "QEMU has found %s damaged", damaged);
    }
    vm_blame_held(vm, err);
}
