/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream: pull what lower layers hold up into a higher one. */
#include "cli/commands.h"
#include "cli/print.h"

struct args {
    struct qrw_commit_args stream;
    bool no_wait;
};

#define A(member) offsetof(struct args, member)

/* clang-format off */
static const struct opt opts[] = {
    {"DISK", OPT_STRING, A(stream.disk), .place = OPT_MUST, .help = "whose layers"},
    {"base", OPT_STRING, A(stream.base), .value = "LAYER",
     .help = "stop above this file, node or snapshot; default: pull all"},
    {"top", OPT_STRING, A(stream.top), .value = "LAYER",
     .help = "pull into this one; default: the active one"},
    {"speed", OPT_SIZE, A(stream.speed), .value = "N",
     .help = "at most so many bytes a second; k, M, G"},
    {"no-wait", OPT_FLAG, A(no_wait), .help = "start the job and leave it to itself"},
    {"keep-files", OPT_FLAG, A(stream.keep_files), .help = "do not remove the merged files"},
    {"force", OPT_FLAG, A(stream.force), .help = "drop the snapshots that stand in the way"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;

    return app_run(app, &qrw_stream, &args->stream, args->no_wait ? QRW_NO_WAIT : 0, err);
}

const struct verb cmd_stream = {
    .name = "stream",
    .summary = "Pull what lower layers hold into a higher one, while the guest runs",
    .details = "Without a base the layer becomes independent of all that was below it.",
    .examples = "qrewind -s vm.sock stream vda\n"
                "qrewind -s vm.sock stream vda --base golden.qcow2",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print_work,
};
