/* SPDX-License-Identifier: GPL-2.0-or-later */
/* info: the VM in a few lines. */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"
#include "qmp/mem.h"

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm_to_look(app, err);

    return vm ? qrw_info(vm, err) : NULL;
}

static void print_count(const char *name, const json_t *doc, const char *key)
{
    int64_t n = doc_int(doc, key);

    if (n < 0)
        print_field(name, NULL);
    else
        out_line(stdout, "%-12s %" PRId64, name, n);
}

static void print(const json_t *doc, const void *args)
{
    const char *pending = doc_text(doc, "pending");
    auto_free char *undo = print_undo(doc);

    print_field("name", doc_text(doc, "name"));
    print_field("uuid", doc_text(doc, "uuid"));
    print_field("status", doc_text(doc, "status"));
    print_field("QEMU", doc_text(doc, "qemu"));
    print_field("machine", doc_text(doc, "machine"));
    print_count("pid", doc, "pid");
    print_count("disks", doc, "disks");
    print_count("jobs", doc, "jobs");
    print_field("sidecar", doc_text(doc, "sidecar"));
    print_field("current", doc_text(doc, "current"));
    print_field("undo", undo);
    if (pending)
        out_line(stdout, "%-12s %s; 'qrewind repair' settles it", "pending", pending);
}

const struct verb cmd_info = {
    .name = "info",
    .summary = "Show what this VM is and how it is doing",
    .opts = commands_no_opts,
    .globals = TAKES_VM,
    .run = run,
    .print = print,
};
