/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine: QEMU as the offline engine, with somebody in between who kills at one command.
 *
 *     QREWIND_QEMU=…/engine ENGINE_AT=3 ENGINE_ANSWERED=1 ENGINE_CLIENT=1 qrewind -i …
 *
 * The commands that pass are counted, not the questions. At number ENGINE_AT, instead of passing
 * it on, or (ENGINE_ANSWERED) when QEMU has answered it, QEMU dies by SIGKILL, and (ENGINE_CLIENT)
 * qrewind. With ENGINE_SIGNAL=2 none dies: at line ENGINE_AT of whatever kind qrewind gets that
 * signal, and all goes on. Where it never comes so far, all works as without us.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pid_t client, qemu;
static int at, counted, only_signal;
static bool answered, armed;

static _Noreturn void strike(void)
{
    if (getenv("ENGINE_CLIENT"))
        kill(client, SIGKILL);
    kill(qemu, SIGKILL);
    _exit(1);
}

static bool is_question(const char *line)
{
    return strstr(line, "\"query-") || strstr(line, "\"qmp_capabilities\"") ||
           strstr(line, "\"qom-");
}

static void pass(int to, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(to, bytes, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(0);
        bytes += done;
        n -= (size_t)done;
    }
}

/* What was read from @from and is not yet a whole line. */
struct side {
    int from, to;
    bool client;
    char buf[1 << 20];
    size_t n;
};

static void take_line(struct side *s, const char *line, size_t n)
{
    if (s->client && (only_signal || !is_question(line)) && ++counted == at) {
        if (only_signal)
            kill(client, only_signal);
        else if (!answered)
            strike();
        armed = answered;
    }
    if (!s->client && armed && (strstr(line, "\"return\"") || strstr(line, "\"error\"")))
        strike();
    pass(s->to, line, n);
}

/* One read; whole lines are passed on. False at the end. */
static bool take(struct side *s)
{
    ssize_t n = read(s->from, s->buf + s->n, sizeof(s->buf) - s->n - 1);
    char *end;

    if (n <= 0)
        return n < 0 && errno == EINTR;
    s->n += (size_t)n;
    s->buf[s->n] = '\0';
    while ((end = memchr(s->buf, '\n', s->n))) {
        char line[sizeof(s->buf)];
        size_t len = (size_t)(end - s->buf) + 1;

        memcpy(line, s->buf, len);
        line[len] = '\0';
        take_line(s, line, len);
        s->n -= len;
        memmove(s->buf, end + 1, s->n);
    }
    return true;
}

static int monitor_of(char **argv)
{
    for (; *argv; argv++)
        if (!strncmp(*argv, "socket,id=qmp,fd=", 17))
            return atoi(*argv + 17);
    _exit(2);
}

int main(int argc, char **argv)
{
    int monitor = monitor_of(argv), ends[2], outside = dup(monitor);

    at = getenv("ENGINE_AT") ? atoi(getenv("ENGINE_AT")) : 0;
    answered = getenv("ENGINE_ANSWERED") != NULL;
    only_signal = getenv("ENGINE_SIGNAL") ? atoi(getenv("ENGINE_SIGNAL")) : 0;
    client = getppid();
    qemu = getpid();
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    /* it is the one that qrewind has started */
    if (fork()) {
        dup2(ends[1], monitor);
        close(outside);
        execvp("qemu-system-x86_64", argv);
        _exit(127);
    }
    close(ends[1]);
    close(monitor);

    static struct side sides[2];
    struct pollfd p[2] = {{.fd = outside, .events = POLLIN}, {.fd = ends[0], .events = POLLIN}};
    sides[0] = (struct side){.from = outside, .to = ends[0], .client = true};
    sides[1] = (struct side){.from = ends[0], .to = outside};
    for (bool more = true; more;) {
        if (poll(p, 2, -1) < 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (p[i].revents)
                more &= take(&sides[i]);
    }
    return 0;
}
