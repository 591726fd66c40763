/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client: a QMP connection on a libevent loop.                        PUBLIC
 *
 * Commands are pipelined: any number may be in flight, answers find their call by
 * id. Nothing here knows about snapshots.
 *
 * The callback rule, the same for all of the library: exactly once per call;
 * never from inside the function that registered it; never if that function
 * returned an error; only from the loop; it may call anything, also free the
 * client (but not block: the calls that wait return QMP_ERR_USAGE there); freeing
 * calls everything pending with QMP_ERR_CANCELLED first.
 */
#ifndef QMP_CLIENT_H
#define QMP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "qmp/error.h"

struct event_base;
struct qmp_client;

struct qmp_client_options {
    size_t max_message; /* bytes in one message from the peer; 0: 64 MiB */
    unsigned max_depth; /* nesting of one message; 0: 1024 */
    bool want_oob;      /* negotiate out-of-band execution where QEMU offers it */
    bool insecure;      /* also by TCP to other hosts than this one */

    /* Every message in both directions, whole and without its line end. Borrows
     * @text. May be NULL. */
    void (*trace)(bool sent, const char *text, size_t len, void *arg);
    void *trace_arg;
};

/* @err is NULL when the client is ready: greeting seen, capabilities negotiated. */
typedef void qmp_ready_fn(struct qmp_client *c, const struct qmp_error *err, void *arg);

/* Exactly one of @ret (borrowed: QEMU's "return") and @err is not NULL. */
typedef void qmp_reply_fn(struct qmp_client *c, json_t *ret, const struct qmp_error *err,
                          void *arg);

/* @event is the whole message: "event", "data", "timestamp". Borrowed. */
typedef void qmp_event_fn(struct qmp_client *c, const char *name, json_t *event, void *arg);

/*
 * Make a client that lives on @base (borrowed; it must outlive the client).
 * @base may be NULL: the client then makes a loop of its own, for programs that
 * use only the qmp_call() family. @opts may be NULL. Not connected yet.
 */
struct qmp_client *qmp_client_new(struct event_base *base, const struct qmp_client_options *opts);

/* Close and free; pending calls end with QMP_ERR_CANCELLED first. NULL is fine. */
void qmp_client_free(struct qmp_client *c);

struct event_base *qmp_client_base(struct qmp_client *c);

/*
 * Connect to @address (see address.h for its forms), read the greeting and
 * negotiate, all under one deadline of @timeout_ms (0: none).
 *
 * Returns -1 with QMP_ERR_USAGE for an address that cannot be understood; @fn is
 * then not called. Otherwise @fn is called once, from the loop: ready, or
 *  - QMP_ERR_USAGE: TCP to another host, and options.insecure is not set;
 *  - QMP_ERR_CONNECT: no socket, refused, or silent until the deadline (a monitor
 *    serves one client at a time and keeps others waiting: another one holds it).
 *    ECONNREFUSED and EAGAIN are tried again until the deadline when the socket exists;
 *  - QMP_ERR_PROTOCOL: what answered does not speak QMP;
 *  - QMP_ERR_CLOSED: it hung up; QMP_ERR_CANCELLED: freed meanwhile.
 * After a failure the client may only be freed. Only the look-up of a TCP host's name (not
 * of a number) may block.
 * QEMU: every version; "qmp_capabilities".
 */
int qmp_client_connect(struct qmp_client *c, const char *address, int timeout_ms, qmp_ready_fn *fn,
                       void *arg, struct qmp_error *err);

struct qmp_call_options {
    int timeout_ms; /* 0: wait for ever */
    int fd;         /* with send_fd: a descriptor to pass along (add-fd, getfd); duplicated */
    bool send_fd;
    bool oob; /* "exec-oob": only after want_oob was granted */
};

/*
 * Send the command @name.
 *
 * Takes @args (a JSON object, or NULL for none). Calls made before the connection
 * is up are sent once it is, in one write with the negotiation.
 *
 * @fn (may be NULL) is called exactly once, from the loop, never from inside this
 * function:
 *  - with QEMU's answer, a return or QMP_ERR_COMMAND;
 *  - with QMP_ERR_TIMEOUT after the deadline: QEMU may still run the command, and
 *    its late answer is dropped;
 *  - with QMP_ERR_CLOSED, QMP_ERR_PROTOCOL or QMP_ERR_SYSTEM if the connection goes
 *    first, with QMP_ERR_CANCELLED if qmp_client_free() does.
 * In every case but the first the outcome of the command is unknown. The error's
 * context is the command's name.
 */
