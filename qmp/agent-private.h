/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent-private: what the agent's files share.
 *
 *     agent.c          the dialect: synchronise, call
 *     agent-connect.c  the way to a connected socket
 *     agent-io.c       waiting under a deadline, bytes in and out
 */
#ifndef QMP_AGENT_PRIVATE_H
#define QMP_AGENT_PRIVATE_H

#include <event2/event.h>
#include <stdbool.h>

#include "qmp/address.h"
#include "qmp/agent.h"
#include "qmp/reader.h"

struct agent {
    struct event_base *base;
    bool own_base;
    char *address; /* as the user wrote it */
    bool insecure; /* it may be on another host */
    int fd;        /* -1: not connected */

    struct event *deadline;
    bool passed; /* it has */
    int timeout_ms;

    struct event *readable;
    struct reader reader;
    bool syncing; /* until the answer to our number has come … */
    bool marked;  /* … and the last 0xFF before it: what follows may be it */

    bool usable;
    struct qmp_error why; /* what ended the connection, when a read found it */
};

/* ---- agent-io.c ---- */

/* From now on every wait ends @ms later (0: never). */
void agent_set_deadline(struct agent *a, int ms);

/* Run the loop until something happens. QMP_ERR_TIMEOUT: the deadline has passed. */
int agent_wait(struct agent *a, struct qmp_error *err);

/* The same until @fd can be written to, or for @ms when it is -1. */
int agent_wait_for(struct agent *a, int fd, int ms, struct qmp_error *err);

/* Begin to read from the connected a->fd. */
int agent_attach(struct agent *a, struct qmp_error *err);

/* Send all of it. */
int agent_send(struct agent *a, const char *bytes, size_t n, struct qmp_error *err);

/* ---- agent-connect.c ---- */

/* Connect a->fd to @where before the deadline. */
int agent_dial(struct agent *a, const struct address *where, struct qmp_error *err);

#endif
