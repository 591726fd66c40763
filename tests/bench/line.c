// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * line: see line.h.
 */
#include "tests/bench/line.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(sa.sun_path))
        errx(1, "%s: too long for a socket", path);
    strcpy(sa.sun_path, path);
    return sa;
}

int line_listen(const char *path, int backlog)
{
    struct sockaddr_un sa = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, backlog))
        err(1, "listen on %s", path);
    return fd;
}

void line_open(struct line *l, const char *path)
{
    struct sockaddr_un sa = address(path);

    *l = (struct line){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .size = 65536};
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&sa, sizeof(sa)))
        err(1, "connect to %s", path);
    l->buf = malloc(l->size);
    if (!l->buf)
        err(1, "memory");
}

void line_close(struct line *l)
{
    close(l->fd);
    free(l->buf);
}

void line_send(struct line *l, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(l->fd, text, len, MSG_NOSIGNAL);

        if (n < 0)
            err(1, "send");
        text += n;
        len -= n;
    }
}

/* Read more behind what is there, moving and growing the buffer as needed. */
static void fill(struct line *l)
{
    ssize_t n;

    if (l->at > 0) {
        l->len -= l->at;
        memmove(l->buf, l->buf + l->at, l->len);
        l->at = 0;
    }
    if (l->len == l->size) {
        l->size *= 2;
        l->buf = realloc(l->buf, l->size);
        if (!l->buf)
            err(1, "memory");
    }
    n = read(l->fd, l->buf + l->len, l->size - l->len);
    if (n < 0)
        err(1, "read");
    if (n == 0)
        errx(1, "the monitor hung up");
    l->len += n;
}

char *line_read(struct line *l)
{
    size_t seen = 0;
    char *start, *end;

    while (!(end = memchr(l->buf + l->at + seen, '\n', l->len - l->at - seen))) {
        seen = l->len - l->at;
        fill(l);
    }
    start = l->buf + l->at;
    *end = '\0';
    l->at = end + 1 - l->buf;
    return start;
}

void line_await(struct line *l, const char *text)
{
    const char *got;

    while (!strstr(got = line_read(l), text))
        if (strstr(got, "\"error\": {"))
            errx(1, "waiting for %s: %s", text, got);
}

void line_negotiate(struct line *l)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}";

    line_await(l, "\"QMP\"");
    line_send(l, hello, strlen(hello));
    line_await(l, "\"return\"");
}

double line_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

void line_note(const char *file, const char *label, double ms, long kib, double stall)
{
    FILE *f = fopen(file, "a");

    if (!f || fprintf(f, "%s %.4f %ld %.4f\n", label, ms, kib, stall) < 0 || fclose(f))
        err(1, "%s", file);
}
