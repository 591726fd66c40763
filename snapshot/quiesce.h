/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiesce: freeze the guest's file systems, and thaw them whatever becomes of us.
 *
 *     us                          the keeper (a process of its own)
 *     quiesce_begin ── fork ────> connect, guest-sync, freeze ──> guest
 *                   <── frozen ──
 *     the transaction             thaws also when we die, hang, or take too long
 *     quiesce_end   ── thaw ────> thaw, ask for the status ─────> guest
 *                   <── thawed ──
 *
 * Only the keeper talks to the agent, so there is one way to thaw, and the one that is
 * used after a SIGKILL is the one that is used always. It holds nothing else of ours:
 * no monitor, no lock, no output. A guest that cannot be thawed at once (it is too
 * busy, the agent starts again) it goes on trying to thaw for ten minutes, without us.
 *
 * These calls block: they run the loop.
 */
#ifndef SNAPSHOT_QUIESCE_H
#define SNAPSHOT_QUIESCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "qmp/client.h"

struct event_base;
struct quiesce;

struct quiesce_options {
    const char *agent;         /* address, see qmp/address.h */
    bool insecure;             /* it may be on another host */
    const json_t *mountpoints; /* array of strings; NULL or empty: every file system */
    int timeout_ms; /* how long the guest may take for one answer, and how long stay frozen */
};

/*
 * Freeze. Everything is borrowed until it returns. @stop (may be NULL): gives up when it
 * becomes true. Returns what quiesce_end() must be called with; at least one file system
 * is frozen then.
 *
 * On failure nothing is frozen, or the keeper sees to it that it will be thawed:
 * QMP_ERR_USAGE: that is no address; QMP_ERR_CONNECT: the agent is not reached; the errors of
 * agent_call(); QRW_ERR_REFUSED: the guest was frozen before (and stays so), or has nothing to
 * freeze; QMP_ERR_CANCELLED.
 */
struct quiesce *quiesce_begin(struct event_base *base, const bool *stop,
                              const struct quiesce_options *o, struct qmp_error *err);

/* How many file systems are frozen. */
int quiesce_count(const struct quiesce *q);

enum quiesce_outcome {
    QUIESCE_HELD,    /* frozen from begin to end, and thawed now */
    QUIESCE_EXPIRED, /* the freeze ended before quiesce_end() was called */
    QUIESCE_STUCK,   /* not thawed yet; the keeper goes on trying where it can */
};

/*
 * Thaw, and free @q. @frozen_us: from the agent's word that it has frozen until its word
 * that it has thawed. Fills in @why but for QUIESCE_HELD.
 */
enum quiesce_outcome quiesce_end(struct quiesce *q, int64_t *frozen_us, struct qmp_error *why);

/*
 * Thaw what somebody left frozen who cannot do it any more. Returns 1 if there was
 * something to thaw, 0 if not, -1 if that could not be found out or done in
 * @timeout_ms.
 */
int quiesce_thaw(struct event_base *base, const char *agent, bool insecure, int timeout_ms,
                 struct qmp_error *err);

/*
 * Find the guest agent's address through QEMU (whose process is @pid): the virtserialport
 * that is called org.qemu.guest_agent.0. New string, or NULL with
 * QRW_ERR_UNSUPPORTED: there is none, or we cannot connect to its character device;
 * QRW_ERR_LOCKED: another client holds it; QMP_ERR_CONNECT: no agent runs in the guest.
 */
char *quiesce_find(struct qmp_client *c, pid_t pid, const bool *stop, struct qmp_error *err);

#endif
