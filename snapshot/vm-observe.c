/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-observe: what QEMU tells of its disks, and the kernel of their files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/clock.h"
#include "snapshot/image.h"
#include "snapshot/image-error.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/quiesce.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-private.h"

#define OLDEST_QEMU 50200

static int take_status(void *g, const json_t *reply, struct qmp_error *err)
{
    return graph_take_status(g, reply, err);
}

static int take_block(void *g, const json_t *reply, struct qmp_error *err)
{
    return graph_take_block(g, reply, err);
}

static int take_job_nodes(void *g, const json_t *reply, struct qmp_error *err)
{
    return graph_take_job_nodes(g, reply, err);
}

static int take_jobs(void *g, const json_t *reply, struct qmp_error *err)
{
    return graph_take_jobs(g, reply, err);
}

static int take_migration(void *g, const json_t *reply, struct qmp_error *err)
{
    return graph_take_migration(g, reply, err);
}

static int take_stats(void *g, const json_t *reply, struct qmp_error *err)
{
    return graph_take_stats(g, reply, err);
}

/* Files that could not be looked at might be taken for such as we do not reach. */
static int unseen(pid_t pid, int code, struct qmp_error *err)
{
    return qmp_error_set(err, QMP_ERR_SYSTEM, "the files of process %d cannot be looked at: %s",
                         (int)pid, strerror(code));
}

/*
 * QEMU's process. The kernel tells who began to listen on the socket; that is not QEMU
 * when it was given a socket ready made, so it must have an image open. Else whoever has.
 */
static int find_qemu(struct qrw_vm *vm, struct qmp_error *err)
{
    pid_t peer = qmp_client_peer(vm->client);
    struct image_view view = image_view(peer);

    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];

        /* the active one may be deleted by now, and those below not */
        for (size_t k = 0; k < d->nlayers; k++) {
            auto_free char *file =
                d->layers[k].remote ? NULL : image_resolve(&view, d->layers[k].file);
            struct image_stat st;
            char who[128];
            int open;

            if (!file || image_stat(file, &st, NULL) || !st.exists)
                continue;
            open = image_open_in(peer, &st);
            if (open < 0)
                return unseen(peer, errno, err);
            if (open)
                vm->pid = peer;
            if (open || image_holder(file, &vm->pid, who, sizeof(who)))
                return 0;
            break;
        }
    }
    return view.failed ? unseen(peer, view.failed, err) : 0;
}

/* Who cannot tell this QEMU from another might finish what that one has not. */
static int identify(struct qrw_vm *vm, struct qmp_error *err)
{
    if (vm->pid <= 0 || (vm->process && atoi(vm->process) == vm->pid))
        return 0;
    free(vm->process);
    errno = 0;
    vm->process = image_process_id(vm->pid);
    return vm->process || image_is_answer(errno) ? 0 : unseen(vm->pid, errno, err);
}

/* In a mount namespace of its own QEMU may have files that are called like those of another VM
 * here: what lies beside those is not about it. */
static void see_strange(struct qrw_vm *vm, const char *file)
{
    struct image_view view = image_view(vm->strange ? 0 : qmp_client_peer(vm->client));
    auto_free char *other = image_other(&view, file);

    if (!other)
        return;
    vm->strange = true;
    vm_note(vm, 0,
            "QEMU runs where %s is another file than here: the sidecar is not looked for; "
            "--sidecar FILE says where it is, or goes",
            other);
}

