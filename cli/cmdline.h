/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmdline: argv -> globals, a verb and its arguments. */
#ifndef CLI_CMDLINE_H
#define CLI_CMDLINE_H

#include "cli/commands.h"
#include "cli/globals.h"

struct cmdline {
    struct globals globals;
    const struct verb *verb; /* NULL: none was given (or only --help, --version) */
    void *args;              /* the verb's struct */
    struct opt_set sets[2];  /* the verb's, the globals' */
};

/*
 * Parse. -1 with QMP_ERR_USAGE; `globals` and `verb` are then as far as parsing came,
 * and `globals.json` also where it stands behind the mistake.
 */
int cmdline_parse(struct cmdline *c, int argc, char *const *argv, struct qmp_error *err);
void cmdline_done(struct cmdline *c);

#endif
