/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error: the one error value.
 *
 * An error is a plain struct that the caller owns, usually on the stack; nothing
 * in it is allocated, so it can be copied, kept and dropped freely. A function
 * that can fail takes `struct qmp_error *err` last (NULL: the caller does not
 * care), writes it only on failure and returns -1 (or NULL):
 *
 *     return qmp_error_set(err, QMP_ERR_SYSTEM, "open %s: %s", path, strerror(errno));
 *     ...
 *     if (save(s, err))
 *         return qmp_error_wrap(err, "sidecar");
 *
 * The innermost function writes the cause once; each layer adds at most its own
 * name. Branch on the kind, never on a text.
 */
#ifndef QMP_ERROR_H
#define QMP_ERROR_H

#include <stdbool.h>

enum qmp_error_kind {
    QMP_ERR_NONE = 0,
    QMP_ERR_USAGE,     /* an argument makes no sense */
    QMP_ERR_SYSTEM,    /* the operating system refused; desc has strerror's words */
    QMP_ERR_CONNECT,   /* no socket, nobody answers, somebody else holds it, no handshake */
    QMP_ERR_PROTOCOL,  /* the peer does not speak QMP, or passed a limit */
    QMP_ERR_CLOSED,    /* the connection ended */
    QMP_ERR_TIMEOUT,   /* the deadline passed; the command may still take effect */
    QMP_ERR_CANCELLED, /* the caller gave up (freed the client, interrupted the wait) */
    QMP_ERR_COMMAND,   /* QEMU answered with an error: class and desc are its words */
    QMP_ERR_USER = 64, /* the first kind that a layer above may define */
};

struct qmp_error {
    int kind;          /* enum qmp_error_kind, or a kind of a layer above */
    char class[32];    /* QEMU's error class, "" where QEMU was not the one */
    char context[256]; /* who was doing what, outermost first: "create: disk0: blockdev-add" */
    char desc[512];    /* the cause, QEMU's words verbatim where it was QEMU */
    char hint[384];    /* one line that says what to do, or "" */
};

/* Set @err (kind, desc; class, context and hint become empty). Returns -1, always. */
int qmp_error_set(struct qmp_error *err, int kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "fmt: " before the context of @err. Returns -1, always. */
int qmp_error_wrap(struct qmp_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Say what to do about it; a hint that is already there stays. Returns -1, always. */
int qmp_error_hint(struct qmp_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Did QEMU answer "no such command"? (QEMU's class CommandNotFound) */
bool qmp_error_no_command(const struct qmp_error *err);

/* Did QEMU answer "no such device"? (QEMU's class DeviceNotFound) */
bool qmp_error_no_device(const struct qmp_error *err);

/* The stable word for a kind below QMP_ERR_USER, as in --json: "timeout". NULL: unknown. */
const char *qmp_error_kind_name(int kind);

/* "context: desc (class)" into @buf. Returns @buf. */
char *qmp_error_text(const struct qmp_error *err, char *buf, unsigned size);

#endif
