/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main: what a verb may use of the program: its loop, its VM, its options.
 *
 * The first Ctrl-C ends the waiting: an operation stops at its next chance and says
 * how to go on; where nothing is under way the program ends. A second one kills.
 */
#ifndef CLI_MAIN_H
#define CLI_MAIN_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/globals.h"
#include "cli/progress.h"
#include "snapshot/vm.h"

struct event_base;
struct event;
struct verb;
struct trace;

struct app {
    const struct globals *globals;
    const struct verb *verb; /* NULL before it is known */
    struct event_base *base;
    struct event *interrupt[2];
    struct event *input; /* with what to call for it */
    void (*on_input)(void *arg);
    void *on_input_arg;
    struct qrw_vm *vm;          /* by app_vm() */
    struct qmp_client *monitor; /* by app_monitor() */
    struct trace *trace;
    struct progress progress;
    bool looks;   /* app_vm_to_look() */
    bool endless; /* Ctrl-C is how this verb ends: no failure */
};

/* The VM, opened on first use. It is closed at the end of the program. */
struct qrw_vm *app_vm(struct app *app, struct qmp_error *err);

/* The same for who changes nothing: an interrupt ends the program at once. */
struct qrw_vm *app_vm_to_look(struct app *app, struct qmp_error *err);

/* Just the monitor, connected and negotiated: for verbs that know nothing of snapshots. */
struct qmp_client *app_monitor(struct app *app, struct qmp_error *err);

/* qrw_run() with --dry-run as the user wants it. @flags: QRW_NO_WAIT or 0. */
json_t *app_run(struct app *app, const struct qrw_operation *op, const void *args, unsigned flags,
                struct qmp_error *err);

/* Call @fn whenever stdin has something to read, from the loop; until app_ignore_input(). */
void app_watch_input(struct app *app, void (*fn)(void *arg), void *arg);
void app_ignore_input(struct app *app);

#endif
