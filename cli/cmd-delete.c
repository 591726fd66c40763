/* SPDX-License-Identifier: GPL-2.0-or-later */
/* delete: snapshots, and what only they kept. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/text.h"

#include <stdlib.h>

#define A(member) offsetof(struct qrw_delete_args, member)

/* clang-format off */
static const struct opt opts[] = {
    {"NAME", OPT_STRINGS, A(names), .place = OPT_MAY, .help = "the snapshot; more may follow"},
    {"children", OPT_FLAG, A(children), .help = "and all that descend from it"},
    {"undo", OPT_FLAG, A(undo), .help = "the undo point, that the last revert left"},
    {"metadata", OPT_FLAG, A(metadata), .help = "the record only; no file is touched"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    return app_run(app, &qrw_delete, args, 0, err);
}

static void print(const json_t *doc, const void *args)
{
    const struct qrw_delete_args *delete = args;
    char *names = print_join(json_object_get(doc, "deleted"));
    char took[TEXT_ROOM];

    out_line(stdout, "deleted %s%s%s, took %s", names, delete->undo && names[0] ? ", " : "",
             delete->undo ? "the undo point" : "", text_ms(took, doc_number(doc, "took_ms")));
    free(names);
    print_work(doc, args);
}

const struct verb cmd_delete = {
    .name = "delete",
    .summary = "Delete snapshots, merging what only they kept",
    .details =
        "The guest does not notice. Layers are merged in the direction that moves less, but down\n"
        "into an image of yours. --dry-run shows every merge.",
    .examples = "qrewind -s vm.sock delete before-upgrade\n"
                "qrewind -s vm.sock delete experiment --children",
    .opts = opts,
    .args_size = sizeof(struct qrw_delete_args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print,
};
