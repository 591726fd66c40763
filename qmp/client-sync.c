/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-sync: the calls that block, each of which runs the loop until it is answered. */
#include <string.h>

#include "qmp/client-private.h"

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    bool *passed = arg;

    *passed = true;
}

/* Everybody who waited has been told that the connection broke. */
static bool is_settled(const struct qmp_client *c)
{
    return c->broken && !c->ready && TAILQ_EMPTY(&c->calls) && TAILQ_EMPTY(&c->errands);
}

/* One round of the loop. Returns -1 when more rounds would make no sense. */
static int run_once(struct qmp_client *c, struct qmp_error *err)
{
    if (c->freed)
        return qmp_error_set(err, QMP_ERR_CANCELLED, "the connection was given up");
    if (is_settled(c)) {
        if (err)
            *err = *c->broken;
        return -1;
    }
    if (c->inside)
        return qmp_error_set(err, QMP_ERR_USAGE, "a blocking call from inside of a callback");
    client_flush(c);
    if (event_base_loop(c->base, EVLOOP_ONCE))
        return qmp_error_set(err, QMP_ERR_USAGE, "there is nothing to wait for");
    if (event_base_got_break(c->base) || event_base_got_exit(c->base))
        return qmp_error_set(err, QMP_ERR_CANCELLED, "the wait was interrupted");
    return 0;
}

static int run(struct qmp_client *c, bool (*done)(void *arg), void *arg, int timeout_ms,
               struct qmp_error *err)
{
    struct event *limit = NULL;
    bool passed = false;
    int rc = 0;

    if (timeout_ms > 0)
        limit = client_timer(c, timeout_ms, on_limit, &passed);
    while (!rc && !done(arg)) {
        if (passed)
            rc = qmp_error_set(err, QMP_ERR_TIMEOUT, "not done within %g s", timeout_ms / 1000.0);
        else
            rc = run_once(c, err);
    }
    if (limit)
        event_free(limit);
    return rc;
}

int qmp_client_run(struct qmp_client *c, bool (*done)(void *arg), void *arg, int timeout_ms,
                   struct qmp_error *err)
{
    client_hold(c);
    int rc = run(c, done, arg, timeout_ms, err);
    client_release(c);
    return rc;
}

/* What a waiting function keeps on its stack while the loop runs. */
struct waiting {
    bool done;
    int rc;
    json_t *ret;
    struct qmp_error err;
};

static bool is_done(void *arg)
{
    const struct waiting *w = arg;

    return w->done;
}

static void settle(struct waiting *w, json_t *ret, const struct qmp_error *err)
{
    w->done = true;
    w->ret = json_incref(ret);
    if (err) {
        w->rc = -1;
        w->err = *err;
    }
}

static void on_ready(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
    settle(arg, NULL, err);
}

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    settle(arg, ret, err);
}

int qmp_connect(struct qmp_client *c, const char *address, int timeout_ms, struct qmp_error *err)
{
    struct waiting w = {0};

    if (qmp_client_connect(c, address, timeout_ms, on_ready, &w, err))
        return -1;
    client_hold(c);
    if (run(c, is_done, &w, 0, err) && !w.done) {
        c->ready = NULL;
        w.rc = -1;
    } else if (w.rc && err) {
        *err = w.err;
    }
    client_release(c);
    return w.rc;
}

json_t *qmp_call(struct qmp_client *c, const char *name, json_t *args, int timeout_ms,
                 struct qmp_error *err)
{
    struct qmp_call_options opts = {.timeout_ms = timeout_ms};
    struct waiting w = {0};
    struct call *call = client_call(c, name, args, &opts, on_reply, &w);

    client_hold(c);
    if (run(c, is_done, &w, 0, err) && !w.done) {
        qmp_error_wrap(err, "%s", name);
        client_abandon(c, call);
    } else if (w.rc && err) {
        *err = w.err;
    }
    client_release(c);
    return w.ret;
}
