/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm: open, close, and load the sidecar. What there is finds vm-observe.c; looking is in vm-look.c,
 * changing in vm-run.c and vm-settle.c. */
#include "snapshot/vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/engine.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-offline.h"
#include "snapshot/vm-private.h"

/* The first burst goes out with the negotiation, so connecting is not waited for: what
 * goes wrong with it is found by the first call that needs an answer. */
static void on_ready(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
}

static bool is_offline(struct qrw_vm *vm)
{
    const struct qrw_options *o = &vm->options;

    vm->offline = !o->socket;
    if (o->socket && (o->images || o->sidecar) && offline_is_dead(o->socket)) {
        vm->offline = true;
        vm_note(vm, 0, "nobody listens on %s: working offline", o->socket);
    }
    return vm->offline;
}

/* The sidecar that the user calls @name. It may have gone to the active image since from beside
 * another that it knows, or @name is a link to it. New string. */
static char *named_sidecar(const char *cwd, const char *name)
{
    auto_free char *full = path_join(cwd, name), *target = sidecar_target(full);
    char *file = image_place(target ? target : full);
    char *found[2] = {NULL, NULL};

    if (path_ends(file, SIDECAR_SUFFIX) && !sidecar_exists(file)) {
        auto_free char *image =
            mem_printf("%.*s", (int)(strlen(file) - strlen(SIDECAR_SUFFIX)), file);

        if (!sidecar_search(image, found, NULL) && found[0] && !found[1]) {
            free(file);
            file = found[0];
            found[0] = NULL;
        }
        free(found[0]);
        free(found[1]);
    }
    return file;
}

struct qrw_vm *qrw_open(const struct qrw_options *o, struct qmp_error *err)
{
    struct qrw_vm *vm = mem_alloc(sizeof(*vm));

    vm->options = *o;
    vm->names = json_object();
    vm->drives = json_array();
    vm->dead = json_array();
    vm->cwd = image_cwd();
    if (o->sidecar)
        vm->sidecar_option = named_sidecar(vm->cwd, o->sidecar);
    if (is_offline(vm))
        return vm;
    vm->client = qmp_client_new(o->base, &o->client);
    if (qmp_client_connect(vm->client, o->socket, o->timeout_ms, on_ready, NULL, err)) {
        qrw_close(vm);
        return NULL;
    }
    qmp_client_set_patience(vm->client, o->timeout_ms);
    return vm;
}

void qrw_close(struct qrw_vm *vm)
{
    if (!vm)
        return;
    vm_forget_machine(vm);
    ask_free(vm->nodes);
    qmp_client_free(vm->client);
    engine_stop(vm->engine);
    graph_done(&vm->graph);
    json_decref(vm->names);
    json_decref(vm->drives);
    plan_done(&vm->before);
    json_decref(vm->dead);
    free(vm->sidecar_found);
    free(vm->agent);
    free(vm->process);
    free(vm->sidecar_option);
    for (size_t i = 0; vm->climbed && vm->climbed[i]; i++)
        free(vm->climbed[i]);
    free(vm->climbed);
    free(vm->cwd);
    free(vm);
}

struct qmp_client *qrw_client(struct qrw_vm *vm)
{
    return vm->client;
}

void qrw_interrupt(struct qrw_vm *vm)
{
    vm->stop = true;
}

void vm_note(struct qrw_vm *vm, int level, const char *fmt, ...)
{
    va_list ap;
    char words[1024];

    if (!vm->options.note)
        return;
    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    vm->options.note(level, words, vm->options.arg);
}

char *vm_qemu_version(const struct qrw_vm *vm)
{
    int v = qmp_client_version(vm->client);

    return mem_printf("%d.%d.%d", v / 10000, v / 100 % 100, v % 100);
}

/* ---- the sidecar ---- */

