/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events: what QEMU says of itself, as JSON lines, until interrupted or QEMU goes. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/out.h"

struct args {
    qrw_strings names;
};

/* clang-format off */
static const struct opt opts[] = {
    {"filter", OPT_STRINGS, offsetof(struct args, names), .value = "NAME",
     .help = "only events of this name; repeat for more"},
    {0},
};
/* clang-format on */

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    out_json(stdout, event);
    fflush(stdout);
}

/* Nobody reads any more: for qmp_client_run(). */
static bool unread(void *arg)
{
    return ferror(stdout);
}

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;
    struct qmp_client *c = app_monitor(app, err);

    if (!c)
        return NULL;
    app->endless = true;
    if (!args->names)
        qmp_client_subscribe(c, NULL, on_event, NULL);
    for (size_t i = 0; args->names && args->names[i]; i++)
        qmp_client_subscribe(c, args->names[i], on_event, NULL);
    return qmp_client_run(c, unread, NULL, 0, err) ? NULL : json_object();
}

const struct verb cmd_events = {
    .name = "events",
    .summary = "Print QEMU's events as JSON lines, until interrupted",
    .examples = "qrewind -s vm.sock events --filter JOB_STATUS_CHANGE --filter STOP",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_MONITOR,
    .streams = true,
    .run = run,
};
