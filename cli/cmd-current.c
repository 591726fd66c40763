/* SPDX-License-Identifier: GPL-2.0-or-later */
/* current: the snapshot that the guest has been writing on top of. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm_to_look(app, err);

    return vm ? qrw_list(vm, err) : NULL;
}

static void print(const json_t *doc, const void *args)
{
    const char *name = doc_text(doc, "current");

    out_line(name ? stdout : stderr, "%s", name ? name : "no current snapshot");
}

const struct verb cmd_current = {
    .name = "current",
    .summary = "Print the name of the snapshot that the guest goes on from",
    .opts = commands_no_opts,
    .globals = TAKES_VM,
    .run = run,
    .print = print,
};