/* Files as we see them, where we see the same ones as QEMU (law 9). */
static int resolve_files(struct qrw_vm *vm, struct qmp_error *err)
{
    if ((!vm->pid && find_qemu(vm, err)) || identify(vm, err))
        return -1;
    /* an engine sees what we see */
    struct image_view view =
        vm->offline ? (struct image_view){.pid = vm->pid, .same = true} : image_view(vm->pid);

    vm->files_reachable = vm->pid > 0;
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        struct graph_disk *d = &vm->graph.disks[i];

        for (size_t k = 0; k < d->nlayers; k++) {
            struct graph_layer *l = &d->layers[k];
            char *found;

            if (l->remote)
                continue;
            found = image_resolve(&view, l->file);
            if (!found) {
                found = image_lost(&view, l->file);
                l->lost = found != NULL;
            }
            if (!found && k == 0 && !graph_skip_reason(d))
                vm->files_reachable = false;
            if (!found)
                see_strange(vm, l->file);
            if (!found) {
                l->relative = l->file[0] != '/';
                found = path_join("/", l->file);
            }
            free(l->file);
            l->file = found;
        }
    }
    return view.failed ? unseen(vm->pid, view.failed, err) : 0;
}

/* A disk without a name is called as it was when we saw it first: the root node, by which it
 * was called then, changes with every snapshot. */
static void keep_names(struct qrw_vm *vm)
{
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        struct graph_disk *d = &vm->graph.disks[i];

        if (!d->nameless || !d->qdev)
            continue;
        if (text(vm->names, d->qdev))
            graph_rename(d, text(vm->names, d->qdev));
        else
            json_object_set_new(vm->names, d->qdev, json_string(d->id));
    }
}

void vm_adopt_names(struct qrw_vm *vm, struct chain *c)
{
    json_auto_t *names = chain_disk_names(c, &vm->graph), *moves = json_object();

    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];
        const char *id = text(names, d->id);
        const struct graph_disk *other = id ? graph_disk(&vm->graph, id) : NULL;

        if (id && d->nameless && d->qdev && (!other || other == d))
            json_object_set_new(vm->names, d->qdev, json_string(id));
        /* another command line, and the disk has another name */
        else if (id && strcmp(id, d->id) != 0)
            json_object_set_new(moves, id, json_string(d->id));
    }
    chain_rename_disks(c, moves);
    keep_names(vm);
}

static const bool *stop_of(const struct qrw_vm *vm)
{
    return vm->deaf ? NULL : &vm->stop;
}

/* Who does not say is taken for a CD drive. */
static void ask_types(struct qrw_vm *vm)
{
    struct ask *a = NULL;

    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        struct graph_disk *d = &vm->graph.disks[i];

        if (!graph_needs_type(d))
            continue;
        auto_free char *path =
            mem_printf("%s%s", d->qdev[0] == '/' ? "" : "/machine/peripheral/", d->qdev);
        if (!a)
            a = ask_new(vm->client, stop_of(vm));
        ask_add(a, "qom-get", json_pack("{s:s, s:s}", "path", path, "property", "type"),
                graph_take_type, d);
    }
    if (a)
        ask_finish(a, NULL);
}

/* What QEMU's answers do not tell. */
static int look_closer(struct qrw_vm *vm, struct qmp_error *err)
{
    if (vm->offline)
        vm_name_drives(vm);
    else
        ask_types(vm);
    if (resolve_files(vm, err))
        return -1;
    keep_names(vm);
    return 0;
}

/* A QEMU that has no machine yet refuses to tell of its jobs (question @jobs), which nothing else
 * makes it do. */
static void see_preconfig(const struct ask *a, size_t jobs, struct qmp_error *err)
{
    struct qmp_error why = {0};

    ask_reply(a, jobs, &why);
    if (why.kind != QMP_ERR_COMMAND || qmp_error_no_command(&why))
        return;
    qmp_error_set(err, QRW_ERR_UNSUPPORTED, "QEMU has no machine yet (-preconfig): %s", why.desc);
    qmp_error_hint(err, "qrewind qmp x-exit-preconfig lets it go on");
}

/* Nobody listens: there is a way without. */
static int not_there(const struct qrw_vm *vm, struct qmp_error *err)
{
    if (err && err->kind == QMP_ERR_CONNECT && !vm->offline &&
        offline_is_dead(vm->options.socket)) {
        err->hint[0] = '\0';
        qmp_error_hint(err, "if the VM does not run, name an image of it: --image FILE");
    }
    return -1;
}

