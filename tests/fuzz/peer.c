/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer: see peer.h. */
#include "tests/fuzz/peer.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/fuzz/fuzz.h"

/* What has the lowest urgency runs when nothing else can; by default all is in the middle. */
enum { URGENCIES = 3, LEAST = 2 };

struct peer {
    int client, fd; /* both ends; fd -1: hung up */
    const uint8_t *bytes, *end;
    struct event *idle;
    char number[24];
    char address[16];
};

struct event_base *peer_loop(void)
{
    struct event_base *base = event_base_new();

    fuzz_must(base && !event_base_priority_init(base, URGENCIES));
    return base;
}

/* Read what the client said, for the last number in it. */
static void listen_to(struct peer *p)
{
    char said[4096];
    ssize_t n;

    while ((n = recv(p->fd, said, sizeof(said), MSG_DONTWAIT)) > 0)
        for (ssize_t i = 0, from = -1; i < n; i++) {
            bool digit = said[i] >= '0' && said[i] <= '9';

            if (digit && from < 0)
                from = i;
            if (!digit && from >= 0) {
                snprintf(p->number, sizeof(p->number), "%.*s", (int)(i - from), said + from);
                from = -1;
            }
        }
}

static void say(struct peer *p, const uint8_t *line, size_t n)
{
    while (n) {
        const uint8_t *mark = memchr(line, 2, n);
        size_t part = mark ? (size_t)(mark - line) : n;

        /* what does not fit is lost, as anything may be here */
        send(p->fd, line, part, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (mark)
            send(p->fd, p->number, strlen(p->number), MSG_DONTWAIT | MSG_NOSIGNAL);
        part += mark != NULL;
        line += part;
        n -= part;
    }
}

static void hang_up(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval at_once = {0};
    struct peer *p = arg;
    size_t left = (size_t)(p->end - p->bytes);
    const uint8_t *newline = memchr(p->bytes, '\n', left);
    size_t n = newline ? (size_t)(newline + 1 - p->bytes) : left;

    listen_to(p);
    if (!left) {
        hang_up(p);
        return;
    }
    say(p, p->bytes, n);
    p->bytes += n;
    event_add(p->idle, &at_once);
}

struct peer *peer_new(struct event_base *base, const uint8_t *bytes, size_t n)
{
    static const struct timeval at_once = {0};
    struct peer *p = mem_alloc(sizeof(*p));
    int ends[2];

    fuzz_must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    *p = (struct peer){.client = ends[0], .fd = ends[1], .bytes = bytes, .end = bytes + n};
    snprintf(p->address, sizeof(p->address), "fd:%d", p->client);
    p->idle = evtimer_new(base, on_idle, p);
    fuzz_must(p->idle && !event_priority_set(p->idle, LEAST) && !event_add(p->idle, &at_once));
    return p;
}

void peer_free(struct peer *p)
{
    event_free(p->idle);
    hang_up(p);
    close(p->client);
    free(p);
}

const char *peer_address(const struct peer *p)
{
    return p->address;
}
