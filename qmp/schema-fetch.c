/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema-fetch: the two questions of schema.h that go to QEMU, each asked once.
 *
 *     ask ──> waiter in line ── first in line: call ──> answer ──> all in line told
 *      └── answer known ───────────────────────────────────────────────^
 *
 * Everybody is told by an errand, so from the loop, and in the order they asked.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/client-private.h"
#include "qmp/mem.h"
#include "qmp/schema.h"

struct waiter {
    TAILQ_ENTRY(waiter) link;
    struct question *question;
    qmp_schema_fn *schema_fn; /* one of the two is set */
    qmp_has_command_fn *has_fn;
    void *arg;
    struct qmp_error *err; /* what went wrong, or NULL */
    char name[];           /* has_fn: of the command */
};

TAILQ_HEAD(line, waiter);

struct question {
    const char *command;
    struct line line;          /* not empty: it is being asked */
    struct qmp_schema *schema; /* the answer of the one, or NULL */
    json_t *commands;          /* the answer of the other: an object with their names */
};

struct memory {
    struct question schema, commands;
};

void memory_free(struct memory *m)
{
    if (!m)
        return;
    qmp_schema_free(m->schema.schema);
    json_decref(m->commands.commands);
    free(m);
}

static struct memory *memory(struct qmp_client *c)
{
    if (!c->memory) {
        c->memory = mem_alloc(sizeof(*c->memory));
        c->memory->schema.command = "query-qmp-schema";
        c->memory->commands.command = "query-commands";
        TAILQ_INIT(&c->memory->schema.line);
        TAILQ_INIT(&c->memory->commands.line);
    }
    return c->memory;
}

/* An errand: @arg is a waiter that has left the line. */
static void tell(struct qmp_client *c, void *arg)
{
    struct waiter *w = arg;
    struct question *q = w->question;

    if (c->freed && !w->err) {
        w->err = mem_alloc(sizeof(*w->err));
        qmp_error_set(w->err, QMP_ERR_CANCELLED, "the connection was given up");
        qmp_error_wrap(w->err, "%s", q->command);
    }
    if (w->schema_fn)
        w->schema_fn(c, w->err ? NULL : q->schema, w->err, w->arg);
    else
        w->has_fn(c, !w->err && json_object_get(q->commands, w->name), w->err, w->arg);
    free(w->err);
    free(w);
}

static void tell_all(struct qmp_client *c, struct question *q, const struct qmp_error *err)
{
    struct waiter *w;

    while ((w = TAILQ_FIRST(&q->line))) {
        TAILQ_REMOVE(&q->line, w, link);
        if (err) {
            w->err = mem_alloc(sizeof(*err));
            *w->err = *err;
        }
        client_errand(c, tell, w);
    }
}

static void on_schema(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    struct question *q = arg;
    struct qmp_error why;

    if (ret && !(q->schema = qmp_schema_new(ret, &why)))
        err = &why;
    tell_all(c, q, err);
}

static void on_commands(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    struct question *q = arg;
    size_t i;
    json_t *entry;

    if (ret)
        q->commands = json_object();
    json_array_foreach(ret, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));

        if (name)
            json_object_set_new(q->commands, name, json_true());
    }
    tell_all(c, q, err);
}

/* Put @w in line, ask if nobody did. */
static void wait_for(struct qmp_client *c, struct waiter *w, int timeout_ms, qmp_reply_fn *fn)
{
    struct question *q = w->question;

    if (q->schema || q->commands) {
        client_errand(c, tell, w);
        return;
    }
    if (TAILQ_EMPTY(&q->line))
        qmp_client_call(c, q->command, NULL, timeout_ms, fn, q);
    TAILQ_INSERT_TAIL(&q->line, w, link);
}

void qmp_schema_fetch(struct qmp_client *c, int timeout_ms, qmp_schema_fn *fn, void *arg)
{
    struct waiter *w = mem_alloc(sizeof(*w));

    *w = (struct waiter){.question = &memory(c)->schema, .schema_fn = fn, .arg = arg};
    wait_for(c, w, timeout_ms, on_schema);
}

void qmp_client_has_command(struct qmp_client *c, const char *name, int timeout_ms,
                            qmp_has_command_fn *fn, void *arg)
{
    size_t size = strlen(name) + 1;
    struct waiter *w = mem_alloc(sizeof(*w) + size);

    *w = (struct waiter){.question = &memory(c)->commands, .has_fn = fn, .arg = arg};
    memcpy(w->name, name, size);
    wait_for(c, w, timeout_ms, on_commands);
}

/* ---- Blocking ---- */

/* Lives on the heap, because a wait that is interrupted leaves it behind in the line. */
struct blocked {
    bool done;
    bool left; /* nobody waits any more: who is told frees it */
    bool has;
    const struct qmp_schema *schema;
    struct qmp_error err; /* kind 0: none */
};

static bool is_done(void *arg)
{
    const struct blocked *b = arg;

    return b->done;
}

static void unblock(struct blocked *b, const struct qmp_error *err)
{
    b->done = true;
    if (err)
        b->err = *err;
    if (b->left)
        free(b);
}

static void on_fetched(struct qmp_client *c, const struct qmp_schema *schema,
                       const struct qmp_error *err, void *arg)
{
    struct blocked *b = arg;

    b->schema = schema;
    unblock(b, err);
}

static void on_has(struct qmp_client *c, bool has, const struct qmp_error *err, void *arg)
{
    struct blocked *b = arg;

    b->has = has;
    unblock(b, err);
}

/* Wait until @b is told, and take it over. */
static struct blocked settle(struct qmp_client *c, struct blocked *b)
{
    struct blocked result = {0};

    client_hold(c);
    int rc = qmp_client_run(c, is_done, b, 0, &result.err);
    if (rc && !b->done) {
        b->left = true;
    } else {
        result = *b;
        free(b);
    }
    client_release(c);
    return result;
}

const struct qmp_schema *qmp_schema(struct qmp_client *c, int timeout_ms, struct qmp_error *err)
{
    struct blocked *b = mem_alloc(sizeof(*b));

    qmp_schema_fetch(c, timeout_ms, on_fetched, b);
    struct blocked result = settle(c, b);
    if (!result.schema && err)
        *err = result.err;
    return result.schema;
}

int qmp_has_command(struct qmp_client *c, const char *name, int timeout_ms, struct qmp_error *err)
{
    struct blocked *b = mem_alloc(sizeof(*b));

    qmp_client_has_command(c, name, timeout_ms, on_has, b);
    struct blocked result = settle(c, b);
    if (result.err.kind == QMP_ERR_NONE)
        return result.has;
    if (err)
        *err = result.err;
    return -1;
}
