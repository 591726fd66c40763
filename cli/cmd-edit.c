/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edit: change what is recorded of a snapshot. */
#include "cli/commands.h"
#include "cli/print.h"

#define A(member) offsetof(struct qrw_edit_args, member)

/* clang-format off */
static const struct opt opts[] = {
    {"NAME", OPT_STRING, A(name), .place = OPT_MUST, .help = "the snapshot"},
    {"name", OPT_STRING, A(new_name), .value = "NEW", .help = "call it so"},
    {"description", OPT_STRING, A(description), .value = "TEXT", .help = "why it was taken"},
    {"pin", OPT_FLAG, A(pin), .help = "it is neither deleted nor pruned"},
    {"unpin", OPT_FLAG, A(unpin), .help = "it may be"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    return app_run(app, &qrw_edit, args, 0, err);
}

static void print(const json_t *doc, const void *args)
{
}

const struct verb cmd_edit = {
    .name = "edit",
    .summary = "Rename, describe or pin a snapshot",
    .examples = "qrewind -s vm.sock edit s1 --name before-upgrade --description 'kernel 6.1'\n"
                "qrewind -s vm.sock edit before-upgrade --pin",
    .opts = opts,
    .args_size = sizeof(struct qrw_edit_args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print,
};
