/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol machine: bytes of a peer, and between them what a client does:
 *
 *     0x01 call    0x02 call with a descriptor    0x03 forget the oldest call
 *     0x04 the peer takes half of the output      0x05 the peer takes all
 *
 * Each call is answered once at most, never after it was forgotten; descriptors leave in
 * order; what leaves is one JSON object a line, whatever was sent before the greeting.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "qmp/session.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_CALLS = 64, FIRST_FD = 1000 };

struct call {
    int id;
    bool over; /* answered or forgotten */
};

struct client {
    struct session s;
    struct call calls[MAX_CALLS];
    size_t ncalls, oldest;
    int fds, fds_sent;
    struct reader sent; /* what left, read as QEMU would */
    bool broken;
};

static void call(struct client *c, bool with_fd)
{
    struct call *call = &c->calls[c->ncalls];
    json_auto_t *args = c->ncalls % 2 ? json_pack("{s:i}", "n", (int)c->ncalls) : NULL;

    if (c->ncalls == MAX_CALLS)
        return;
    call->id = session_call(&c->s, "query-status", args, false, with_fd ? FIRST_FD + c->fds++ : -1,
                            call, NULL);
    fuzz_must(call->id >= 0);
    c->ncalls++;
}

static void forget(struct client *c)
{
    while (c->oldest < c->ncalls && c->calls[c->oldest].over)
        c->oldest++;
    if (c->oldest == c->ncalls)
        return;
    session_forget(&c->s, c->calls[c->oldest].id);
    c->calls[c->oldest].over = true;
}

static void take_output(struct client *c, bool all)
{
    struct reader_message m;
    const char *bytes;
    size_t n;
    int fd;

    while ((n = session_output(&c->s, &bytes, &fd)) > 0) {
        size_t part = all || n == 1 ? n : n / 2;

        fuzz_must(c->s.state != SESSION_GREETING);
        fuzz_must(fd == -1 || fd == FIRST_FD + c->fds_sent++);
        reader_feed(&c->sent, bytes, part);
        session_sent(&c->s, part);
        if (!all)
            break;
    }
    int rc;
    while ((rc = reader_next(&c->sent, &m, NULL)) > 0) {
        fuzz_must(json_is_string(json_object_get(m.json, "execute")));
        fuzz_must(json_is_integer(json_object_get(m.json, "id")));
        json_decref(m.json);
    }
    fuzz_must(rc == 0);
}

static void hear(struct client *c)
{
    struct session_item item;
    struct qmp_error err;
    int rc;

    while ((rc = session_next(&c->s, &item, &err)) > 0) {
        if (item.kind == SESSION_ITEM_REPLY) {
            struct call *answered = item.call;

            fuzz_must(answered >= c->calls && answered < c->calls + c->ncalls);
            fuzz_must(!answered->over && (item.ret || item.error));
            answered->over = true;
            if (item.error)
                session_error(item.error, &err);
        } else if (item.kind == SESSION_ITEM_EVENT) {
            fuzz_must(item.name && strlen(item.name) <= item.len);
        }
        json_decref(item.message);
    }
    if (rc < 0) {
        fuzz_must(err.kind != QMP_ERR_NONE && err.desc[0]);
        c->broken = true;
    }
}

static void feed(struct client *c, const uint8_t *bytes, size_t n)
{
    while (n && !c->broken) {
        size_t size;
        char *room = session_room(&c->s, &size);
        size_t part = n < size ? n : size;

        memcpy(room, bytes, part);
        session_filled(&c->s, part);
        hear(c);
        bytes += part;
        n -= part;
    }
}

void fuzz_session(const uint8_t *bytes, size_t n)
{
    struct client *c = mem_alloc(sizeof(*c));
    size_t at = 0;

    session_init(&c->s, 0, 0, true);
    reader_init(&c->sent, 0, 0);
    while (at < n && !c->broken) {
        size_t end = at;

        while (end < n && (bytes[end] < 1 || bytes[end] > 5))
            end++;
        feed(c, bytes + at, end - at);
        if (end < n && bytes[end] <= 2)
            call(c, bytes[end] == 2);
        else if (end < n && bytes[end] == 3)
            forget(c);
        else if (end < n)
            take_output(c, bytes[end] == 5);
        at = end + 1;
    }
    while (session_unsent_fd(&c->s) >= 0)
        c->fds_sent++;
    fuzz_must(c->fds_sent == c->fds);
    session_done(&c->s);
    reader_done(&c->sent);
    free(c);
}
