/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-machine: what a saved memory depends on. QEMU is asked as soon as it is clear that we
 * shall want to know, and answers while we do something else.
 */
#include "snapshot/ask.h"
#include "snapshot/machine.h"
#include "snapshot/vm-private.h"

/* Where query-kvm is deprecated. */
#define OLDEST_WITH_ACCELERATORS 110000

void vm_ask_machine(struct qrw_vm *vm, bool live)
{
    static const char *const paths[] = {"/machine/peripheral", "/machine/peripheral-anon"};
    struct ask *a = ask_new(vm->client, &vm->stop);
    struct machine *m = &vm->machine;
    const int version = qmp_client_version(vm->client);

    vm_forget_machine(vm);
    ask_add(a, "qom-get", json_pack("{s:s, s:s}", "path", "/machine", "property", "type"),
            machine_take_type, m);
    ask_add(a, "query-memory-size-summary", NULL, machine_take_memory, m);
    ask_add(a, "query-cpus-fast", NULL, machine_take_cpus, m);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        ask_add(a, "qom-list", json_pack("{s:s}", "path", paths[i]), machine_take_devices, m);
    ask_optional(a,
                 ask_add(a, "human-monitor-command",
                         json_pack("{s:s}", "command-line", "info qtree"), machine_take_tree, m));
    ask_add(a, "query-migrate", NULL, machine_take_migration, m);
    if (version >= OLDEST_WITH_ACCELERATORS)
        ask_add(a, "query-accelerators", NULL, machine_take_accelerator, m);
    else if (version >= OLDEST_THAT_KEEPS_CODE)
        ask_add(a, "query-kvm", NULL, machine_take_accelerator, m);
    ask_add(a, "query-migrate-capabilities", NULL, machine_take_capabilities, m);
    if (live)
        ask_add(a, "query-migrate-parameters", NULL, machine_take_parameters, m);
    ask_send(a);
    vm->asked = a;
}

void vm_forget_machine(struct qrw_vm *vm)
{
    ask_free(vm->asked);
    vm->asked = NULL;
    machine_done(&vm->machine);
}

int vm_observe_machine(struct qrw_vm *vm, bool live, struct qmp_error *err)
{
    if (!vm->asked)
        vm_ask_machine(vm, live);
    struct ask *a = vm->asked;

    vm->asked = NULL;
    return ask_finish(a, err);
}
