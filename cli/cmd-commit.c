/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit: merge layers down. */
#include "cli/commands.h"
#include "cli/print.h"

struct args {
    struct qrw_commit_args commit;
    bool no_wait;
};

#define A(member) offsetof(struct args, member)

/* clang-format off */
static const struct opt opts[] = {
    {"DISK", OPT_STRING, A(commit.disk), .place = OPT_MUST, .help = "whose layers"},
    {"base", OPT_STRING, A(commit.base), .value = "LAYER",
     .help = "merge into this file, node or snapshot; default: the one below the top"},
    {"top", OPT_STRING, A(commit.top), .value = "LAYER",
     .help = "merge from this one down; default: the active one"},
    {"speed", OPT_SIZE, A(commit.speed), .value = "N",
     .help = "at most so many bytes a second; k, M, G"},
    {"no-wait", OPT_FLAG, A(no_wait), .help = "start the job and leave it to itself"},
    {"keep-files", OPT_FLAG, A(commit.keep_files), .help = "do not remove the merged files"},
    {"force", OPT_FLAG, A(commit.force), .help = "drop the snapshots that stand in the way"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;

    return app_run(app, &qrw_commit, &args->commit, args->no_wait ? QRW_NO_WAIT : 0, err);
}

const struct verb cmd_commit = {
    .name = "commit",
    .summary = "Merge layers down into the one below, while the guest runs",
    .details = "With the active layer as top the guest then goes on writing into the base.",
    .examples = "qrewind -s vm.sock commit vda\n"
                "qrewind -s vm.sock commit vda --base before-upgrade --speed 100M",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print_work,
};
