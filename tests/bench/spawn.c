// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spawn: run one command and append one line of figures to a file.
 *
 *   spawn [-w SOCKET | -p SOCKET] FILE LABEL COMMAND [ARGS…]
 *
 *   LABEL  wall-clock ms from fork to death  peak KiB of memory  stall or pause in ms
 *
 * With -w a second monitor of the machine is asked query-status in a tight loop from
 * before the command begins until after it has ended; the longest that an answer took
 * is how long QEMU's main loop did nothing else. With -p a second monitor tells how long
 * the guest stood still, from STOP to RESUME. Without, that figure is 0.
 *
 * What the command prints goes nowhere, what it complains about to our stderr. Its
 * exit status becomes ours, and the line is written only when it is 0.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
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

/* When the event in @line happened, in milliseconds. */
static double stamp(const char *line)
{
    const char *s = strstr(line, "\"seconds\": "), *us = strstr(line, "\"microseconds\": ");

    if (!s || !us)
        errx(1, "an event without its time: %s", line);
    return atof(s + 11) * 1e3 + atof(us + 16) / 1e3;
}

/* How long the machine stood still, by the events that came since the last question. */
static double paused(struct line *probe)
{
    static const char question[] = "{\"execute\":\"query-status\"}";
    double sum = 0, since = 0;
    const char *got;

    line_send(probe, question, strlen(question));
    while (!strstr(got = line_read(probe), "\"return\"")) {
        if (strstr(got, "\"event\": \"STOP\""))
            since = stamp(got);
        else if (strstr(got, "\"event\": \"RESUME\"") && since)
            sum += stamp(got) - since;
    }
    return sum;
}

int main(int argc, char **argv)
{
    struct line probe;
    struct rusage usage;
    const char *socket = NULL;
    double begin, end, figure = 0;
    bool stall = false;
    int status;
    pid_t pid;

    if (argc > 2 && (!strcmp(argv[1], "-w") || !strcmp(argv[1], "-p"))) {
        stall = argv[1][1] == 'w';
        socket = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 4)
        errx(2, "usage: spawn [-w SOCKET | -p SOCKET] FILE LABEL COMMAND [ARGS...]");

    if (socket) {
        line_open(&probe, socket);
        line_negotiate(&probe);
        for (int i = 0; stall && i < WARM_UP; i++)
            ask(&probe);
    }
    begin = line_now();
    pid = start(argv + 3);
    if (stall)
        figure = watch(&probe, pid, &status, &usage);
    else if (wait4(pid, &status, 0, &usage) < 0)
        err(1, "wait");
    end = line_now();
    if (socket && !stall)
        figure = paused(&probe);
    if (socket)
        line_close(&probe);

    if (!WIFEXITED(status) || WEXITSTATUS(status))
        errx(1, "%s failed (status %d)", argv[3], WEXITSTATUS(status));
    line_note(argv[1], argv[2], end - begin, usage.ru_maxrss, figure);
    return 0;
}
