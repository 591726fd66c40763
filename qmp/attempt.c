/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attempt: see attempt.h. Here: what all of its ways share, and the shortest of them. */
#include "qmp/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/mem.h"

void attempt_free(struct attempt *a)
{
    if (!a)
        return;
    struct event *events[] = {a->deadline, a->retry, a->writable};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (events[i])
            event_free(events[i]);
    if (a->fd >= 0)
        close(a->fd);
    if (a->found)
        freeaddrinfo(a->found);
    free(a->text);
    free(a);
}

void attempt_fail(struct attempt *a, const struct qmp_error *why)
{
    client_fail(a->client, why);
}

void attempt_connected(struct attempt *a, int fd, int domain)
{
    struct qmp_error err;

    a->last_errno = 0;
    if (!client_attach(a->client, fd, domain, &err))
        return;
    qmp_error_wrap(&err, "%s", a->text);
    attempt_fail(a, &err);
}

static void start_fd(struct attempt *a)
{
    int fd = fcntl(a->address.fd, F_DUPFD_CLOEXEC, 0);
    struct qmp_error err;

    if (fd >= 0) {
        attempt_connected(a, fd, AF_UNSPEC);
        return;
    }
    qmp_error_set(&err, QMP_ERR_CONNECT, "%s: %s", a->text, strerror(errno));
    attempt_fail(a, &err);
}

/* Has somebody stopped the process @pid (SIGSTOP, a debugger)? */
static bool is_stopped(pid_t pid)
{
    auto_free char *name = mem_printf("/proc/%d/stat", (int)pid);
    char line[256] = "";
    FILE *f = pid > 0 ? fopen(name, "re") : NULL;
    size_t n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
    const char *after = n ? strrchr(line, ')') : NULL; /* the program's name may hold anything */

    if (f)
        fclose(f);
    return after && (!strncmp(after, ") T", 3) || !strncmp(after, ") t", 3));
}

static void hint_stopped(const struct qmp_client *c, struct qmp_error *err)
{
    pid_t pid = qmp_client_peer(c);

    if (is_stopped(pid))
        qmp_error_hint(err,
                       "process %d, which listens there, is stopped; kill -CONT %d lets "
                       "it go on, if no debugger holds it",
                       (int)pid, (int)pid);
}

static void hint_busy(const struct qmp_client *c, struct qmp_error *err)
{
    hint_stopped(c, err); /* the first hint stays */
    qmp_error_hint(err, "a monitor serves one client at a time, another client probably "
                        "holds it; a second monitor is added by "
                        "-qmp unix:/other.sock,server=on,wait=off");
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct attempt *a = arg;
    struct qmp_client *c = a->client;
    struct qmp_error err;

    if (c->fd >= 0 && !c->session.greeting) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s accepted the connection but does not answer",
                      a->text);
        if (a->address.kind != ADDRESS_FD) /* that is the caller's own, and nobody else's */
            hint_busy(c, &err);
    } else if (c->fd >= 0) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s greeted, but does not answer qmp_capabilities",
                      a->text);
        if (a->address.kind != ADDRESS_FD)
            hint_stopped(c, &err);
    } else if (a->last_errno == EAGAIN) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s has others waiting in line already", a->text);
        hint_busy(c, &err);
    } else if (a->last_errno == ECONNREFUSED) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "nobody listens on %s", a->text);
        qmp_error_hint(&err, "the socket is probably left over from a QEMU that has ended");
    } else {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s: no answer", a->text);
    }
    attempt_fail(a, &err);
}

static char *describe(const struct address *a)
{
    switch (a->kind) {
    case ADDRESS_UNIX:
        return mem_printf("%s%s", a->abstract ? "@" : "", a->path);
    case ADDRESS_TCP:
        return mem_printf(strchr(a->host, ':') ? "[%s]:%s" : "%s:%s", a->host, a->port);
    case ADDRESS_FD:
        break;
    }
    return mem_printf("fd:%d", a->fd);
}

int qmp_client_connect(struct qmp_client *c, const char *address, int timeout_ms, qmp_ready_fn *fn,
                       void *arg, struct qmp_error *err)
{
    static void (*const start[])(struct attempt * a) = {
        [ADDRESS_UNIX] = attempt_unix,
        [ADDRESS_TCP] = attempt_tcp,
        [ADDRESS_FD] = start_fd,
    };
    struct address where;

    if (c->attempt || c->fd >= 0 || c->broken)
        return qmp_error_set(err, QMP_ERR_USAGE, "the client was connected before");
    if (address_parse(&where, address, err))
        return -1;

    struct attempt *a = mem_alloc(sizeof(*a));
    *a = (struct attempt){.client = c, .address = where, .fd = -1};
    a->text = describe(&where);
    c->attempt = a;
    c->ready = fn;
    c->ready_arg = arg;
    if (timeout_ms > 0)
        a->deadline = client_timer(c, timeout_ms, on_deadline, a);
    start[where.kind](a);
    return 0;
}
