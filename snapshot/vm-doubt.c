/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-doubt: images that are named without a monitor, and something is pending. A QEMU that has
 * them open knows on which layers the disks are, and how far it has come: nobody else needs to
 * guess.
 */
#include "qmp/mem.h"
#include "snapshot/engine.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/plan.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-offline.h"

/* What the disks of @c run on: who has that? As image_locked(). */
static pid_t find_holder(const struct chain *c, char *who, size_t size)
{
    const char *id;
    json_t *disk;
    pid_t pid = 0;

    json_object_foreach(json_object_get(c->doc, "disks"), id, disk) {
        auto_free char *file = chain_layer_file(c, text(disk, "active"));

        if (!pid && file && graph_is_path(file))
            pid = image_locked(file, 0, who, size);
    }
    return pid;
}

pid_t vm_held(const struct qrw_vm *vm, const struct chain *c, char *who, size_t size)
{
    struct plan p;
    pid_t pid;

    if (!vm->offline || vm->client || !chain_pending(c))
        return 0;
    pid = find_holder(c, who, size);
    if (pid || plan_from_json(&p, chain_pending(c), c->folder, NULL))
        return pid;
    pid = find_holder(&p.after, who, size);
    plan_done(&p);
    return pid;
}

void vm_hint_monitor(struct qmp_error *err)
{
    qmp_error_hint(err, "if that is the VM, work on it through its monitor: --socket ADDRESS");
}

char *vm_doubt(const struct qrw_vm *vm, const struct chain *c, bool engines)
{
    char who[256];
    const pid_t user = vm_held(vm, c, who, sizeof(who));

    if (user && (engines || user < 0 || !engine_is(user)))
        return mem_printf("%s is under way, or was interrupted: the images are in use by %s; its "
                          "monitor tells: --socket ADDRESS",
                          text(chain_pending(c), "operation"), who);
    return vm->doubt.kind ? mem_printf("%s; %s", vm->doubt.desc, vm->doubt.hint) : NULL;
}

pid_t vm_refuse_doubt(const struct qrw_vm *vm, struct qmp_error *err)
{
    struct chain c = {0};
    char who[256];

    *err = vm->doubt;
    if (!vm->sidecar_found || sidecar_load(&c, vm->sidecar_found, NULL, NULL, NULL))
        return 0;
    const pid_t user = vm_held(vm, &c, who, sizeof(who));
    chain_done(&c);
    if (!user)
        return 0;
    *err = (struct qmp_error){0};
    qmp_error_set(err, QRW_ERR_LOCKED, "the images are in use by %s", who);
    vm_hint_monitor(err);
    return user;
}