/* What QEMU calls @l is all files of the chain, cut off (plan-spelling.h). */
static bool is_cut(const struct graph_layer *l)
{
    const size_t n = strlen(l->spelling);

    return n >= 1024 && !strncmp(l->spelling, "json:", 5) && l->spelling[n - 1] != '}';
}

/* QEMU says U+FFFD for each byte of a name that is no UTF-8: no file is called so. */
static bool is_no_name(const struct qrw_vm *vm, const struct graph_layer *l)
{
    return vm->files_reachable && !l->remote && strstr(l->file, "\xEF\xBF\xBD") &&
           image_is_gone(l->file);
}

/* What the record could not name, and nobody finds again. */
static int check_utf8(const struct qrw_vm *vm, const struct graph_disk *d, struct qmp_error *err)
{
    for (size_t i = 0; i < d->nlayers; i++) {
        if (!is_no_name(vm, &d->layers[i]))
            continue;
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "disk %s: the name of an image is not UTF-8, QEMU calls it %s", d->id,
                      d->layers[i].file);
        return qmp_error_hint(err, "stop the VM, call that otherwise, and name it anew in the "
                                   "header above: qemu-img rebase -u");
    }
    return 0;
}

/* Whoever takes it for another disk, or none, would believe it to have no record, or to run on
 * something else than that says. */
static int check_names(const struct qrw_vm *vm, struct qmp_error *err)
{
    for (size_t i = 0; i < vm->graph.ndisks && vm->client; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];

        if (graph_skip_reason(d))
            continue;
        if (check_utf8(vm, d, err))
            return -1;
        if (!is_cut(&d->layers[0]))
            continue;
        qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                      "disk %s: QEMU calls its image by the files of the whole chain, and has cut "
                      "that name off: nobody can tell which one it is",
                      d->id);
        return qmp_error_hint(err, "stop the VM, and start it with the same image, named by its "
                                   "whole path (/FOLDER/IMAGE)");
    }
    return 0;
}

int vm_sidecar_file(struct qrw_vm *vm, char **file, bool *exists, char **foreign,
                    struct qmp_error *err)
{
    const char *known = vm->sidecar_option ? vm->sidecar_option : vm->sidecar_found;

    *exists = false;
    *file = NULL;
    if (check_names(vm, err))
        return -1;
    if (known && (vm->sidecar_option || sidecar_exists(known)))
        *file = mem_strdup(known);
    else if (!vm->strange && sidecar_find(&vm->graph, file, foreign, err))
        return -1;
    if (!*file)
        *file = vm_find_elsewhere(vm);
    *exists = *file && sidecar_exists(*file);
    if (!*file && !vm->strange)
        *file = sidecar_place(&vm->graph);
    return 0;
}

const char *vm_uuid(const json_t *reply)
{
    const char *uuid = text(reply, "UUID");

    return uuid && strspn(uuid, "0-") != strlen(uuid) ? uuid : NULL;
}

int vm_load(struct qrw_vm *vm, const char *file, struct chain *c, struct qmp_error *err)
{
    json_auto_t *name = NULL, *uuid = NULL;

    if (!file) {
        chain_init(c, "/", NULL, NULL);
        return 0;
    }
    if (!sidecar_exists(file) && !vm->offline) {
        /* a new document: the VM's own names go into it */
        struct ask *a = ask_new(vm->client, &vm->stop);
        size_t at_name = ask_add(a, "query-name", NULL, NULL, NULL);
        size_t at_uuid = ask_add(a, "query-uuid", NULL, NULL, NULL);

        int rc = ask_run(a, err);
        if (!rc) {
            name = json_incref(json_object_get(ask_reply(a, at_name, NULL), "name"));
            if (vm_uuid(ask_reply(a, at_uuid, NULL)))
                uuid = json_incref(json_object_get(ask_reply(a, at_uuid, NULL), "UUID"));
        }
        ask_free(a);
        if (rc)
            return -1;
    }
    if (sidecar_load(c, file, json_string_value(name), json_string_value(uuid), err))
        return -1;
    vm->owner = c->owner;
    return 0;
}
