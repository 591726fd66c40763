/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent-connect: the agent's way from an address to a connected socket. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/agent-private.h"
#include "qmp/loopback.h"
#include "qmp/mem.h"

#define RETRY_MS 20

static int refused(const struct agent *a, int error, struct qmp_error *err)
{
    return qmp_error_set(err, QMP_ERR_CONNECT, "%s: %s", a->address, strerror(error));
}

/* The line of those who wait for a unix socket is full (EAGAIN): stand in it again. */
static int dial_unix(struct agent *a, const struct address *where, struct qmp_error *err)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(where->path);
    socklen_t size = sizeof(un);

    memcpy(un.sun_path + where->abstract, where->path, len);
    if (!where->abstract || !where->loose)
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->fd < 0)
        return qmp_error_set(err, QMP_ERR_SYSTEM, "socket: %s", strerror(errno));
    while (connect(a->fd, (struct sockaddr *)&un, size)) {
        if (errno != EAGAIN && errno != EINTR)
            return refused(a, errno, err);
        if (agent_wait_for(a, -1, RETRY_MS, err))
            return -1;
    }
    return 0;
}

/* Connect to one of a host's addresses. Returns errno, or -1 with @err: the time is over. */
static int try_host(struct agent *a, const struct addrinfo *host, struct qmp_error *err)
{
    auto_close int fd = socket(host->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof(int);
    int error = 0;

    if (fd < 0)
        return errno;
    if (connect(fd, host->ai_addr, host->ai_addrlen)) {
        if (errno != EINPROGRESS)
            return errno;
        if (agent_wait_for(a, fd, 0, err))
            return -1;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (!error) {
        a->fd = fd;
        fd = -1;
    }
    return error;
}

static int dial_tcp(struct agent *a, const struct address *where, struct qmp_error *err)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *found;
    int rc = getaddrinfo(where->host[0] ? where->host : "localhost", where->port, &want, &found);

    if (rc)
        return qmp_error_set(err, QMP_ERR_CONNECT, "%s: %s", a->address, gai_strerror(rc));
    for (const struct addrinfo *host = found; host && a->fd < 0; host = host->ai_next) {
        rc = loopback_check(host->ai_addr, a->address, a->insecure, err) ? -1
                                                                         : try_host(a, host, err);
        if (rc < 0)
            break;
    }
    freeaddrinfo(found);
    return rc > 0 ? refused(a, rc, err) : rc;
}

static int dial_fd(struct agent *a, const struct address *where, struct qmp_error *err)
{
    a->fd = fcntl(where->fd, F_DUPFD_CLOEXEC, 0);
    return a->fd < 0 ? refused(a, errno, err) : 0;
}

int agent_dial(struct agent *a, const struct address *where, struct qmp_error *err)
{
    switch (where->kind) {
    case ADDRESS_UNIX:
        return dial_unix(a, where, err);
    case ADDRESS_TCP:
        return dial_tcp(a, where, err);
    case ADDRESS_FD:
        break;
    }
    return dial_fd(a, where, err);
}
