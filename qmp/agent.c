/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent: see agent.h; how its files share the work: agent-private.h. */
#include "qmp/agent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "qmp/agent-private.h"
#include "qmp/mem.h"
#include "qmp/session.h"

/* ---- one message out, one in ---- */

/* Before the command goes @mark, if there is any: "\xff" makes the agent forget half a
 * command that somebody else left there. */
static int send_command(struct agent *a, const char *mark, const char *name, json_t *args,
                        struct qmp_error *err)
{
    json_auto_t *command = json_pack("{s:s, s:O*}", "execute", name, "arguments", args);
    auto_free char *text = command ? json_dumps(command, JSON_COMPACT) : NULL;

    if (!text)
        return qmp_error_set(err, QMP_ERR_USAGE, "the arguments are not UTF-8");
    auto_free char *line = mem_printf("%s%s\n", mark, text);
    return agent_send(a, line, strlen(line), err);
}

/* The next message, new reference. */
static json_t *receive(struct agent *a, struct qmp_error *err)
{
    struct reader_message m;
    int rc;

    while (!(rc = reader_next(&a->reader, &m, err))) {
        if (!a->usable) {
            if (err)
                *err = a->why;
            return NULL;
        }
        if (agent_wait(a, err))
            return NULL;
    }
    return rc < 0 ? NULL : m.json;
}

/* ---- synchronise ---- */

static json_int_t random_number(void)
{
    uint64_t number;

    if (getrandom(&number, sizeof(number), 0) != sizeof(number))
        abort();
    return (json_int_t)(number >> 16); /* no agent's JSON has trouble with 48 bits */
}

/* Wait until @number comes back. Whatever else comes is somebody else's, or noise. */
static int await(struct agent *a, json_int_t number, struct qmp_error *err)
{
    struct qmp_error why;

    for (;;) {
        json_auto_t *answer = receive(a, &why);
        const json_t *value = json_object_get(answer, "return");

        if (json_is_integer(value) && json_integer_value(value) == number)
            return 0;
        if (answer)
            continue;
        if (why.kind != QMP_ERR_PROTOCOL) {
            if (err)
                *err = why;
            return -1;
        }
        a->marked = false;
        reader_done(&a->reader);
        reader_init(&a->reader, AGENT_MAX_MESSAGE, AGENT_MAX_DEPTH);
    }
}

static int synchronise(struct agent *a, struct qmp_error *err)
{
    json_int_t number = random_number();
    json_auto_t *args = json_pack("{s:I}", "id", number);

    a->syncing = true;
    if (send_command(a, "\xff", "guest-sync-delimited", args, err) || await(a, number, err))
        return -1;
    a->syncing = false;
    return 0;
}

/* ---- life ---- */

static int open_within(struct agent *a, int timeout_ms, struct qmp_error *err)
{
    struct address where;

    if (address_parse(&where, a->address, err))
        return -1;
    agent_set_deadline(a, timeout_ms);
    if (!agent_dial(a, &where, err) && !agent_attach(a, err) && !synchronise(a, err))
        return 0;
    if (a->passed) {
        qmp_error_set(err, QMP_ERR_TIMEOUT, "no guest agent answered on %s within %g s", a->address,
                      timeout_ms / 1000.0);
        qmp_error_hint(err, "qemu-guest-agent does not run in the guest, or another client "
                            "holds its line, which serves one at a time");
    }
    return -1;
}

static struct event_base *new_base(void)
{
    struct event_base *base = event_base_new();

    if (!base)
        abort();
    return base;
}

struct agent *agent_open(struct event_base *base, const char *address, bool insecure,
                         int timeout_ms, struct qmp_error *err)
{
    struct agent *a = mem_alloc(sizeof(*a));

    a->own_base = !base;
    a->base = base ? base : new_base();
    a->address = mem_strdup(address);
    a->insecure = insecure;
    a->fd = -1;
    reader_init(&a->reader, AGENT_MAX_MESSAGE, AGENT_MAX_DEPTH);
    if (!open_within(a, timeout_ms, err))
        return a;
    agent_close(a);
    return NULL;
}

void agent_close(struct agent *a)
{
    if (!a)
        return;
    if (a->deadline)
        event_free(a->deadline);
    if (a->readable)
        event_free(a->readable);
    if (a->fd >= 0)
        close(a->fd);
    if (a->own_base)
        event_base_free(a->base);
    reader_done(&a->reader);
    free(a->address);
    free(a);
}

bool agent_usable(const struct agent *a)
{
    return a && a->usable;
}

/* ---- calls ---- */

/* What the answer @m says: "return" (new reference), or its error. */
static json_t *judge(const json_t *m, struct qmp_error *err)
{
    json_t *value = json_object_get(m, "return");
    json_t *error = json_object_get(m, "error");

    if (value)
        return json_incref(value);
    if (json_is_object(error) && err)
        session_error(error, err);
    else
        qmp_error_set(err, QMP_ERR_PROTOCOL, "the guest agent's answer is no answer");
    return NULL;
}

json_t *agent_call(struct agent *a, const char *name, json_t *args, int timeout_ms,
                   struct qmp_error *err)
{
    json_auto_t *owned = args;
    json_t *value = NULL;
    struct qmp_error why = {0};

    if (!a->usable) {
        qmp_error_set(err, QMP_ERR_CLOSED, "the guest agent's connection was closed");
        return NULL;
    }
    agent_set_deadline(a, timeout_ms);
    if (!send_command(a, "", name, owned, &why)) {
        json_auto_t *answer = receive(a, &why);

        if (answer)
            value = judge(answer, &why);
    }
    agent_set_deadline(a, 0);
    if (value)
        return value;
    if (why.kind != QMP_ERR_COMMAND)
        a->usable = false;
    qmp_error_wrap(&why, "%s", name);
    if (err)
        *err = why;
    return NULL;
}
