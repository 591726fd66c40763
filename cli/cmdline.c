/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmdline: see cmdline.h. */
#include "cli/cmdline.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

enum { DEFAULT_TIMEOUT_MS = 5000 };

/* An option that this verb would silently ignore is a mistake; not where help was put into a line
 * that is complete without it. */
static int check_globals(const struct cmdline *c, struct qmp_error *err)
{
    unsigned idle = c->verb == &cmd_help ? 0 : c->sets[1].seen & ~c->verb->globals;

    for (const struct opt *o = globals_opts; o->name; o++)
        if (o->id & idle)
            return qmp_error_set(err, QMP_ERR_USAGE, "this verb does not take --%s", o->name);
    return 0;
}

static int parse(struct cmdline *c, int argc, char *const *argv, struct qmp_error *err)
{
    int taken = opt_parse(&c->sets[1], 1, argc, argv, true, err);

    if (taken < 0)
        return -1;
    if (taken == argc) {
        if (c->globals.help || c->globals.version)
            return 0;
        qmp_error_set(err, QMP_ERR_USAGE, "no verb given");
        return qmp_error_hint(err, "'qrewind help' lists the verbs");
    }
    c->verb = commands_find(argv[taken], err);
    if (!c->verb)
        return -1;
    c->args = mem_alloc(c->verb->args_size);
    c->sets[0] = (struct opt_set){c->verb->opts, c->args, 0};
    if (opt_parse(c->sets, 2, argc - taken - 1, argv + taken + 1, false, err) < 0) {
        qmp_error_hint(err, "see 'qrewind help %s'", c->verb->name);
        return -1;
    }
    return check_globals(c, err);
}

int cmdline_parse(struct cmdline *c, int argc, char *const *argv, struct qmp_error *err)
{
    memset(c, 0, sizeof(*c));
    c->globals.timeout_ms = DEFAULT_TIMEOUT_MS;
    c->sets[0] = (struct opt_set){commands_no_opts, &c->globals, 0};
    c->sets[1] = (struct opt_set){globals_opts, &c->globals, 0};
    if (!parse(c, argc - 1, argv + 1, err))
        return 0;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json"))
            c->globals.json = true;
    return -1;
}

void cmdline_done(struct cmdline *c)
{
    opt_done(&c->sets[0]);
    opt_done(&c->sets[1]);
    free(c->args);
}
