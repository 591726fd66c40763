/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-monitor: a QMP server for tests, on the same loop as the client under test.
 *
 *     struct qmp_client *c = qmp_client_new(NULL, NULL);
 *     struct fake *f = fake_script(qmp_client_base(c), "greet", "negotiate",
 *                                  "> query-status", "@ STOP {}", "= {\"running\": false}", NULL);
 *     qmp_connect(c, fake_address(f), 1000, &err);
 *     ...
 *     fake_free(f);            before its loop, which here is the client's own
 *     qmp_client_free(c);
 *
 * A script is done line by line:
 *
 *     greet             send a greeting (with oob)
 *     negotiate         expect qmp_capabilities, answer it
 *     > NAME [ARGS]     expect a command; with ARGS: with exactly these arguments
 *     < TEXT            send TEXT as it is and a line end; $id is the last command's id
 *     = VALUE           send {"return": VALUE} for the last command expected
 *     =N VALUE          the same for the Nth (1, 2, ...; qmp_capabilities not counted)
 *     ! CLASS DESC      send an error for the last command
 *     @ NAME DATA       send an event
 *     slow              from here on send single bytes, each in a round of the loop of its own
 *     pause             wait for fake_go()
 *     close             hang up; the next connection goes on with the script
 *
 * At the end it stays silent. Commands that come early wait for their turn; what is not
 * expected fails the test.
 *
 * A dispatching fake instead greets, negotiates, and answers commands from a table, in any
 * order and for ever; its answers are lines as above (<, =, !, @), several parted by newlines.
 * A command that is not in the table gets CommandNotFound.
 *
 * As with QEMU, one client is served at a time, others wait unanswered.
 */
#ifndef TESTS_FAKE_MONITOR_H
#define TESTS_FAKE_MONITOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct fake;

struct fake_answer {
    const char *command; /* NULL ends the table */
    const char *lines;
};

/* The lines are borrowed; NULL ends them. */
struct fake *fake_script(struct event_base *base, ...) __attribute__((sentinel));

/* @table is borrowed and may change meanwhile. */
struct fake *fake_dispatch(struct event_base *base, const struct fake_answer *table);

/* Ask @fn first; it returns lines (borrowed until the next command) or NULL: ask the table. */
typedef const char *fake_answer_fn(const char *command, json_t *args, void *arg);
void fake_answer_with(struct fake *f, fake_answer_fn *fn, void *arg);

void fake_free(struct fake *f);

/* For qmp_connect() and --socket. It is no file, so nothing is left behind by a test that fails. */
const char *fake_address(const struct fake *f);

/* End the script's pause. */
void fake_go(struct fake *f);

/* Do one line now, whatever the script says; for a dispatching fake too. */
void fake_do(struct fake *f, const char *line);

/* Is the script done? */
bool fake_finished(const struct fake *f);

/* The descriptor that came last (the caller's now), or -1. */
int fake_take_fd(struct fake *f);

/* All commands that came, "NAME ARGS\n" each, without the negotiation. */
const char *fake_log(const struct fake *f);

/* Bytes that came, and the number of reads that brought them. */
size_t fake_bytes(const struct fake *f);
unsigned fake_reads(const struct fake *f);

#endif
