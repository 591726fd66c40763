/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command: a line like the program's, as the arguments of an operation. */
#ifndef TESTS_SCENE_COMMAND_H
#define TESTS_SCENE_COMMAND_H

#include "snapshot/plan.h"
#include "snapshot/vm.h"

struct command {
    const struct qrw_operation *op;
    union {
        struct qrw_create_args create;
        struct qrw_commit_args commit; /* stream too */
        struct qrw_mirror_args mirror;
        struct qrw_revert_args revert; /* undo too */
        struct qrw_delete_args delete;
        struct qrw_edit_args edit;
        struct qrw_prune_args prune;
        struct qrw_export_args export;
    } args;
    char *words;             /* cut up; args borrows from it */
    const char *lists[3][8]; /* for options that may come again */
};

/* Fails the test when it cannot be understood. */
void command_parse(struct command *c, const char *line);
void command_done(struct command *c);

#endif
