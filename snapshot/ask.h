/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ask: several commands at once, waited for.
 *
 * The commands go out together; ask_run() runs the loop until every one is answered.
 * Should the wait end first, late answers are dropped safely.
 */
#ifndef SNAPSHOT_ASK_H
#define SNAPSHOT_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "qmp/client.h"

struct ask;

/* What to do with a reply as soon as it is there; it is freed afterwards. */
typedef int ask_take_fn(void *to, const json_t *reply, struct qmp_error *err);

/* @stop (borrowed, may be NULL): the wait ends when it becomes true. */
struct ask *ask_new(struct qmp_client *c, const bool *stop);
void ask_free(struct ask *a);

/* Add a command; takes @args. Returns its index. @take may be NULL: the reply is kept. */
size_t ask_add(struct ask *a, const char *name, json_t *args, ask_take_fn *take, void *to);

/* It does not matter if command @i fails. */
void ask_optional(struct ask *a, size_t i);

/* Let QEMU have the commands now, if there is something to do before ask_run(). */
void ask_send(struct ask *a);

/*
 * Wait until all are answered. Returns 0 then, whatever the answers were; -1 when the
 * connection went (its error) or @stop became true (QMP_ERR_CANCELLED): what QEMU did
 * with the commands not answered is unknown.
 */
int ask_run(struct ask *a, struct qmp_error *err);

/* After an interrupted ask_run(): the next one is none of @stop's. */
void ask_insist(struct ask *a);

/* The answer to command @i: borrowed; NULL with its error. A taken reply is json null. */
json_t *ask_reply(const struct ask *a, size_t i, struct qmp_error *err);

/* The first failure among the answers, 0: none failed. */
int ask_failed(const struct ask *a, struct qmp_error *err);

/* Wait for all, free @a. 0: every answer was taken, -1: the first failure. */
int ask_finish(struct ask *a, struct qmp_error *err);

/* One command, asked and waited for. New reference, NULL on failure. Takes @args. */
json_t *ask_one(struct qmp_client *c, const bool *stop, const char *name, json_t *args,
                struct qmp_error *err);

#endif