/* What somebody else's jobs work on. */
static void ask_job_nodes(struct qrw_vm *vm)
{
    struct ask *a;

    if (!graph_has_foreign_jobs(&vm->graph))
        return;
    a = ask_new(vm->client, stop_of(vm));
    ask_add(a, "x-debug-query-block-graph", NULL, take_job_nodes, &vm->graph);
    ask_finish(a, NULL);
}

int vm_observe_nodes(struct qrw_vm *vm, struct qmp_error *err)
{
    struct ask *a = vm->nodes;

    vm->nodes = NULL;
    return a ? ask_finish(a, err) : 0;
}

/* The nodes are asked for last, and waited for by vm_observe_nodes(). */
int vm_observe_first(struct qrw_vm *vm, enum graph_level level, struct qmp_error *err)
{
    struct graph *g = &vm->graph;

    ask_free(vm->nodes);
    vm->nodes = NULL;
    vm->observed = clock_now();
    if (vm->offline && !vm->client)
        return vm_observe_files(vm, err);
    struct ask *a = ask_new(vm->client, stop_of(vm));
    graph_done(g);
    ask_add(a, "query-status", NULL, take_status, g);
    ask_add(a, "query-block", NULL, take_block, g);
    const size_t jobs = ask_add(a, "query-jobs", NULL, take_jobs, g);
    if (level == GRAPH_NODES) {
        vm->nodes = ask_new(vm->client, stop_of(vm));
        ask_add(vm->nodes, "query-blockstats", NULL, take_stats, g);
    }
    const bool failed = ask_run(a, err) || ask_failed(a, err);
    if (failed)
        see_preconfig(a, jobs, err);
    ask_free(a);
    if (failed)
        return not_there(vm, err);
    ask_job_nodes(vm);
    if (qmp_client_version(vm->client) < OLDEST_QEMU) {
        auto_free char *version = vm_qemu_version(vm);

        return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                             "this is QEMU %s; qrewind works with 5.2 and newer", version);
    }
    /* offline the disks get other names */
    if ((vm->offline && vm_observe_nodes(vm, err)) || look_closer(vm, err))
        return -1;
    vm->stale = false;
    return 0;
}

int vm_observe(struct qrw_vm *vm, enum graph_level level, struct qmp_error *err)
{
    return vm_observe_first(vm, level, err) || vm_observe_nodes(vm, err) ? -1 : 0;
}

size_t vm_ask_disks(void *vm, struct ask *a)
{
    return ask_add(a, "query-block", NULL, take_block, &((struct qrw_vm *)vm)->graph);
}

int vm_look_again(void *vm)
{
    return vm_observe(vm, GRAPH_NODES, NULL);
}

int vm_observe_disks(struct qrw_vm *vm, bool asked, struct qmp_error *err)
{
    struct ask *a = ask_new(vm->client, stop_of(vm));

    if (!asked)
        vm_ask_disks(vm, a);
    return ask_finish(a, err) ? -1 : look_closer(vm, err);
}

int vm_observe_migration(struct qrw_vm *vm, const char *file, struct qmp_error *err)
{
    struct image_stat st;

    if (!file || vm->offline)
        return 0;
    struct ask *a = ask_new(vm->client, stop_of(vm));
    ask_add(a, "query-migrate", NULL, take_migration, &vm->graph);
    if (ask_finish(a, err) || image_stat(file, &st, err))
        return -1;
    /* what QEMU tells is of an earlier one: into this file nothing was written */
    return st.exists && st.size ? 0 : graph_take_migration(&vm->graph, NULL, err);
}

void vm_observe_agent(struct qrw_vm *vm)
{
    free(vm->agent);
    if (vm->options.agent)
        vm->agent = mem_strdup(vm->options.agent);
    else
        vm->agent = quiesce_find(vm->client, vm->pid, &vm->stop, &vm->no_agent);
}
