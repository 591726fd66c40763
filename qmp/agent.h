/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent: a connection to QEMU's guest agent, on a libevent loop.
 *
 * The agent speaks QMP without greeting, events and ids: one call after the other, in
 * order. Who connects cannot know what an earlier client left in the line, so both
 * sides begin anew with guest-sync-delimited: everything up to a byte 0xFF and the
 * answer that carries our random number is dropped.
 *
 *     connect ──> 0xFF guest-sync-delimited ──> skip to 0xFF, right number ──> calls
 *
 * The guest is not trusted: an answer has at most AGENT_MAX_MESSAGE bytes, every wait
 * ends at a deadline. A virtio serial port serves one client at a time; while another
 * one holds it, connecting succeeds but nothing answers.
 */
#ifndef QMP_AGENT_H
#define QMP_AGENT_H

#include <jansson.h>
#include <stdbool.h>

#include "qmp/error.h"

#define AGENT_MAX_MESSAGE ((size_t)1 << 20)
#define AGENT_MAX_DEPTH 64

struct event_base;
struct agent;

/*
 * Connect to @address (qmp/address.h; on another host only if @insecure) and synchronise, all
 * within @timeout_ms. Blocks: runs @base (borrowed; NULL: a loop of its own).
 *
 * QMP_ERR_USAGE: an address that cannot be understood; QMP_ERR_CONNECT: nobody listens;
 * QMP_ERR_TIMEOUT: nothing answers (no agent runs in the guest, or another client holds
 * the line); QMP_ERR_CLOSED: it hung up. Nothing but guest-sync-delimited was sent.
 */
struct agent *agent_open(struct event_base *base, const char *address, bool insecure,
                         int timeout_ms, struct qmp_error *err);

/* NULL is fine. */
void agent_close(struct agent *a);

/*
 * Call @name and wait for the answer. Takes @args (an object, or NULL). Returns the
 * agent's "return" (new reference).
 *
 * QMP_ERR_COMMAND: the agent's own refusal; the connection is as good as before. After
 * all other failures the outcome is unknown and the connection of no use any more:
 * QMP_ERR_TIMEOUT, QMP_ERR_CLOSED, QMP_ERR_PROTOCOL, QMP_ERR_SYSTEM.
 */
json_t *agent_call(struct agent *a, const char *name, json_t *args, int timeout_ms,
                   struct qmp_error *err);

/* Can it be called? */
bool agent_usable(const struct agent *a);

#endif
