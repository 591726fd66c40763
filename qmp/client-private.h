/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client-private: what the client's files share.
 *
 *     client.c          life, and giving out what came
 *     client-call.c     the life of a call
 *     client-events.c   subscribers
 *     attempt*.c        the way to a connected socket, retries, the deadline
 *     client-io.c       bytes and descriptors through the socket
 *     client-sync.c     the blocking calls
 *     schema-fetch.c    what is asked once and kept
 *
 * Everything that calls the user's functions holds the client meanwhile
 * (client_hold; client_enter in what the loop calls): qmp_client_free() inside of a
 * callback then closes at once, and the memory goes when the last holder lets go.
 *
 * Failures take one way: client_fail() notes the cause and closes, and the wake
 * event, in the loop, tells everybody who waits.
 */
#ifndef QMP_CLIENT_PRIVATE_H
#define QMP_CLIENT_PRIVATE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "qmp/client.h"
#include "qmp/session.h"

struct attempt;
struct memory;

struct call {
    TAILQ_ENTRY(call) link;
    struct qmp_client *client;
    int id; /* -1: never sent */
    qmp_reply_fn *fn;
    void *arg;
    struct event *timer; /* NULL: waits for ever */
    int timeout_ms;
    struct qmp_error *refused; /* why it was not sent, or NULL */
    char name[];
};

/* Something to do from the loop. Done also (with c->freed set) when the client goes first. */
struct errand {
    TAILQ_ENTRY(errand) link;
    void (*fn)(struct qmp_client *c, void *arg);
    void *arg;
};

struct subscriber {
    TAILQ_ENTRY(subscriber) link;
    unsigned handle;
    qmp_event_fn *fn; /* NULL: unsubscribed, to be swept */
    void *arg;
    char *name; /* NULL: every event */
};

TAILQ_HEAD(calls, call);
TAILQ_HEAD(errands, errand);
TAILQ_HEAD(subscribers, subscriber);

struct qmp_client {
    struct event_base *base;
    bool own_base;
    bool freed;     /* qmp_client_free() was called; memory stays until holds is 0 */
    bool is_socket; /* else a character device or a pipe that came as fd:N */
    bool is_unix;
    bool refusals; /* some of the calls have their refused set */
    bool hung_up;  /* sending failed: read what is left, then end */
    unsigned holds;
    unsigned inside; /* of handlers that the loop called */
    int fd;

    struct session session;
    size_t traced; /* bytes of the session's output that the trace has seen already */
    struct qmp_client_options opts;

    struct event *wake;
    struct event *readable;
    struct event *writable; /* made when the socket is full for the first time */

    struct attempt *attempt; /* while connecting */
    qmp_ready_fn *ready;     /* until it was called */
    void *ready_arg;
    qmp_ready_fn *end; /* until it was called */
    void *end_arg;

    struct calls calls; /* in the order they were made */
    int patience_ms;
    struct event *patience; /* its end, for the first of the calls; NULL: never needed so far */
    bool last_chance;
    bool impatient; /* for good */
    struct errands errands;
    struct subscribers subscribers;
    unsigned last_handle;

    struct memory *memory; /* what was asked once and kept, or NULL */
    struct qmp_error *broken;
};

/* client.c */
void client_hold(struct qmp_client *c);
void client_release(struct qmp_client *c);
void client_enter(struct qmp_client *c);
void client_leave(struct qmp_client *c);
void client_wake(struct qmp_client *c);
void client_errand(struct qmp_client *c, void (*fn)(struct qmp_client *c, void *arg), void *arg);
void client_fail(struct qmp_client *c, const struct qmp_error *why);
void client_digest(struct qmp_client *c);
struct event *client_timer(struct qmp_client *c, int ms, event_callback_fn fn, void *arg);
void client_arm(struct event *timer, int ms);

/* client-call.c */
struct call *client_call(struct qmp_client *c, const char *name, json_t *args,
                         const struct qmp_call_options *opts, qmp_reply_fn *fn, void *arg);
void client_finish(struct call *call, json_t *ret, const struct qmp_error *err);
void client_abandon(struct qmp_client *c, struct call *call);
void client_tell_refused(struct qmp_client *c);
void client_watch(struct qmp_client *c);

/* client-events.c */
void client_event(struct qmp_client *c, const struct session_item *item);
void client_drop_subscribers(struct qmp_client *c);

/* attempt.c */
void attempt_free(struct attempt *a);

/* client-io.c */
int client_attach(struct qmp_client *c, int fd, int domain, struct qmp_error *err);
void client_close(struct qmp_client *c);
void client_flush(struct qmp_client *c);

/* schema-fetch.c */
void memory_free(struct memory *m);

#endif
