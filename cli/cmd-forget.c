/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forget: remove the record, and nothing else. */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/doc.h"
#include "cli/out.h"
#include "cli/print.h"

static json_t *run(struct app *app, void *args, struct qmp_error *err)
{
    struct qrw_vm *vm = app_vm(app, err);

    return vm ? qrw_forget(vm, app->globals->dry_run ? QRW_DRY_RUN : 0, err) : NULL;
}

static void print(const json_t *doc, const void *args)
{
    const json_t *file;
    size_t i;

    char *names = print_join(json_object_get(doc, "snapshots"));
    out_line(stdout, "removed %s, with the names of %s", doc_dash(doc, "sidecar"),
             *names ? names : "no snapshot");
    free(names);
    json_array_foreach(json_object_get(doc, "files"), i, file)
        out_line(stdout, "stays %s", json_is_string(file) ? json_string_value(file) : "?");
}

const struct verb cmd_forget = {
    .name = "forget",
    .summary = "Remove the sidecar; no image is touched",
    .details =
        "The names of the snapshots are lost, not what they hold: qrewind adopt makes a new\n"
        "record from the images. For single snapshots: qrewind delete --metadata NAME.",
    .opts = commands_no_opts,
    .globals = TAKES_VM_AND_CHANGES,
    .run = run,
    .print = print,
};
