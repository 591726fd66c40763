/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-call: the life of a call, from the command's name to its one callback. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/client-private.h"
#include "qmp/mem.h"

/* The call is over: exactly one of @ret and @err. */
void client_finish(struct call *call, json_t *ret, const struct qmp_error *err)
{
    struct qmp_client *c = call->client;
    struct qmp_error e;

    TAILQ_REMOVE(&c->calls, call, link);
    if (call->timer)
        event_free(call->timer);
    if (err) {
        e = *err;
        qmp_error_wrap(&e, "%s", call->name);
    }
    if (call->fn)
        call->fn(c, ret, err ? &e : NULL, call->arg);
    free(call->refused);
    free(call);
}

static void on_call_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct call *call = arg;
    struct qmp_client *c = call->client;
    struct qmp_error err;

    client_enter(c);
    if (call->id >= 0)
        session_forget(&c->session, call->id);
    qmp_error_set(&err, QMP_ERR_TIMEOUT, "no answer within %g s", call->timeout_ms / 1000.0);
    client_finish(call, NULL, &err);
    client_leave(c);
}

static void on_impatience(evutil_socket_t fd, short what, void *arg)
{
    struct qmp_client *c = arg;
    const struct call *first = TAILQ_FIRST(&c->calls);
    struct qmp_error err;

    if (!first)
        return;
    /* we may have been stopped meanwhile, and its answer lies there to be read */
    if (!c->last_chance) {
        c->last_chance = true;
        client_arm(c->patience, c->patience_ms / 4 + 1);
        return;
    }
    client_enter(c);
    qmp_error_set(&err, QMP_ERR_CONNECT,
                  "QEMU does not answer %s for %g s: it hangs, or waits for its storage",
                  first->name, c->patience_ms / 1000.0);
    client_fail(c, &err);
    client_leave(c);
}

/* QEMU answers in order: the clock runs for the first call. */
void client_watch(struct qmp_client *c)
{
    bool waits = c->session.state == SESSION_READY && !TAILQ_EMPTY(&c->calls);

    c->last_chance = false;
    if (c->patience)
        evtimer_del(c->patience);
    if (!waits || c->patience_ms <= 0 || c->fd < 0)
        return;
    if (c->patience)
        client_arm(c->patience, c->patience_ms);
    else
        c->patience = client_timer(c, c->patience_ms, on_impatience, c);
}

int qmp_client_set_patience(struct qmp_client *c, int ms)
{
    int before = c->patience_ms;

    c->patience_ms = ms;
    client_watch(c);
    return before;
}

static int multiply(int ms, int times)
{
    return ms < INT_MAX / times ? ms * times : INT_MAX;
}

int qmp_client_be_patient(struct qmp_client *c)
{
    return qmp_client_set_patience(c, multiply(c->patience_ms, c->impatient ? 1 : 60));
}

void qmp_client_lose_patience(struct qmp_client *c, int times, int ms)
{
    c->impatient = true;
    qmp_client_set_patience(c, multiply(ms, times));
}

/* Hand the command to the session. Returns its id, or -1 when it cannot be sent. */
static int queue(struct qmp_client *c, struct call *call, json_t *args,
                 const struct qmp_call_options *opts, struct qmp_error *err)
{
    int fd = -1;

    if (opts->send_fd) {
        if (c->fd >= 0 && !c->is_unix)
            return qmp_error_set(err, QMP_ERR_USAGE, "descriptors need a unix socket");
        fd = fcntl(opts->fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return qmp_error_set(err, QMP_ERR_SYSTEM, "descriptor %d: %s", opts->fd,
                                 strerror(errno));
    }
    int id = session_call(&c->session, call->name, args, opts->oob, fd, call, err);
    if (id < 0 && fd >= 0)
        close(fd);
    return id;
}

/* Calls that could not be sent hear it from the loop, as all others do. */
void client_tell_refused(struct qmp_client *c)
{
    struct call *call;

    while (c->refusals) {
        TAILQ_FOREACH(call, &c->calls, link)
            if (call->refused)
                break;
        if (call) {
            struct qmp_error why = *call->refused;
            client_finish(call, NULL, &why);
        } else {
            c->refusals = false;
        }
    }
}

struct call *client_call(struct qmp_client *c, const char *name, json_t *args,
                         const struct qmp_call_options *opts, qmp_reply_fn *fn, void *arg)
{
    static const struct qmp_call_options none;
    size_t size = strlen(name) + 1;
    struct call *call = mem_alloc(sizeof(*call) + size);
    struct qmp_error err;

    *call = (struct call){.client = c, .id = -1, .fn = fn, .arg = arg};
    memcpy(call->name, name, size);
    TAILQ_INSERT_TAIL(&c->calls, call, link);
    if (TAILQ_FIRST(&c->calls) == call)
        client_watch(c);
    client_wake(c);
    opts = opts ? opts : &none;
    if (!c->broken && !c->freed) {
        call->id = queue(c, call, args, opts, &err);
        if (call->id < 0) {
            call->refused = mem_alloc(sizeof(err));
            *call->refused = err;
            c->refusals = true;
        } else if (opts->timeout_ms > 0) {
            call->timeout_ms = opts->timeout_ms;
            call->timer = client_timer(c, opts->timeout_ms, on_call_timeout, call);
        }
    }
    json_decref(args);
    return call;
}

/* Nobody is to be told; its late answer is dropped. */
void client_abandon(struct qmp_client *c, struct call *call)
{
    struct qmp_error err = {0};

    if (call->id >= 0)
        session_forget(&c->session, call->id);
    call->fn = NULL;
    client_finish(call, NULL, &err);
}

void qmp_client_call_with(struct qmp_client *c, const char *name, json_t *args,
                          const struct qmp_call_options *opts, qmp_reply_fn *fn, void *arg)
{
    client_call(c, name, args, opts, fn, arg);
}

void qmp_client_call(struct qmp_client *c, const char *name, json_t *args, int timeout_ms,
                     qmp_reply_fn *fn, void *arg)
{
    struct qmp_call_options opts = {.timeout_ms = timeout_ms};

    client_call(c, name, args, &opts, fn, arg);
}
