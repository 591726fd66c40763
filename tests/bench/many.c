// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * many: connect to many monitors from one loop, negotiate with each and ask each
 * one question, through the library.
 *
 *   many SOCKET N         prints "qrewind MICROSECONDS-EACH PEAK-KIB 0"
 */
#include <err.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "qmp/client.h"
#include "tests/bench/line.h"

enum { DEADLINE = 10000 /* ms */ };

static long answered;

static void on_ready(struct qmp_client *c, const struct qmp_error *error, void *arg)
{
    if (error)
        errx(1, "connect: %s", error->desc);
}

static void on_status(struct qmp_client *c, json_t *ret, const struct qmp_error *error, void *arg)
{
    const long *n = arg;

    if (error)
        errx(1, "query-status: %s", error->desc);
    if (++answered == *n)
        event_base_loopbreak(qmp_client_base(c));
}

int main(int argc, char **argv)
{
    long n = argc == 3 ? atol(argv[2]) : 0;
    struct event_base *base = event_base_new();
    struct qmp_client **clients = calloc(n, sizeof(*clients));
    struct qmp_error error;
    struct rlimit files;
    struct rusage usage;
    double begin, end;

    if (n < 1)
        errx(2, "usage: many SOCKET N");
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    begin = line_now();
    for (long i = 0; i < n; i++) {
        clients[i] = qmp_client_new(base, NULL);
        if (qmp_client_connect(clients[i], argv[1], DEADLINE, on_ready, NULL, &error))
            errx(1, "connect: %s", error.desc);
        qmp_client_call(clients[i], "query-status", NULL, DEADLINE, on_status, &n);
    }
    event_base_dispatch(base);
    end = line_now();
    getrusage(RUSAGE_SELF, &usage);
    printf("qrewind %.4f %ld 0\n", (end - begin) * 1000 / n, usage.ru_maxrss);

    for (long i = 0; i < n; i++)
        qmp_client_free(clients[i]);
    free(clients);
    event_base_free(base);
    return 0;
}
