/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attempt-tcp: connect to the first of a host's addresses that takes us in. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/attempt.h"
#include "qmp/loopback.h"
#include "qmp/mem.h"

static void try_next_host(struct attempt *a);

static void connected(struct attempt *a, int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    attempt_connected(a, fd, AF_INET);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    struct attempt *a = arg;
    socklen_t size = sizeof(int);
    int error = 0;

    getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    event_free(a->writable);
    a->writable = NULL;
    fd = a->fd;
    a->fd = -1;
    if (!error) {
        connected(a, fd);
        return;
    }
    close(fd);
    a->last_errno = error;
    try_next_host(a);
}

/* Returns true when this address keeps us busy or has let us in. */
static bool try_host(struct attempt *a, const struct addrinfo *host)
{
    auto_close int fd =
        socket(host->ai_family, host->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? -1 : connect(fd, host->ai_addr, host->ai_addrlen);

    if (rc && errno != EINPROGRESS) {
        a->last_errno = errno;
        return false;
    }
    int kept = fd;
    fd = -1;
    if (!rc) {
        connected(a, kept);
        return true;
    }
    a->fd = kept;
    a->writable = event_new(a->client->base, kept, EV_WRITE, on_connected, a);
    if (!a->writable || event_add(a->writable, NULL))
        abort();
    return true;
}

static void try_next_host(struct attempt *a)
{
    struct qmp_error err;

    while (a->next) {
        struct addrinfo *host = a->next;

        a->next = host->ai_next;
        if (loopback_check(host->ai_addr, a->text, a->client->opts.insecure, &err)) {
            attempt_fail(a, &err);
            return;
        }
        if (try_host(a, host))
            return;
    }
    qmp_error_set(&err, QMP_ERR_CONNECT, "%s: %s", a->text, strerror(a->last_errno));
    attempt_fail(a, &err);
}

void attempt_tcp(struct attempt *a)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    const char *host = a->address.host[0] ? a->address.host : "localhost";
    struct qmp_error err;
    int rc = getaddrinfo(host, a->address.port, &want, &a->found);

    if (rc == EAI_NONAME) {
        want.ai_flags = 0;
        rc = getaddrinfo(host, a->address.port, &want, &a->found);
    }
    if (rc) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s: %s", a->text, gai_strerror(rc));
        attempt_fail(a, &err);
        return;
    }
    a->next = a->found;
    try_next_host(a);
}
