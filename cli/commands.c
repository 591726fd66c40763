/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commands: see commands.h. */
#include "cli/commands.h"

#include <string.h>

#include "cli/nearest.h"

const struct opt commands_no_opts[] = {{0}};

/* clang-format off */
const struct verb *const commands[] = {
    &cmd_create, &cmd_revert, &cmd_undo, &cmd_delete, &cmd_edit, &cmd_prune, &cmd_list, &cmd_show, &cmd_current,
    &cmd_info, &cmd_disks, &cmd_chain,
    &cmd_commit, &cmd_stream, &cmd_mirror, &cmd_export, &cmd_import, &cmd_jobs, &cmd_job,
    &cmd_check, &cmd_repair, &cmd_adopt, &cmd_forget,
    &cmd_events, &cmd_qmp, &cmd_help,
    NULL,
};
/* clang-format on */

const struct verb *commands_find(const char *name, struct qmp_error *err)
{
    struct nearest near = {0};

    for (size_t i = 0; commands[i]; i++) {
        if (!strcmp(commands[i]->name, name))
            return commands[i];
        nearest_offer(&near, name, commands[i]->name);
    }
    qmp_error_set(err, QMP_ERR_USAGE, "unknown verb '%s'", name);
    if (near.word)
        qmp_error_hint(err, "did you mean %s?", near.word);
    else
        qmp_error_hint(err, "'qrewind help' lists the verbs");
    return NULL;
}
