/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm: open a VM, look at it, run operations on it.                    PUBLIC
 *
 * These calls block: they run the VM's event loop until they are done. Other work
 * on the same loop (another VM, timers, signals) goes on meanwhile, and a callback
 * may call qrw_interrupt().
 *
 * Results are JSON documents, the very ones that `qrewind --json` prints (design.md
 * §7 and qrewind(1) list their members); each is a new reference. Failures are NULL
 * with an error whose kind promises what is true afterwards (snapshot/error.h).
 */
#ifndef SNAPSHOT_VM_H
#define SNAPSHOT_VM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "qmp/client.h"
#include "snapshot/error.h"
#include "snapshot/operations.h"

struct event_base;
struct qrw_vm;

/* How a job is getting on. Valid during the call only. */
struct qrw_progress {
    const char *job, *disk, *operation, *status;
    int64_t offset, length; /* only their ratio is a measure of the work */
    int64_t elapsed_ms;
};

struct qrw_options {
    const char *socket;      /* address of the monitor (qmp/address.h); NULL: there is no VM */
    const char *sidecar;     /* NULL: found beside the images */
    qrw_strings images;      /* without a VM: "FILE", or "FORMAT:FILE" where it has no header */
    const char *qemu;        /* the QEMU that works without a VM; NULL: found in PATH */
    const char *agent;       /* address of the guest agent; NULL: found through QEMU */
    int timeout_ms;          /* for connecting and negotiating, and for an answer as long as nothing
                              * was begun; then 60 times as long, but for jobs; 0: for ever */
    struct event_base *base; /* NULL: a loop of its own */
    struct qmp_client_options client;

    /* Called now and then while jobs run, and once at the end of each. May be NULL. */
    void (*progress)(const struct qrw_progress *p, void *arg);
    /* Something worth saying that is not the result. @level 0: always, 1: with -v. May be NULL. */
    void (*note)(int level, const char *text, void *arg);
    void *arg;
};

/*
 * Connect to the monitor and negotiate. Errors: those of qmp_connect().
 * QEMU: 5.2 and newer; older ones are refused with QRW_ERR_UNSUPPORTED.
 *
 * Without a socket, or when nobody listens on it and images or a sidecar are given, all works
 * offline, on those images' chains. Looking takes no lock. The first change starts a QEMU without
 * a machine (QRW_ERR_UNSUPPORTED: there is none; QRW_ERR_LOCKED: somebody uses an image), which
 * has the images until qrw_close(), and ends with the calling thread at the latest.
 */
struct qrw_vm *qrw_open(const struct qrw_options *o, struct qmp_error *err);
void qrw_close(struct qrw_vm *vm);

/* The connection, for commands of one's own. Borrowed; NULL: offline, and nothing was changed. */
struct qmp_client *qrw_client(struct qrw_vm *vm);

/* Stop waiting at the next chance: the call under way returns QRW_ERR_WAITING if a
 * job goes on without us. Callable from any callback of the loop. */
void qrw_interrupt(struct qrw_vm *vm);

/* ---- looking; nothing is changed, no lock is taken ---- */

json_t *qrw_info(struct qrw_vm *vm, struct qmp_error *err);
json_t *qrw_disks(struct qrw_vm *vm, struct qmp_error *err);
/* @disk NULL: all. QRW_ERR_NOT_FOUND */
json_t *qrw_chain(struct qrw_vm *vm, const char *disk, struct qmp_error *err);
json_t *qrw_list(struct qrw_vm *vm, struct qmp_error *err);
json_t *qrw_show(struct qrw_vm *vm, const char *name, struct qmp_error *err);
json_t *qrw_jobs(struct qrw_vm *vm, struct qmp_error *err);

/*
 * What is wrong with the images and their record: {"findings": [...], "sidecar"}. With QRW_DEEP
 * whole files are read: qemu-img checks them, and frozen ones are compared with what they were;
 * the first such look is remembered in the sidecar, unless QRW_DRY_RUN.
 */
json_t *qrw_check(struct qrw_vm *vm, unsigned flags, struct qmp_error *err);

