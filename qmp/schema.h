/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema: what this QEMU can do, as it says itself.                   PUBLIC
 *
 * query-qmp-schema is a quarter of a megabyte and stops QEMU's main loop for 10 to
 * 20 ms, so nothing here is asked before somebody wants to know, and never twice on
 * one connection. qmp_client_has_command() is the cheap question (query-commands, half a
 * millisecond). In the hot path ask neither: just try the command.
 */
#ifndef QMP_SCHEMA_H
#define QMP_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "qmp/error.h"

struct qmp_client;
struct qmp_schema;

/* ---- A schema as a value ---- */

/*
 * Make one from what query-qmp-schema returned (borrowed: a reference is taken).
 * Returns NULL with QMP_ERR_PROTOCOL when that is no schema.
 */
struct qmp_schema *qmp_schema_new(json_t *entries, struct qmp_error *err);
void qmp_schema_free(struct qmp_schema *s);

/*
 * Is there the command @command? With @argument: does it take that? With @value:
 * is that one of the values of the argument, an enumeration?
 *
 * @argument may lead into objects, arrays and variants: "options.driver",
 * "channels.addr.transport". @argument and @value may be NULL.
 */
bool qmp_schema_has(const struct qmp_schema *s, const char *command, const char *argument,
                    const char *value);

/* Must the argument be given? */
bool qmp_schema_requires(const struct qmp_schema *s, const char *command, const char *argument);

/*
 * Has the command, argument or value the feature @feature: "deprecated", "unstable", ...?
 * Only its own: an argument of a deprecated command is not deprecated by that.
 */
bool qmp_schema_has_feature(const struct qmp_schema *s, const char *command, const char *argument,
                            const char *value, const char *feature);

/* ---- The schema of the QEMU at the other end ---- */

/* @schema (borrowed; the client's, as long as it lives) or @err. */
typedef void qmp_schema_fn(struct qmp_client *c, const struct qmp_schema *schema,
                           const struct qmp_error *err, void *arg);

/*
 * Get the schema. The callback rule of client.h holds; errors are those of
 * qmp_client_call(). An answer is kept for as long as the client lives; who asks while a
 * question is under way waits for the same answer, under its deadline.
 * QEMU: "query-qmp-schema", 2.5.
 */
void qmp_schema_fetch(struct qmp_client *c, int timeout_ms, qmp_schema_fn *fn, void *arg);

/* The same, waited for. Returns the schema (borrowed, the client's), or NULL. */
const struct qmp_schema *qmp_schema(struct qmp_client *c, int timeout_ms, struct qmp_error *err);

/* @has is false when @err is not NULL. */
typedef void qmp_has_command_fn(struct qmp_client *c, bool has, const struct qmp_error *err,
                                void *arg);

/*
 * Is there the command @name? Kept and shared as above.
 * QEMU: "query-commands", 0.13.
 */
void qmp_client_has_command(struct qmp_client *c, const char *name, int timeout_ms,
                            qmp_has_command_fn *fn, void *arg);

/* The same, waited for. Returns 1, 0, or -1 with an error. */
int qmp_has_command(struct qmp_client *c, const char *name, int timeout_ms, struct qmp_error *err);

#endif
