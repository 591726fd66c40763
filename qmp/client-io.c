/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client-io: bytes and descriptors through the connected socket. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/client-private.h"
#include "qmp/mem.h"

static void fail_closed(struct qmp_client *c)
{
    struct qmp_error err;

    qmp_error_set(&err, QMP_ERR_CLOSED, "QEMU closed the connection");
    client_fail(c, &err);
}

static void fail_system(struct qmp_client *c, const char *what)
{
    struct qmp_error err;

    qmp_error_set(&err, QMP_ERR_SYSTEM, "%s: %s", what, strerror(errno));
    client_fail(c, &err);
}

/* EIO is what the other end of a pseudo terminal says when it goes. */
static bool means_closed(int error)
{
    return error == ECONNRESET || error == EPIPE || error == EIO;
}

/* Read once. Returns false when there is nothing more to be had now. */
static bool read_some(struct qmp_client *c)
{
    size_t size;
    char *room = session_room(&c->session, &size);
    ssize_t n = c->is_socket ? recv(c->fd, room, size, MSG_DONTWAIT) : read(c->fd, room, size);

    if (n > 0) {
        session_filled(&c->session, (size_t)n);
        client_digest(c);
        return !c->freed && !c->broken;
    }
    if (n == 0 || means_closed(errno))
        fail_closed(c);
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        fail_system(c, "receive");
    else
        client_digest(c); /* gives the room back */
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct qmp_client *c = arg;

    client_enter(c);
    bool more = read_some(c);
    /* nothing can be sent any more: hear what was said before that, and no longer */
    while (more && c->hung_up)
        more = read_some(c);
    if (c->hung_up && !c->freed)
        fail_closed(c);
    if (!c->freed)
        client_flush(c);
    client_leave(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    client_flush(arg);
}

static void wait_writable(struct qmp_client *c)
{
    if (!c->writable)
        c->writable = event_new(c->base, c->fd, EV_WRITE, on_writable, c);
    if (!c->writable || event_add(c->writable, NULL))
        fail_system(c, "wait");
}

/* write() to what is not a socket, without the signal that it may bring. */
static ssize_t write_quietly(int fd, const char *bytes, size_t n)
{
    const struct timespec at_once = {0};
    sigset_t pipe, before, waiting;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&waiting);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t rc = write(fd, bytes, n);
    int saved = errno;
    if (rc < 0 && saved == EPIPE && !sigismember(&waiting, SIGPIPE))
        sigtimedwait(&pipe, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return rc;
}

/* Send @n bytes, and with the first of them @passed unless it is -1. */
static ssize_t send_bytes(struct qmp_client *c, const char *bytes, size_t n, int passed)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {(char *)bytes, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    if (!c->is_socket)
        return write_quietly(c->fd, bytes, n);
    if (passed >= 0) {
        m.msg_control = control.buf;
        m.msg_controllen = sizeof(control.buf);
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &passed, sizeof(int));
    }
    return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Show commands to the trace before their first byte leaves; each ends with a newline. */
static void trace_output(struct qmp_client *c, const char *bytes, size_t n)
{
    const char *end;

    while (c->traced < n && (end = memchr(bytes + c->traced, '\n', n - c->traced))) {
        size_t len = (size_t)(end - bytes) - c->traced;

        c->opts.trace(true, bytes + c->traced, len, c->opts.trace_arg);
        c->traced += len + 1;
    }
}

void client_flush(struct qmp_client *c)
{
    const char *bytes;
    size_t n;
    int passed;

    while (c->fd >= 0 && !c->hung_up && (n = session_output(&c->session, &bytes, &passed)) > 0) {
        if (c->opts.trace)
            trace_output(c, bytes, n);
        ssize_t sent = send_bytes(c, bytes, n, passed);
        if (sent >= 0) {
            session_sent(&c->session, (size_t)sent);
            c->traced -= c->opts.trace ? (size_t)sent : 0;
            if (passed >= 0 && sent > 0)
                close(passed);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            wait_writable(c);
            return;
        } else if (means_closed(errno)) {
            c->hung_up = true;
            event_active(c->readable, EV_READ, 0);
        } else if (errno != EINTR) {
            fail_system(c, "send");
        }
    }
}

void qmp_client_send(struct qmp_client *c)
{
    if (!c->inside && !c->broken)
        client_flush(c);
}

/* Can the kernel tell when @fd has bytes? Not for files. libevent would print that. */
static bool may_wait(int fd)
{
    auto_close int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};

    return epoll >= 0 && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

/* Take over @fd, connected, a socket of @domain (AF_UNSPEC: who knows). It is closed also on
 * failure. */
int client_attach(struct qmp_client *c, int fd, int domain, struct qmp_error *err)
{
    socklen_t size = sizeof(domain);

    c->fd = fd;
    c->is_socket = domain || !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    c->is_unix = domain == AF_UNIX;
    if (!c->is_socket && (!may_wait(fd) || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)))
        return qmp_error_set(err, QMP_ERR_CONNECT, "not a socket or a serial line: %s",
                             strerror(errno));
    if (!c->is_unix && c->session.nfds)
        return qmp_error_set(err, QMP_ERR_USAGE, "descriptors need a unix socket");
    c->readable = event_new(c->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    if (!c->readable || event_add(c->readable, NULL))
        return qmp_error_set(err, QMP_ERR_SYSTEM, "wait: %s", strerror(errno));
    return 0;
}

pid_t qmp_client_peer(const struct qmp_client *c)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (!c->is_unix || c->fd < 0 || getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
        return 0;
    return peer.pid;
}

static void drop_event(struct event **e)
{
    if (*e)
        event_free(*e);
    *e = NULL;
}

void client_close(struct qmp_client *c)
{
    int fd;

    attempt_free(c->attempt);
    c->attempt = NULL;
    drop_event(&c->readable);
    drop_event(&c->writable);
    drop_event(&c->patience);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    while ((fd = session_unsent_fd(&c->session)) >= 0)
        close(fd);
}
