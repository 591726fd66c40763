/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relay: see relay.h. It is a process of its own; what it was killed at comes by a pipe. */
#include "tests/cases/relay.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"

enum { MOST = 1 << 20 };

/* What came from one side: whole lines are taken off. */
struct lines {
    int fd;
    size_t len;
    char text[MOST];
};

static struct lines program, qemu;

static int make_socket(const char *path, bool server)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
    if (server ? bind(s, (struct sockaddr *)&sa, sizeof(sa)) || listen(s, 1)
               : connect(s, (struct sockaddr *)&sa, sizeof(sa)))
        lab_fail("%s: %m", path);
    return s;
}

static bool receive(struct lines *l)
{
    ssize_t n = read(l->fd, l->text + l->len, MOST - l->len);

    l->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* Take the first line into @line; false: there is none. */
static bool take(struct lines *l, char *line)
{
    char *end = memchr(l->text, '\n', l->len);
    size_t n = end ? (size_t)(end + 1 - l->text) : 0;

    memcpy(line, l->text, n);
    line[n] = '\0';
    l->len -= n;
    memmove(l->text, l->text + n, l->len);
    return end;
}

static void forward(int fd, const char *line)
{
    if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
        _exit(1);
}

/* Wait for one answer, which nobody gets. */
static void swallow_answer(void)
{
    static char line[MOST + 1];

    for (;;) {
        while (take(&qemu, line))
            if (!strncmp(line, "{\"return\"", 9) || !strncmp(line, "{\"error\"", 8) ||
                strstr(line, "\"id\": "))
                return;
        if (!receive(&qemu))
            return;
    }
}

static void strike(int pipe, const char *line)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(program.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
        _exit(1);
    forward(pipe, line); /* first: once that has died we are ended, too */
    kill(peer.pid, SIGKILL);
    _exit(0);
}

/* Answers that are on their way come before the one that is swallowed. */
static void serve(enum relay_mode mode, int at, int pipe)
{
    static char line[MOST + 1];
    struct pollfd p[] = {{.fd = program.fd, .events = POLLIN}, {.fd = qemu.fd, .events = POLLIN}};
    int sent = 0, answered = 0;

    while (poll(p, 2, -1) > 0) {
        if (p[1].revents && !receive(&qemu))
            return;
        while (take(&qemu, line)) {
            answered += strstr(line, "\"id\": ") && !strstr(line, "\"event\"");
            forward(program.fd, line);
        }
        if (p[0].revents && !receive(&program))
            return;
        while (sent < at - 1 && take(&program, line)) {
            forward(qemu.fd, line);
            sent++;
        }
        if (sent == at - 1 && answered == sent && take(&program, line)) {
            if (mode == RELAY_AFTER) {
                forward(qemu.fd, line);
                swallow_answer();
            }
            strike(pipe, line);
        }
    }
}

int relay_run(struct lab *lab, enum relay_mode mode, int at, char *last, const char *const *words)
{
    auto_free char *path = lab_path(lab, "relay.sock"), *cwd = lab_path(lab, "client");
    int listening = make_socket(path, true), ends[2];
    const char *argv[64] = {"qrewind", "--socket", path, "--json"};
    pid_t pid;

    if (pipe(ends))
        lab_fail("pipe: %m");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        program.fd = accept(listening, NULL, NULL);
        qemu.fd = make_socket(lab->socket, false);
        serve(mode, at, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    close(listening);
    for (int n = 4; (argv[n] = *words); n++)
        words++;
    auto_result struct lab_result r = lab_exec(cwd, argv);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    ssize_t n = read(ends[0], last, 4095);
    last[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    unlink(path);
    return r.status;
}
