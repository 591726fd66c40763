/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attempt-unix: connect to a unix socket, again and again while that makes sense. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/attempt.h"

#define FIRST_WAIT_MS 1
#define LONGEST_WAIT_MS 50

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
        attempt_fail(a, &err);
    } else if (!connect(fd, (struct sockaddr *)&un, size)) {
        attempt_connected(a, fd, AF_UNIX);
    } else {
        int error = errno;

        close(fd);
        if (may_pass(a, error)) {
            wait_and_retry(a, error);
        } else {
            explain_unix(a, error, &err);
            attempt_fail(a, &err);
        }
    }
}

void attempt_unix(struct attempt *a)
{
    a->wait_ms = FIRST_WAIT_MS;
    try_unix(a);
}
