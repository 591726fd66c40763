/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-check: is a journal from outside one that can be settled?        PURE */
#ifndef SNAPSHOT_PLAN_CHECK_H
#define SNAPSHOT_PLAN_CHECK_H

#include <jansson.h>
#include <stdbool.h>

#include "qmp/error.h"

/*
 * Check that @doc has what settling it will look at: an operation and a token; steps,
 * cleanup and undo whose commands have names and whose jobs have ids; a promise of disks
 * and layers. QRW_ERR_INVALID says what is missing.
 */
int plan_check(const json_t *doc, struct qmp_error *err);

/* The way on with one that cannot be settled. */
#define PLAN_GIVE_UP                                                                               \
    "to give up what was begun, write \"pending\": null in the sidecar; qrewind check then tells " \
    "what is left of it"
/* @err says what is wrong with what is pending in the sidecar @file: say that, too. -1. */
int plan_no_pending(const char *file, struct qmp_error *err);

/* Does @step make a file, which is not there before it? */
bool plan_makes_file(const json_t *step);

/* Is @command, with its arguments, one that planners have QEMU do? @late: one that a later client
 * sends, to take back, or again, or in the end. QRW_ERR_INVALID. */
int plan_check_command(const json_t *command, bool late, struct qmp_error *err);

#endif
