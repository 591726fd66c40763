/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prune: delete the snapshots that no rule keeps. */
#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"

#include <stdlib.h>

#define A(member) offsetof(struct qrw_prune_args, member)

/* clang-format off */
static const struct opt opts[] = {
    {"keep-last", OPT_COUNT, A(last), .value = "N", .help = "the newest N"},
    {"keep-hourly", OPT_COUNT, A(hourly), .value = "N",
     .help = "the newest of each of the last N hours that have one"},
    {"keep-daily", OPT_COUNT, A(daily), .value = "N", .help = "of each of N days"},
    {"keep-weekly", OPT_COUNT, A(weekly), .value = "N", .help = "of each of N weeks"},
    {"keep-monthly", OPT_COUNT, A(monthly), .value = "N", .help = "of each of N months"},
    {"keep-yearly", OPT_COUNT, A(yearly), .value = "N", .help = "of each of N years"},
    {"max-depth", OPT_LIMIT, A(max_depth), .value = "N",
     .help = "no chain deeper than N layers; the oldest go first"},
    {0},
};
/* clang-format on */

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    return app_run(app, &qrw_prune, args, 0, err);
}

static void print(const json_t *doc, const void *args)
{
    const json_t *deleted = json_object_get(doc, "deleted");
    char *names = print_join(deleted);

    out_line(stdout, "deleted %s", json_array_size(deleted) ? names : "nothing");
    free(names);
    print_work(doc, args);
}

const struct verb cmd_prune = {
    .name = "prune",
    .summary = "Delete the snapshots that no rule keeps",
    .details = "The rules count over the snapshots that there are. Pinned ones stay.\n"
               "With --dry-run it says what would go, and of each one that stays why.",
    .examples = "qrewind -s vm.sock prune --keep-last 3 --keep-daily 7\n"
                "qrewind -s vm.sock prune --max-depth 10",
    .opts = opts,
    .args_size = sizeof(struct qrw_prune_args),
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print,
};
