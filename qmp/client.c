/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client: see client.h; how its files share the work: client-private.h. */
#include "qmp/client.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/client-private.h"
#include "qmp/mem.h"

void client_arm(struct event *timer, int ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

    if (evtimer_add(timer, &tv))
        abort();
}

struct event *client_timer(struct qmp_client *c, int ms, event_callback_fn fn, void *arg)
{
    struct event *timer = evtimer_new(c->base, fn, arg);

    if (!timer)
        abort();
    client_arm(timer, ms);
    return timer;
}

void client_hold(struct qmp_client *c)
{
    c->holds++;
}

void client_release(struct qmp_client *c)
{
    if (--c->holds || !c->freed)
        return;
    client_drop_subscribers(c);
    memory_free(c->memory);
    session_done(&c->session);
    event_free(c->wake);
    if (c->own_base)
        event_base_free(c->base);
    free(c->broken);
    free(c);
}

void client_enter(struct qmp_client *c)
{
    client_hold(c);
    c->inside++;
}

void client_leave(struct qmp_client *c)
{
    c->inside--;
    client_release(c);
}

void client_wake(struct qmp_client *c)
{
    event_active(c->wake, EV_TIMEOUT, 0);
}

void client_errand(struct qmp_client *c, void (*fn)(struct qmp_client *c, void *arg), void *arg)
{
    struct errand *e = mem_alloc(sizeof(*e));

    *e = (struct errand){.fn = fn, .arg = arg};
    TAILQ_INSERT_TAIL(&c->errands, e, link);
    client_wake(c);
}

void qmp_client_on_end(struct qmp_client *c, qmp_ready_fn *fn, void *arg)
{
    c->end = fn;
    c->end_arg = arg;
    if (c->broken)
        client_wake(c);
}

/* Call *@slot, the last time. */
static void tell_once(struct qmp_client *c, qmp_ready_fn **slot, const struct qmp_error *err,
                      void *arg)
{
    qmp_ready_fn *fn = *slot;

    *slot = NULL;
    if (fn)
        fn(c, err, arg);
}

/* Everybody who waits hears @why. Those who begin to wait meanwhile, too. */
static void tell_all(struct qmp_client *c, const struct qmp_error *why)
{
    struct call *call;

    tell_once(c, &c->ready, why, c->ready_arg);
    while ((call = TAILQ_FIRST(&c->calls)))
        client_finish(call, NULL, call->refused ? call->refused : why);
    tell_once(c, &c->end, why, c->end_arg);
}

static void run_errands(struct qmp_client *c)
{
    struct errand *e;

    while ((e = TAILQ_FIRST(&c->errands))) {
        TAILQ_REMOVE(&c->errands, e, link);
        e->fn(c, e->arg);
        free(e);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct qmp_client *c = arg;

    client_enter(c);
    run_errands(c);
    client_tell_refused(c);
    if (c->broken && !c->freed) {
        struct qmp_error why = *c->broken;

        tell_all(c, &why);
    }
    if (!c->freed)
        client_flush(c);
    client_leave(c);
}

void client_fail(struct qmp_client *c, const struct qmp_error *why)
{
    if (c->broken)
        return;
    c->broken = mem_alloc(sizeof(*c->broken));
    *c->broken = *why;
    client_close(c);
    client_wake(c);
}

/* A loop for one client needs no locks and nothing from the environment. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    if (!config)
        abort();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    base = event_base_new_with_config(config);
    event_config_free(config);
    if (!base)
        abort();
    return base;
}

struct qmp_client *qmp_client_new(struct event_base *base, const struct qmp_client_options *opts)
{
    struct qmp_client *c = mem_alloc(sizeof(*c));

    if (opts)
        c->opts = *opts;
    c->fd = -1;
    c->holds = 1;
    c->own_base = !base;
    c->base = base ? base : new_base();
    c->wake = event_new(c->base, -1, 0, on_wake, c);
    if (!c->wake)
        abort();
    TAILQ_INIT(&c->calls);
    TAILQ_INIT(&c->errands);
    TAILQ_INIT(&c->subscribers);
    session_init(&c->session, c->opts.max_message, c->opts.max_depth, c->opts.want_oob);
    return c;
}

void qmp_client_free(struct qmp_client *c)
{
    struct qmp_error why;

    if (!c || c->freed)
        return;
    c->freed = true;
    qmp_error_set(&why, QMP_ERR_CANCELLED, "the connection was given up");
    do {
        tell_all(c, &why);
        run_errands(c);
    } while (!TAILQ_EMPTY(&c->calls) || !TAILQ_EMPTY(&c->errands));
    client_close(c);
    event_del(c->wake);
    client_release(c);
}

static void on_reply(struct qmp_client *c, const struct session_item *item)
{
    struct call *call = item->call;
    struct qmp_error err;

    if (item->error)
        session_error(item->error, &err);
    client_finish(call, item->ret, item->error ? &err : NULL);
}

/* Give out every message that is complete. The caller holds the client. */
void client_digest(struct qmp_client *c)
{
    struct session_item item;
    struct qmp_error err;
    int rc;

    while (!c->freed && !c->broken && (rc = session_next(&c->session, &item, &err))) {
        if (rc < 0) {
            client_fail(c, &err);
            return;
        }
        if (c->opts.trace)
            c->opts.trace(false, item.text, item.len, c->opts.trace_arg);
        switch (item.kind) {
        case SESSION_ITEM_NOTHING:
            break;
        case SESSION_ITEM_READY:
            attempt_free(c->attempt);
            c->attempt = NULL;
            client_watch(c);
            tell_once(c, &c->ready, NULL, c->ready_arg);
            break;
        case SESSION_ITEM_REPLY:
            on_reply(c, &item);
            client_watch(c);
            break;
        case SESSION_ITEM_EVENT:
            client_event(c, &item);
            break;
        }
        json_decref(item.message);
    }
}

struct event_base *qmp_client_base(struct qmp_client *c)
{
    return c->base;
}

json_t *qmp_client_greeting(const struct qmp_client *c)
{
    return c->session.greeting;
}

int qmp_client_version(const struct qmp_client *c)
{
    int major = 0, minor = 0, micro = 0;

    if (json_unpack(c->session.greeting, "{s:{s:{s:i,s:i,s:i}}}", "version", "qemu", "major",
                    &major, "minor", &minor, "micro", &micro))
        return 0;
    return major * 10000 + minor * 100 + micro;
}

int qmp_client_fd(const struct qmp_client *c)
{
    return c->fd;
}

const struct qmp_error *qmp_client_broken(const struct qmp_client *c)
{
    return c->broken;
}

unsigned long long qmp_client_bytes_sent(const struct qmp_client *c)
{
    return c->session.sent;
}
