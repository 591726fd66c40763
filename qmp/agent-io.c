/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent-io: waiting under a deadline, and the bytes of the connection. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "qmp/agent-private.h"

/* ---- waiting ---- */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct agent *a = arg;

    a->passed = true;
}

static void arm(struct event *timer, int ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

    if (evtimer_add(timer, &tv))
        abort();
}

void agent_set_deadline(struct agent *a, int ms)
{
    if (!a->deadline)
        a->deadline = evtimer_new(a->base, on_deadline, a);
    if (!a->deadline)
        abort();
    evtimer_del(a->deadline);
    a->passed = false;
    a->timeout_ms = ms;
    if (ms > 0)
        arm(a->deadline, ms);
}

int agent_wait(struct agent *a, struct qmp_error *err)
{
    if (a->passed)
        return qmp_error_set(err, QMP_ERR_TIMEOUT, "the guest agent did not answer within %g s",
                             a->timeout_ms / 1000.0);
    if (event_base_loop(a->base, EVLOOP_ONCE))
        return qmp_error_set(err, QMP_ERR_USAGE, "there is nothing to wait for");
    if (event_base_got_break(a->base) || event_base_got_exit(a->base))
        return qmp_error_set(err, QMP_ERR_CANCELLED, "the wait was interrupted");
    return 0;
}

static void on_happened(evutil_socket_t fd, short what, void *arg)
{
    bool *happened = arg;

    *happened = true;
}

int agent_wait_for(struct agent *a, int fd, int ms, struct qmp_error *err)
{
    bool happened = false;
    struct event *e = event_new(a->base, fd, fd < 0 ? 0 : EV_WRITE, on_happened, &happened);
    int rc = 0;

    if (!e)
        abort();
    if (fd < 0)
        arm(e, ms);
    else if (event_add(e, NULL))
        rc = qmp_error_set(err, QMP_ERR_SYSTEM, "wait: %s", strerror(errno));
    while (!rc && !happened)
        rc = agent_wait(a, err);
    event_free(e);
    return rc;
}

/* ---- bytes in ---- */

static void end(struct agent *a, int kind, const char *why)
{
    a->usable = false;
    qmp_error_set(&a->why, kind, "%s", why);
    event_del(a->readable);
}

/* While we synchronise only what follows the last 0xFF counts: JSON never has that byte. */
static void take(struct agent *a, const char *bytes, size_t n)
{
    const char *mark = a->syncing ? memrchr(bytes, 0xff, n) : NULL;

    if (mark) {
        n -= (size_t)(mark + 1 - bytes);
        bytes = mark + 1;
        a->marked = true;
        reader_done(&a->reader);
        reader_init(&a->reader, AGENT_MAX_MESSAGE, AGENT_MAX_DEPTH);
    }
    if (a->marked)
        reader_feed(&a->reader, bytes, n);
    /* nobody looks at it: we are still sending, or gave up */
    if (a->reader.end - a->reader.start > 2 * AGENT_MAX_MESSAGE)
        end(a, QMP_ERR_PROTOCOL, "the guest agent says too much");
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct agent *a = arg;
    char bytes[16384];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n > 0)
        take(a, bytes, (size_t)n);
    else if (n == 0 || errno == ECONNRESET)
        end(a, QMP_ERR_CLOSED, "the guest agent's connection was closed");
    else if (errno != EAGAIN && errno != EINTR)
        end(a, QMP_ERR_SYSTEM, strerror(errno));
}

int agent_attach(struct agent *a, struct qmp_error *err)
{
    a->readable = event_new(a->base, a->fd, EV_READ | EV_PERSIST, on_readable, a);
    if (!a->readable || event_add(a->readable, NULL))
        return qmp_error_set(err, QMP_ERR_CONNECT, "%s: it cannot be waited for", a->address);
    a->usable = true;
    return 0;
}

/* ---- bytes out ---- */

int agent_send(struct agent *a, const char *bytes, size_t n, struct qmp_error *err)
{
    while (n > 0) {
        ssize_t sent = send(a->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            bytes += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (agent_wait_for(a, a->fd, 0, err))
                return -1;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return qmp_error_set(err, QMP_ERR_CLOSED, "the guest agent's connection was closed");
        } else if (errno != EINTR) {
            return qmp_error_set(err, QMP_ERR_SYSTEM, "send: %s", strerror(errno));
        }
    }
    return 0;
}
