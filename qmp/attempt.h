/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attempt: the client's way from an address to a connected socket, under one deadline.
 *
 *     unix: connect ── EAGAIN, ECONNREFUSED ──> wait, again ── ok ──> attached
 *     tcp:  next address ── in progress ──> writable ── failed ──> next address
 *     fd:   duplicated, attached
 *
 * It lives until the session is ready, because its deadline covers the greeting and
 * the negotiation as well. attempt_fail() and attempt_connected() may free it.
 */
#ifndef QMP_ATTEMPT_H
#define QMP_ATTEMPT_H

#include "qmp/address.h"
#include "qmp/client-private.h"

struct addrinfo;

struct attempt {
    struct qmp_client *client;
    struct address address;
    char *text;             /* the address as a person knows it */
    struct event *deadline; /* NULL: none */
    int last_errno;         /* why the last try failed; 0: it did not */

    struct event *retry; /* unix: the pause before the next try */
    int wait_ms;

    struct addrinfo *found, *next; /* tcp: all addresses, and those not tried yet */
    struct event *writable;        /* tcp: connect in progress */
    int fd;                        /* tcp: the same */
};

/* Each begins; what it comes to is told to one of the two below. */
void attempt_unix(struct attempt *a);
void attempt_tcp(struct attempt *a);

void attempt_connected(struct attempt *a, int fd, int domain);
void attempt_fail(struct attempt *a, const struct qmp_error *why);

#endif
