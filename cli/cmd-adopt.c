/* SPDX-License-Identifier: GPL-2.0-or-later */
/* adopt: a sidecar for chains that somebody else made. */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm(app, err);

    return vm ? qrw_adopt(vm, app->globals->dry_run ? QRW_DRY_RUN : 0, err) : NULL;
}

static void print(const json_t *doc, const void *args)
{
    char *names = print_join(json_object_get(doc, "snapshots"));

    out_line(stdout, "snapshots: %s", *names ? names : "none");
    out_line(stdout, "recorded in %s", doc_dash(doc, "sidecar"));
    free(names);
}

const struct verb cmd_adopt = {
    .name = "adopt",
    .summary = "Record the snapshots of chains that libvirt, Proxmox or qemu-img made",
    .details =
        "They are called after the files: disk.s1.qcow2, or disk.s1, on top of disk.qcow2 is\n"
        "the snapshot s1. No image is touched, and none will be removed.",
    .opts = commands_no_opts,
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print,
};
