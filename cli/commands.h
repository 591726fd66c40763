/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commands: the table of verbs.
 *
 * A verb is one file cli/cmd-NAME.c, one declaration here, one line in the table.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <jansson.h>

#include "cli/globals.h"
#include "cli/main.h"

struct verb {
    const char *name;
    const char *summary;  /* one line, for the list of verbs */
    const char *details;  /* more of it, for help on this verb; NULL: none */
    const char *examples; /* whole command lines, one a line; NULL: none */
    const struct opt *opts;
    size_t args_size; /* of the struct that opts fills in; it starts out zeroed */
    unsigned globals; /* the GLOBAL_* that mean something here */
    bool finds;       /* "findings" in the document are exit code 9 */
    bool streams;     /* run() writes its data itself; its document is not printed */

    /* The result document (new reference), or NULL with @err. */
    json_t *(*run)(struct app *app, void *args, struct qmp_error *err);
    /* The document as text on stdout. */
    void (*print)(const json_t *doc, const void *args);
};

/* NULL-terminated, in the order of help. */
extern const struct verb *const commands[];

/* NULL with QMP_ERR_USAGE, which names the nearest one. */
const struct verb *commands_find(const char *name, struct qmp_error *err);

/* No option at all. */
extern const struct opt commands_no_opts[];

extern const struct verb cmd_create, cmd_revert, cmd_undo, cmd_delete, cmd_edit, cmd_prune,
    cmd_list, cmd_show, cmd_current, cmd_disks, cmd_chain, cmd_info, cmd_commit, cmd_stream,
    cmd_mirror, cmd_export, cmd_import, cmd_jobs, cmd_job, cmd_events, cmd_qmp, cmd_check,
    cmd_repair, cmd_adopt, cmd_forget, cmd_help;

#endif