void qmp_client_call(struct qmp_client *c, const char *name, json_t *args, int timeout_ms,
                     qmp_reply_fn *fn, void *arg);

/* The same with more choices; @opts may be NULL. @opts->fd stays the caller's. */
void qmp_client_call_with(struct qmp_client *c, const char *name, json_t *args,
                          const struct qmp_call_options *opts, qmp_reply_fn *fn, void *arg);

/*
 * From now on QEMU may take @ms (0, as at first: for ever) to answer a call, counted from its
 * answer to the one before. If it takes longer it is taken for dead: the connection ends with
 * QMP_ERR_CONNECT. Returns what was set before.
 */
int qmp_client_set_patience(struct qmp_client *c, int ms);

/* Sixty times as patient: a command that changes something may write gigabytes first. */
int qmp_client_be_patient(struct qmp_client *c);

/* QEMU may have come to hang: it may take @times @ms from now on, and nobody can be patient any
 * more. */
void qmp_client_lose_patience(struct qmp_client *c, int times, int ms);

/*
 * Call @fn for every event named @name (NULL: every event) until
 * qmp_client_unsubscribe(). Subscribers are called in the order they came.
 * Returns a handle, never 0. Events that nobody subscribed to are dropped.
 */
unsigned qmp_client_subscribe(struct qmp_client *c, const char *name, qmp_event_fn *fn, void *arg);
void qmp_client_unsubscribe(struct qmp_client *c, unsigned handle);

/*
 * Call @fn once, from the loop, when the connection ends for whatever reason (after every
 * call that waits was told), or with QMP_ERR_CANCELLED from qmp_client_free(). @err is never
 * NULL. There is one such function; a later one takes its place, NULL takes it away.
 */
void qmp_client_on_end(struct qmp_client *c, qmp_ready_fn *fn, void *arg);

/* The greeting's "QMP" object (borrowed), NULL before it came. */
json_t *qmp_client_greeting(const struct qmp_client *c);

/* QEMU's version as major*10000 + minor*100 + micro: 70222. 0 before the greeting. */
int qmp_client_version(const struct qmp_client *c);

/* The peer's process id where the kernel tells (unix sockets: SO_PEERCRED), else 0. */
pid_t qmp_client_peer(const struct qmp_client *c);

/* The connected socket, -1 when there is none. Borrowed. */
int qmp_client_fd(const struct qmp_client *c);

/* NULL while the connection is good; else why it is not (borrowed). */
const struct qmp_error *qmp_client_broken(const struct qmp_client *c);

/* Bytes of command text sent so far: what QEMU had to read one by one. */
unsigned long long qmp_client_bytes_sent(const struct qmp_client *c);

/*
 * Send what was called, as far as the kernel takes it at once, instead of when the loop
 * runs next: QEMU reads while the caller does other work. Waits for nothing and calls
 * nobody; not from inside of a callback.
 */
void qmp_client_send(struct qmp_client *c);

/* ---- For programs without a loop of their own: these block. ---- */

/*
 * Run the loop until @done(@arg) is true (it is asked first, and after every
 * round), the connection breaks or @timeout_ms (0: none) passes. Other work on the
 * same loop goes on meanwhile.
 * Returns 0 when done; -1 with QMP_ERR_TIMEOUT, or with why the connection broke.
 */
int qmp_client_run(struct qmp_client *c, bool (*done)(void *arg), void *arg, int timeout_ms,
                   struct qmp_error *err);

/* qmp_client_connect(), waited for. The same errors. */
int qmp_connect(struct qmp_client *c, const char *address, int timeout_ms, struct qmp_error *err);

/* qmp_client_call(), waited for. Returns QEMU's "return" (new reference), or NULL. */
json_t *qmp_call(struct qmp_client *c, const char *name, json_t *args, int timeout_ms,
                 struct qmp_error *err);

#endif