/* ---- changing ---- */

enum { QRW_DRY_RUN = 1, QRW_NO_WAIT = 2, QRW_YES = 4, QRW_DEEP = 8, QRW_AFTER = 16 };

/*
 * Run @op with its @args (operations.h). With QRW_DRY_RUN the result
 * is {"plan": […]} and nothing was changed; with QRW_AFTER, too, it is planned for what the last
 * dry run would have left (QRW_ERR_UNSUPPORTED: that is not known); with QRW_NO_WAIT jobs are
 * started and left alone, to be settled by the next call or by qrw_job_wait().
 *
 * A `pending` operation that an earlier client left behind is settled first: finished,
 * undone, or, when its job still runs, refused with QRW_ERR_LOCKED.
 * Errors: QRW_ERR_REFUSED, QRW_ERR_NOT_FOUND, QRW_ERR_UNSUPPORTED, QRW_ERR_INVALID,
 * QRW_ERR_LOCKED, QMP_ERR_CONNECT: nothing has changed. QRW_ERR_FAILED: begun and
 * undone. QRW_ERR_UNKNOWN: half done, `pending` stands. QRW_ERR_WAITING: interrupted,
 * the job goes on.
 */
json_t *qrw_run(struct qrw_vm *vm, const struct qrw_operation *op, const void *args, unsigned flags,
                struct qmp_error *err);

/*
 * Make a chain again of an exported snapshot, or of an image of any format that qemu-img knows, in
 * a folder that is made for it. It is checked against its manifest, and believed nothing. @vm lends
 * its loop and its options; what it is about does not matter.
 * The result has in "start" the options that QEMU is to be started with.
 * QRW_ERR_NOT_FOUND: no exported snapshot. QRW_ERR_INVALID, QRW_ERR_REFUSED, QRW_ERR_UNSUPPORTED:
 * nothing was made. QRW_ERR_FAILED: what was begun is removed.
 */
json_t *qrw_import(struct qrw_vm *vm, const struct qrw_import_args *args, unsigned flags,
                   struct qmp_error *err);

/*
 * Settle what an earlier client left behind, then mend what qrw_check() finds: with QRW_YES also
 * what cannot be undone. {"settled": "finished"|"undone"|"running"|"nothing", "mended": [...],
 * "findings": [...]}: those that are left. Killed at any point, it can be run again.
 * @args may be NULL. QMP_ERR_USAGE: there is no such code; nothing was looked at.
 */
json_t *qrw_repair(struct qrw_vm *vm, const struct qrw_repair_args *args, unsigned flags,
                   struct qmp_error *err);

/*
 * Make a sidecar for chains that somebody else made: {"snapshots": [NAME], "sidecar"}. No image
 * is touched. QRW_ERR_REFUSED: there is a sidecar already.
 */
json_t *qrw_adopt(struct qrw_vm *vm, unsigned flags, struct qmp_error *err);

/* Remove the sidecar, and nothing else: {"snapshots": [NAME], "files": those that stay and
 * that only the record called ours, "sidecar"}.
 * QRW_ERR_NOT_FOUND: there is none; QRW_ERR_REFUSED: an operation is not settled. */
json_t *qrw_forget(struct qrw_vm *vm, unsigned flags, struct qmp_error *err);

/*
 * Wait for the job @id to end, @timeout_ms at most (0: for ever), and settle the
 * operation that it belongs to.
 * A job that waits for a decision (ready) ends the wait too. QRW_ERR_NOT_FOUND, QRW_ERR_WAITING.
 */
json_t *qrw_job_wait(struct qrw_vm *vm, const char *id, int timeout_ms, struct qmp_error *err);

/* One of "pause", "resume", "complete", "cancel", "dismiss", "finalize"; "speed" with
 * @speed in bytes per second (0: unlimited). QRW_ERR_NOT_FOUND; QEMU's own refusals. */
json_t *qrw_job_action(struct qrw_vm *vm, const char *action, const char *id, int64_t speed,
                       struct qmp_error *err);

#endif
