/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error: the kinds of failure that snapshots add to qmp/error.h.      PUBLIC
 *
 * Each kind is a promise about what is true afterwards; the program's exit codes
 * (design.md §7) follow from them one to one.
 */
#ifndef SNAPSHOT_ERROR_H
#define SNAPSHOT_ERROR_H

#include "qmp/error.h"

enum qrw_error_kind {
    QRW_ERR_REFUSED = QMP_ERR_USER, /* a rule forbids it; nothing has changed */
    QRW_ERR_NOT_FOUND,              /* no such snapshot, disk, layer or job */
    QRW_ERR_UNSUPPORTED,            /* this QEMU or this VM cannot do that */
    QRW_ERR_LOCKED,                 /* another qrewind, or somebody else, holds it */
    QRW_ERR_INVALID,                /* a broken image or sidecar; nothing has changed */
    QRW_ERR_FAILED,                 /* begun, failed, and undone: nothing has changed */
    QRW_ERR_UNKNOWN,                /* outcome unknown or half done: `pending` stands */
    QRW_ERR_WAITING,                /* the wait ended, the job goes on */
};

/* The stable word for any kind, this header's and qmp/error.h's: "not-found". */
const char *qrw_error_kind_name(int kind);

#endif
