// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server: a thousand monitors in one process, all behind one socket. Every
 * connection is greeted, and every command answered at once with what
 * query-status answers, under the id it came with.
 *
 *   server SOCKET         serves until it is killed; the socket exists when it listens
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/line.h"

enum { BACKLOG = 4096, ROUND = 256, REPLY = 256 };

static const char greeting[] =
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": "
    "\"Debian 1:7.2+dfsg-7+deb12u18\"}, \"capabilities\": [\"oob\"]}}\r\n";
static const char answer[] =
    "{\"return\": {\"status\": \"running\", \"singlestep\": false, \"running\": true}";

/* The end of the first whole object at @p, or NULL. Commands here hold no braces in strings. */
static char *object_end(char *p, const char *end)
{
    for (int depth = 0; p < end; p++) {
        depth += *p == '{';
        if (*p == '}' && --depth == 0)
            return p + 1;
    }
    return NULL;
}

/* Add to @out the answer to the command between @p and @end. Returns its length. */
static int reply(char *out, char *p, const char *end)
{
    char *id = memmem(p, end - p, "\"id\":", 5);

    if (!id)
        return snprintf(out, REPLY, "%s}\r\n", answer);
    id += 5;
    return snprintf(out, REPLY, "%s, \"id\": %.*s}\r\n", answer, (int)strcspn(id, ",}"), id);
}

/* Answer what came. Commands are written whole by this bench's client. */
static void serve(int fd)
{
    char in[4096], out[16 * REPLY], *end;
    ssize_t n = read(fd, in, sizeof(in) - 1);
    size_t len = 0;

    if (n <= 0) {
        close(fd);
        return;
    }
    in[n] = '\0';
    for (char *p = in; (end = object_end(p, in + n)) && len + REPLY <= sizeof(out); p = end)
        len += reply(out + len, p, end);
    if (len && send(fd, out, len, MSG_NOSIGNAL) < 0)
        close(fd);
}

static void watch(int ep, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
        err(1, "epoll");
}

static void welcome(int ep, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        watch(ep, fd);
        if (send(fd, greeting, strlen(greeting), MSG_NOSIGNAL) < 0)
            close(fd);
    }
}

int main(int argc, char **argv)
{
    struct epoll_event ready[ROUND];
    struct rlimit files;
    int ep = epoll_create1(0), listener;

    if (argc != 2)
        errx(2, "usage: server SOCKET");
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    listener = line_listen(argv[1], BACKLOG);
    if (fcntl(listener, F_SETFL, O_NONBLOCK))
        err(1, "fcntl");
    watch(ep, listener);
    for (;;) {
        int n = epoll_wait(ep, ready, ROUND, -1);

        for (int i = 0; i < n; i++) {
            if (ready[i].data.fd == listener)
                welcome(ep, listener);
            else
                serve(ready[i].data.fd);
        }
    }
}
