/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp: one raw command, or a stream of them. */
#include <string.h>

#include "cli/commands.h"
#include "cli/json-args.h"
#include "cli/out.h"
#include "cli/qmp-lines.h"

struct args {
    const char *command;
    const char *const *words;
};

#define A(member) offsetof(struct args, member)

/* clang-format off */
static const struct opt opts[] = {
    {"COMMAND", OPT_STRING, A(command), .place = OPT_MUST,
     .help = "a command of QEMU's; -: objects as lines on stdin"},
    {"ARGUMENTS", OPT_STRINGS, A(words), .place = OPT_MAY, .value = "JSON | KEY=VALUE...",
     .help = "an object, or members of it; a.b=1 is {\"a\":{\"b\":1}}"},
    {0},
};
/* clang-format on */

static json_t *call(struct app *app, const struct args *args, struct qmp_error *err)
{
    json_auto_t *words = json_args(args->words, err);
    struct qmp_client *c = words ? app_monitor(app, err) : NULL;

    if (!c)
        return NULL;
    json_t *ret =
        qmp_call(c, args->command, json_object_size(words) ? json_incref(words) : NULL, 0, err);
    return ret ? json_pack("{s:o}", "return", ret) : NULL;
}

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;

    if (strcmp(args->command, "-"))
        return call(app, args, err);
    if (args->words) {
        qmp_error_set(err, QMP_ERR_USAGE, "with - the commands come from stdin");
        return NULL;
    }
    return qmp_lines(app, err) ? NULL : json_object();
}

/* The human monitor's answers are text of several lines. */
static void print_text(const char *text)
{
    while (*text) {
        int len = (int)strcspn(text, "\r\n");

        out_line(stdout, "%.*s", len, text);
        text += len;
        text += *text == '\r';
        text += *text == '\n';
    }
}

static void print(const json_t *doc, const void *arguments)
{
    const struct args *args = arguments;
    const json_t *ret = json_object_get(doc, "return");

    if (!strcmp(args->command, "-"))
        return;
    if (json_is_string(ret))
        print_text(json_string_value(ret));
    else
        out_json_pretty(stdout, ret);
}

const struct verb cmd_qmp = {
    .name = "qmp",
    .summary = "Send one raw command, or with - a stream of them",
    .details = "With - every line on stdin is an object like "
               "{\"execute\":\"query-status\",\"id\":1}; replies\n"
               "(with their ids) and events are lines on stdout. It ends when all is answered.",
    .examples = "qrewind -s vm.sock qmp query-block\n"
                "qrewind -s vm.sock qmp block_resize device=vda size=20000000000\n"
                "qrewind -s vm.sock qmp human-monitor-command command-line='info block'\n"
                "qrewind -s vm.sock qmp - <commands",
    .opts = opts,
    .args_size = sizeof(struct args),
    .globals = TAKES_MONITOR,
    .run = run,
    .print = print,
};
