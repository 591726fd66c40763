/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-connect: from an address to a connected socket, under one deadline.
 *
 *     unix: connect ── EAGAIN, ECONNREFUSED ──> wait, again ── ok ──> attached
 *     tcp:  next address ── in progress ──> writable ── failed ──> next address
 *     fd:   duplicated, attached
 *
 * The attempt lives until the session is ready, because its deadline covers the
 * greeting and the negotiation as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/address.h"
#include "qmp/client-private.h"
#include "qmp/mem.h"

#define FIRST_WAIT_MS 1
#define LONGEST_WAIT_MS 50

struct attempt {
    struct qmp_client *client;
    struct address address;
    char *text;             /* the address as a person knows it */
    struct event *deadline; /* NULL: none */
    struct event *retry;    /* unix: the pause before the next try */
    struct event *writable; /* tcp: connect in progress */
    int fd;                 /* tcp: the same */
    int wait_ms;
    int last_errno; /* why the last try failed */
    struct addrinfo *found, *next;
};

static void try_next_host(struct attempt *a);

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

static int hint_busy(struct qmp_error *err)
{
    return qmp_error_hint(err, "a monitor serves one client at a time, another client probably "
                               "holds it; a second monitor is added by "
                               "-qmp unix:/other.sock,server=on,wait=off");
}

static void attach(struct attempt *a, int fd)
{
    struct qmp_client *c = a->client;
    struct qmp_error err;

    if (!client_attach(c, fd, &err))
        return;
    qmp_error_wrap(&err, "%s", a->text);
    client_fail(c, &err);
}

/* ---- unix ---- */

static socklen_t unix_name(const struct address *a, struct sockaddr_un *un)
{
    size_t len = strlen(a->path);

    *un = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(un->sun_path + a->abstract, a->path, len);
    if (a->abstract && a->loose)
        return sizeof(*un);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
}

static void explain_unix(struct attempt *a, int error, struct qmp_error *err)
{
    const char *path = a->address.path;
    struct stat st = {0};
    bool there = !a->address.abstract && !stat(path, &st);

    if (there && !S_ISSOCK(st.st_mode)) {
        qmp_error_set(err, QMP_ERR_CONNECT, "%s is not a socket", a->text);
        return;
    }
    if (error == ENOENT) {
        qmp_error_set(err, QMP_ERR_CONNECT, "no socket at %s", a->text);
        return;
    }
    if (error == EPROTOTYPE) {
        qmp_error_set(err, QMP_ERR_CONNECT, "%s is not a stream socket", a->text);
        return;
    }
    qmp_error_set(err, QMP_ERR_CONNECT, "%s: %s", a->text, strerror(error));
    if (error == EACCES && there)
        qmp_error_hint(err, "the socket belongs to uid %u, gid %u, mode %04o; you are uid %u",
                       (unsigned)st.st_uid, (unsigned)st.st_gid, (unsigned)st.st_mode & 07777,
                       (unsigned)geteuid());
    else if (error == EACCES)
        qmp_error_hint(err, "a folder on the way to the socket may not be entered");
}

/* The socket is there, only nobody takes us in right now: QEMU begins, or is busy. */
static bool may_pass(struct attempt *a, int error)
{
    struct stat st;

    if (error == EAGAIN || error == EINTR)
        return true;
    return error == ECONNREFUSED && !a->address.abstract && !stat(a->address.path, &st) &&
           S_ISSOCK(st.st_mode);
}

static void try_unix(struct attempt *a);

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    try_unix(arg);
}

static void wait_and_retry(struct attempt *a, int error)
{
    a->last_errno = error;
    if (a->retry)
        client_arm(a->retry, a->wait_ms);
    else
        a->retry = client_timer(a->client, a->wait_ms, on_retry, a);
    a->wait_ms = a->wait_ms * 2 < LONGEST_WAIT_MS ? a->wait_ms * 2 : LONGEST_WAIT_MS;
}

static void try_unix(struct attempt *a)
{
    struct sockaddr_un un;
    socklen_t size = unix_name(&a->address, &un);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct qmp_error err;

    if (fd < 0) {
        qmp_error_set(&err, QMP_ERR_SYSTEM, "socket: %s", strerror(errno));
        client_fail(a->client, &err);
    } else if (!connect(fd, (struct sockaddr *)&un, size)) {
        a->last_errno = 0;
        attach(a, fd);
    } else {
        int error = errno;

        close(fd);
        if (may_pass(a, error)) {
            wait_and_retry(a, error);
        } else {
            explain_unix(a, error, &err);
            client_fail(a->client, &err);
        }
    }
}

static void start_unix(struct attempt *a)
{
    a->wait_ms = FIRST_WAIT_MS;
    try_unix(a);
}

/* ---- tcp ---- */

static void connected(struct attempt *a, int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    a->last_errno = 0;
    attach(a, fd);
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
        if (try_host(a, host))
            return;
    }
    qmp_error_set(&err, QMP_ERR_CONNECT, "%s: %s", a->text, strerror(a->last_errno));
    client_fail(a->client, &err);
}

static void start_tcp(struct attempt *a)
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
        client_fail(a->client, &err);
        return;
    }
    a->next = a->found;
    try_next_host(a);
}

/* ---- fd ---- */

static void start_fd(struct attempt *a)
{
    int fd = fcntl(a->address.fd, F_DUPFD_CLOEXEC, 0);
    struct qmp_error err;

    if (fd >= 0) {
        attach(a, fd);
        return;
    }
    qmp_error_set(&err, QMP_ERR_CONNECT, "%s: %s", a->text, strerror(errno));
    client_fail(a->client, &err);
}

/* ---- all of them ---- */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct attempt *a = arg;
    struct qmp_client *c = a->client;
    struct qmp_error err;

    if (c->fd >= 0 && !c->session.greeting) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s accepted the connection but does not answer",
                      a->text);
        hint_busy(&err);
    } else if (c->fd >= 0) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s greeted, but does not answer qmp_capabilities",
                      a->text);
    } else if (a->last_errno == EAGAIN) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s has others waiting in line already", a->text);
        hint_busy(&err);
    } else if (a->last_errno == ECONNREFUSED) {
        qmp_error_set(&err, QMP_ERR_CONNECT, "nobody listens on %s", a->text);
        qmp_error_hint(&err, "the socket is probably left over from a QEMU that has ended");
    } else {
        qmp_error_set(&err, QMP_ERR_CONNECT, "%s: no answer", a->text);
    }
    client_fail(c, &err);
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
        [ADDRESS_UNIX] = start_unix,
        [ADDRESS_TCP] = start_tcp,
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
