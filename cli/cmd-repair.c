/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repair: settle what an interrupted operation left behind, and mend what check finds. */
#include <string.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"

struct args {
    struct qrw_repair_args repair;
    bool yes, deep;
};

/* clang-format off */
static const struct opt opts[] = {
    {"yes", OPT_FLAG, offsetof(struct args, yes), .help = "also what cannot be taken back: remove files, drop records"},
    {"deep", OPT_FLAG, offsetof(struct args, deep), .help = "also what only check --deep finds"},
    {"only", OPT_STRINGS, offsetof(struct args, repair.only), .value = "CODE",
     .help = "of what check finds mend only what has this code; repeat for more"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;
    struct qrw_vm *vm = app_vm(app, err);
    unsigned flags = (args->yes ? QRW_YES : 0) | (args->deep ? QRW_DEEP : 0) |
                     (app->globals->dry_run ? QRW_DRY_RUN : 0);

    return vm ? qrw_repair(vm, &args->repair, flags, err) : NULL;
}

static void print(const json_t *doc, const void *args)
{
    const char *settled = doc_dash(doc, "settled");
    const json_t *mended = json_object_get(doc, "mended"), *f;
    size_t i;

    if (strcmp(settled, "nothing"))
        out_line(stdout, "%s: %s", doc_dash(doc, "operation"),
                 strcmp(settled, "partly") ? settled : "done in part");
    print_work(doc, args);
    json_array_foreach(mended, i, f)
        out_line(stdout, "mended %s: %s: %s", doc_dash(f, "code"), doc_dash(f, "subject"),
                 doc_dash(f, "repair"));
    if (!strcmp(settled, "nothing") && !i && !json_array_size(json_object_get(doc, "findings")))
        out_line(stderr, "nothing to settle, nothing is wrong");
    print_findings(doc);
}

const struct verb cmd_repair = {
    .name = "repair",
    .summary = "Settle what was interrupted, and mend what check finds",
    .details = "What loses nothing is done; with --yes the rest too. --dry-run shows both.",
    .examples = "qrewind -s vm.sock repair --dry-run\n"
                "qrewind -s vm.sock repair --yes\n"
                "qrewind -s vm.sock repair --yes --only orphan-file",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM_AND_CHANGES | GLOBAL_AGENT,
    .run = run,
    .print = print,
};
