// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spawn: run one command and append one line of figures to a file.
 *
 *   spawn [-w SOCKET] FILE LABEL COMMAND [ARGS…]
 *
 *   LABEL  wall-clock ms from fork to death  peak KiB of memory  longest stall ms
 *
 * With -w a second monitor of the machine is asked query-status in a tight loop from
 * before the command begins until after it has ended; the longest that an answer took
 * is how long QEMU's main loop did nothing else. Without, that figure is 0.
 *
 * What the command prints goes nowhere, what it complains about to our stderr. Its
 * exit status becomes ours, and the line is written only when it is 0.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/line.h"

enum { WARM_UP = 100, COOL_DOWN = 20 }; /* questions before and after the command */

static pid_t start(char **argv)
{
    pid_t pid = fork();

    if (pid < 0)
        err(1, "fork");
    if (pid > 0)
        return pid;
    if (dup2(open("/dev/null", O_WRONLY), 1) < 0)
        err(1, "/dev/null");
    execvp(argv[0], argv);
    err(127, "%s", argv[0]);
}

/* Milliseconds that one question took. */
static double ask(struct line *probe)
{
    static const char question[] = "{\"execute\":\"query-status\"}";
    double begin = line_now();

    line_send(probe, question, strlen(question));
    line_await(probe, "\"return\"");
    return line_now() - begin;
}

/* Ask until @pid has ended, and a little longer. Returns the longest answer. */
static double watch(struct line *probe, pid_t pid, int *status, struct rusage *usage)
{
    double longest = 0;
    int left = COOL_DOWN;
    pid_t ended = 0;

    while (left > 0) {
        double took = ask(probe);

        if (took > longest)
            longest = took;
        if (!ended && (ended = wait4(pid, status, WNOHANG, usage)) < 0)
            err(1, "wait");
        left -= ended != 0;
    }
    return longest;
}

static void note(const char *file, const char *label, double ms, long kib, double stall)
{
    FILE *f = fopen(file, "a");

    if (!f || fprintf(f, "%s %.4f %ld %.4f\n", label, ms, kib, stall) < 0 || fclose(f))
        err(1, "%s", file);
}

int main(int argc, char **argv)
{
    struct line probe;
    struct rusage usage;
    const char *socket = NULL;
    double begin, end, stall = 0;
    int status;
    pid_t pid;

    if (argc > 2 && !strcmp(argv[1], "-w")) {
        socket = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 4)
        errx(2, "usage: spawn [-w SOCKET] FILE LABEL COMMAND [ARGS...]");

    if (socket) {
        line_open(&probe, socket);
        line_negotiate(&probe);
        for (int i = 0; i < WARM_UP; i++)
            ask(&probe);
    }
    begin = line_now();
    pid = start(argv + 3);
    if (socket)
        stall = watch(&probe, pid, &status, &usage);
    else if (wait4(pid, &status, 0, &usage) < 0)
        err(1, "wait");
    end = line_now();
    if (socket)
        line_close(&probe);

    if (!WIFEXITED(status) || WEXITSTATUS(status))
        errx(1, "%s failed (status %d)", argv[3], WEXITSTATUS(status));
    note(argv[1], argv[2], end - begin, usage.ru_maxrss, stall);
    return 0;
}
