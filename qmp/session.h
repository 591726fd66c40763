/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session: the protocol machine of one QMP connection.                   PURE
 *
 *     bytes from the peer ──> session_room/filled ──> session_next ──> items
 *     session_call ──> session_output ──> bytes to the peer ──> session_sent
 *
 *     GREETING ── greeting: send qmp_capabilities ──> NEGOTIATING ── return ──> READY
 *
 * Calls may be made at any time. Nothing is sent before the greeting: a monitor
 * that serves another client would keep our bytes and run them much later. With
 * the greeting everything goes out in one piece, qmp_capabilities first.
 *
 * Ids are small integers and used again once they are answered, because QEMU
 * reads its monitor one byte at a time. The id of a forgotten call (a timeout)
 * stays taken until its late answer has come.
 */
#ifndef QMP_SESSION_H
#define QMP_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "qmp/error.h"
#include "qmp/reader.h"

enum session_state {
    SESSION_GREETING,
    SESSION_NEGOTIATING,
    SESSION_READY,
};

struct session_slot;
struct session_fd;

struct session {
    struct reader reader;
    enum session_state state;
    bool want_oob;
    bool oob;           /* granted */
    unsigned greetings; /* how many came: more than one means that the peer began again */
    json_t *greeting;   /* the latest one's "QMP" object */

    char *out; /* bytes [out_start, out_end) wait for the peer */
    size_t out_start, out_end, out_size;
    struct session_fd *fds; /* descriptors in out, in order */
    size_t nfds;

    struct session_slot *slots; /* by id */
    unsigned nslots, free_slot;

    unsigned long long sent;    /* bytes */
    unsigned long long dropped; /* messages that belong to nothing */
    struct qmp_error *broken;
};

enum session_kind {
    SESSION_ITEM_NOTHING, /* a message that needs nothing done */
    SESSION_ITEM_READY,   /* the negotiation is over */
    SESSION_ITEM_REPLY,
    SESSION_ITEM_EVENT,
};

struct session_item {
    enum session_kind kind;
    json_t *message;  /* whole; the caller's */
    const char *text; /* the same as it came; valid until the next session_room() */
    size_t len;

    void *call;       /* REPLY: what session_call() was given */
    json_t *ret;      /* REPLY: "return", or NULL (borrowed from message) */
    json_t *error;    /* REPLY: "error", or NULL (borrowed) */
    const char *name; /* EVENT: its name (borrowed) */
};

/* 0 stands for the reader's limits. */
void session_init(struct session *s, size_t max_message, unsigned max_depth, bool want_oob);
void session_done(struct session *s);

/*
 * Queue a command. Borrows @args (an object or NULL). @fd (-1: none) travels with
 * it and stays the caller's; @call (not NULL) comes back with the answer.
 * Returns the id, or -1 with QMP_ERR_USAGE.
 */
int session_call(struct session *s, const char *name, json_t *args, bool oob, int fd, void *call,
                 struct qmp_error *err);

/* Nobody waits for the answer to @id any more. */
void session_forget(struct session *s, int id);

/* See reader_room() and reader_filled(). */
char *session_room(struct session *s, size_t *size);
void session_filled(struct session *s, size_t n);

/*
 * Returns 1 with the next item, 0 when more bytes are needed, -1 when the
 * connection is of no use any more (and again the same for ever after).
 */
int session_next(struct session *s, struct session_item *item, struct qmp_error *err);

/*
 * The next bytes for the peer: *@bytes, and the descriptor that must travel with the
 * first of them, or -1. Returns how many, 0 when nothing is to be sent now.
 */
size_t session_output(struct session *s, const char **bytes, int *fd);

/* The peer took @n of these bytes, and with the first the descriptor. */
void session_sent(struct session *s, size_t n);

/* Take out a descriptor that was never sent, to be closed; -1 when there is none. */
int session_unsent_fd(struct session *s);

/* A reply's "error" as an error value. */
void session_error(json_t *error, struct qmp_error *err);

#endif
