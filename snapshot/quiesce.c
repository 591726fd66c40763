/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quiesce: see quiesce.h. Here: our end of the line to the keeper. */
#include "snapshot/quiesce.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/quiesce-keeper.h"

/* The keeper has its deadlines; this long we wait for a keeper that does not keep them. */
#define SLACK_MS 5000

struct quiesce {
    struct event_base *base;
    char *agent;
    bool insecure;
    int timeout_ms;
    int line;
    int count;
};

/* ---- waiting for the keeper's word ---- */

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    short *happened = arg;

    *happened = what;
}

/* It needs three of the agent's answers at most before it says something. */
static int hear(const struct quiesce *q, const bool *stop, struct keeper_word *word,
                struct qmp_error *err)
{
    int ms = 3 * q->timeout_ms + SLACK_MS;
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    short happened = 0;
    struct event *e = event_new(q->base, q->line, EV_READ, on_event, &happened);
    int rc = 0;

    if (!e || event_add(e, &tv))
        abort();
    while (!rc && !happened) {
        if (stop && *stop)
            rc = qmp_error_set(err, QMP_ERR_CANCELLED, "interrupted");
        else if (event_base_loop(q->base, EVLOOP_ONCE) || event_base_got_break(q->base) ||
                 event_base_got_exit(q->base))
            rc = qmp_error_set(err, QMP_ERR_CANCELLED, "the wait was interrupted");
    }
    event_free(e);
    if (rc)
        return rc;
    if (!(happened & EV_READ))
        return qmp_error_set(err, QMP_ERR_TIMEOUT, "the keeper of the freeze does not answer");
    if (recv(q->line, word, sizeof(*word), MSG_DONTWAIT) != sizeof(*word))
        return qmp_error_set(err, QMP_ERR_CLOSED, "the keeper of the freeze is gone");
    return 0;
}

/* ---- begin and end ---- */

static void let_go(struct quiesce *q)
{
    close(q->line);
    free(q->agent);
    free(q);
}

struct quiesce *quiesce_begin(struct event_base *base, const bool *stop,
                              const struct quiesce_options *o, struct qmp_error *err)
{
    struct keeper_word word;
    int line = keeper_start(o, err);

    if (line < 0)
        return NULL;
    struct quiesce *q = mem_alloc(sizeof(*q));
    *q = (struct quiesce){.base = base,
                          .agent = mem_strdup(o->agent),
                          .insecure = o->insecure,
                          .timeout_ms = o->timeout_ms,
                          .line = line};
    if (!hear(q, stop, &word, err)) {
        q->count = word.count;
        if (word.kind == KEEPER_FROZEN)
            return q;
        if (err)
            *err = word.err;
    }
    let_go(q);
    return NULL;
}

int quiesce_count(const struct quiesce *q)
{
    return q->count;
}

/* The keeper was killed: we do what it would have done. */
static enum quiesce_outcome thaw_ourselves(const struct quiesce *q, struct qmp_error *why)
{
    struct qmp_error err;
    int rc = quiesce_thaw(q->base, q->agent, q->insecure, q->timeout_ms, &err);

    if (rc > 0)
        return QUIESCE_HELD;
    if (rc == 0) {
        qmp_error_set(why, QRW_ERR_FAILED, "the guest was thawed before");
        return QUIESCE_EXPIRED;
    }
    if (why)
        *why = err;
    return QUIESCE_STUCK;
}

enum quiesce_outcome quiesce_end(struct quiesce *q, int64_t *frozen_us, struct qmp_error *why)
{
    static const char thaw = KEEPER_THAW;
    enum quiesce_outcome outcome = QUIESCE_STUCK;
    struct keeper_word word;
    struct qmp_error err = {0};

    send(q->line, &thaw, 1, MSG_NOSIGNAL);
    *frozen_us = 0;
    if (!hear(q, NULL, &word, &err)) {
        outcome = word.outcome;
        *frozen_us = word.frozen_us;
        err = word.err;
    } else if (err.kind == QMP_ERR_CLOSED) {
        outcome = thaw_ourselves(q, &err);
    }
    if (why && outcome != QUIESCE_HELD)
        *why = err;
    let_go(q);
    return outcome;
}

int quiesce_thaw(struct event_base *base, const char *agent, bool insecure, int timeout_ms,
                 struct qmp_error *err)
{
    struct agent *a = agent_open(base, agent, insecure, timeout_ms, err);
    int rc = a ? keeper_is_frozen(a, timeout_ms, err) : -1;

    if (rc > 0 && keeper_thaw(a, timeout_ms, NULL, err) == QUIESCE_STUCK)
        rc = -1;
    agent_close(a);
    return rc;
}
