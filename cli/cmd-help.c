/* SPDX-License-Identifier: GPL-2.0-or-later */
/* help: of the program, or of one verb. */
#include "cli/commands.h"
#include "cli/help.h"

struct args {
    const char *verb;
};

static const struct opt opts[] = {
    {"VERB", OPT_STRING, offsetof(struct args, verb), .place = OPT_MAY, .help = "help on this"},
    {0},
};

static json_t *run(struct app *app, void *arguments, struct qmp_error *err)
{
    const struct args *args = arguments;
    const struct verb *verb = args->verb ? commands_find(args->verb, err) : NULL;

    if (args->verb && !verb)
        return NULL;
    if (verb)
        help_verb(verb);
    else
        help_program();
    return json_object();
}

const struct verb cmd_help = {
    .name = "help",
    .summary = "Show this, or help on one verb",
    .opts = opts,
    .args_size = sizeof(struct args),
    .streams = true,
    .run = run,
};
