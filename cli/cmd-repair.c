/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repair: settle what an interrupted operation left behind. */
#include <string.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm(app, err);

    return vm ? qrw_repair(vm, app->globals->dry_run ? QRW_DRY_RUN : 0, err) : NULL;
}

static void print(const json_t *doc, const void *args)
{
    const char *settled = doc_dash(doc, "settled");

    if (!strcmp(settled, "nothing"))
        out_line(stderr, "nothing to settle");
    else
        out_line(stdout, "%s: %s", doc_dash(doc, "operation"), settled);
    print_work(doc);
}

const struct verb cmd_repair = {
    .name = "repair",
    .summary = "Settle what an interrupted operation left behind: finish it or undo it",
    .opts = commands_no_opts,
    .globals = TAKES_VM_AND_CHANGES | GLOBAL_AGENT,
    .run = run,
    .print = print,
};
