/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-out: the half of session.h that makes and hands out bytes for the peer. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "qmp/session-private.h"

/* More than this is given back when it has been sent. */
#define KEEP_SIZE ((size_t)1024)

static unsigned take_slot(struct session *s, enum slot_use use, void *call)
{
    unsigned id = s->free_slot;

    if (id == SLOT_NONE) {
        unsigned n = s->nslots ? s->nslots * 2 : 4;

        s->slots = mem_grow(s->slots, n, sizeof(*s->slots));
        for (unsigned i = n; i-- > s->nslots;) {
            s->slots[i] = (struct session_slot){.next_free = s->free_slot};
            s->free_slot = i;
        }
        id = s->nslots;
        s->nslots = n;
    }
    s->free_slot = s->slots[id].next_free;
    s->slots[id] = (struct session_slot){.call = call, .use = use};
    s->slots[id].negotiation = s->greetings ? s->greetings : 1;
    return id;
}

void session_release(struct session *s, struct session_slot *slot)
{
    *slot = (struct session_slot){.next_free = s->free_slot};
    s->free_slot = (unsigned)(slot - s->slots);
}

void session_forget(struct session *s, int id)
{
    s->slots[id].use = SLOT_FORGOTTEN;
}

static int append(const char *bytes, size_t n, void *arg)
{
    struct session *s = arg;

    if (s->out_size - s->out_end < n) {
        while (s->out_size - s->out_end < n)
            s->out_size = s->out_size ? s->out_size * 2 : KEEP_SIZE / 4;
        s->out = mem_grow(s->out, s->out_size, 1);
    }
    memcpy(s->out + s->out_end, bytes, n);
    s->out_end += n;
    return 0;
}

/* Compact, and no empty arguments: every byte costs QEMU 3.5 microseconds. */
static int encode(struct session *s, const char *verb, const char *name, json_t *args, unsigned id)
{
    json_auto_t *m = json_object();
    size_t before = s->out_end;

    if (json_object_set_new(m, verb, json_string(name)) ||
        (json_object_size(args) && json_object_set(m, "arguments", args)) ||
        json_object_set_new(m, "id", json_integer(id)) ||
        json_dump_callback(m, append, s, JSON_COMPACT)) {
        s->out_end = before;
        return -1;
    }
    return append("\n", 1, s);
}

/* Sent bytes at the front make room, so that a slow peer does not let the buffer grow for ever. */
static void compact(struct session *s)
{
    size_t gone = s->out_start;

    if (!gone || gone < s->out_size / 2)
        return;
    memmove(s->out, s->out + gone, s->out_end - gone);
    s->out_start = 0;
    s->out_end -= gone;
    for (size_t i = 0; i < s->nfds; i++) {
        s->fds[i].start -= gone;
        s->fds[i].end -= gone;
    }
}

int session_call(struct session *s, const char *name, json_t *args, bool oob, int fd, void *call,
                 struct qmp_error *err)
{
    if (args && !json_is_object(args))
        return qmp_error_set(err, QMP_ERR_USAGE, "the arguments are not a JSON object");
    if (oob && !(s->state == SESSION_READY && s->oob))
        return qmp_error_set(err, QMP_ERR_USAGE, "out-of-band execution was not negotiated");

    compact(s);
    size_t start = s->out_end;
    unsigned id = take_slot(s, SLOT_CALL, call);
    if (encode(s, oob ? "exec-oob" : "execute", name, args, id)) {
        session_release(s, &s->slots[id]);
        return qmp_error_set(err, QMP_ERR_USAGE, "the command cannot be written as JSON");
    }
    if (fd >= 0) {
        s->fds = mem_grow(s->fds, s->nfds + 1, sizeof(*s->fds));
        s->fds[s->nfds++] = (struct session_fd){start, s->out_end, fd};
    }
    return (int)id;
}

/* Bytes [start, middle) and [middle, end) change places. */
static void swap_parts(char *start, size_t first, size_t second)
{
    auto_free char *copy = mem_alloc(second);

    memcpy(copy, start + first, second);
    memmove(start + second, start, first);
    memcpy(start, copy, second);
}

void session_negotiate(struct session *s)
{
    json_auto_t *args = json_object();
    size_t waiting = s->greetings > 1 ? 0 : s->out_end - s->out_start;
    size_t before = s->out_end;

    if (s->oob)
        json_object_set_new(args, "enable", json_pack("[s]", "oob"));
    encode(s, "execute", "qmp_capabilities", args, take_slot(s, SLOT_NEGOTIATION, NULL));
    if (waiting) {
        size_t n = s->out_end - before;

        swap_parts(s->out + s->out_start, waiting, n);
        for (size_t i = 0; i < s->nfds; i++) {
            s->fds[i].start += n;
            s->fds[i].end += n;
        }
    }
}

size_t session_output(struct session *s, const char **bytes, int *fd)
{
    size_t end = s->out_end;

    *fd = -1;
    *bytes = s->out ? s->out + s->out_start : NULL;
    if (s->state == SESSION_GREETING)
        return 0;
    if (s->nfds && s->fds[0].start > s->out_start) {
        end = s->fds[0].start;
    } else if (s->nfds) {
        end = s->fds[0].end;
        *fd = s->fds[0].fd;
    }
    return end - s->out_start;
}

int session_unsent_fd(struct session *s)
{
    if (!s->nfds)
        return -1;
    int fd = s->fds[0].fd;
    memmove(s->fds, s->fds + 1, --s->nfds * sizeof(*s->fds));
    return fd;
}

void session_sent(struct session *s, size_t n)
{
    if (n && s->nfds && s->fds[0].start == s->out_start)
        session_unsent_fd(s);
    s->out_start += n;
    s->sent += n;
    if (s->out_start < s->out_end)
        return;
    s->out_start = s->out_end = 0;
    if (s->out_size > KEEP_SIZE) {
        free(s->out);
        s->out = NULL;
        s->out_size = 0;
    }
}
