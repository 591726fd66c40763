/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check: what is wrong with the images and their record. */
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/print.h"

struct args {
    bool deep;
};

static const struct opt opts[] = {
    {"deep", OPT_FLAG, offsetof(struct args, deep),
     .help = "read whole files: qemu-img check, and whether frozen content has changed"},
    {0},
};

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;
    struct qrw_vm *vm = args->deep ? app_vm(app, err) : app_vm_to_look(app, err);
    unsigned flags = (args->deep ? QRW_DEEP : 0) | (app->globals->dry_run ? QRW_DRY_RUN : 0);

    return vm ? qrw_check(vm, flags, err) : NULL;
}

static void print(const json_t *doc, const void *args)
{
    if (!json_array_size(json_object_get(doc, "findings")))
        out_line(stdout, "nothing is wrong");
    print_findings(doc);
}

const struct verb cmd_check = {
    .name = "check",
    .summary = "Compare the sidecar with the images and with what QEMU has",
    .details = "Nothing is changed, but that --deep remembers what it saw first. Exit code 9:\n"
               "something is wrong.",
    .examples = "qrewind -s vm.sock check\n"
                "qrewind -s vm.sock check --deep",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM_AND_CHANGES,
    .finds = true,
    .run = run,
    .print = print,
};
