/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session-private: what session.c and session-out.c share. */
#ifndef QMP_SESSION_PRIVATE_H
#define QMP_SESSION_PRIVATE_H

#include "qmp/session.h"

#define SLOT_NONE ((unsigned)-1)

enum slot_use {
    SLOT_FREE,
    SLOT_CALL,
    SLOT_NEGOTIATION,
    SLOT_FORGOTTEN, /* nobody waits, but the answer may still come */
};

/* An id. Its number is its place in the array. */
struct session_slot {
    union {
        void *call;
        unsigned next_free;
    };
    enum slot_use use;
    unsigned negotiation; /* which qmp_capabilities it is, or comes after: 1 is the first */
};

/* Bytes [start, end) of the output go with @fd. */
struct session_fd {
    size_t start, end;
    int fd;
};

/* Put qmp_capabilities before everything that was not sent yet. */
void session_negotiate(struct session *s);

void session_release(struct session *s, struct session_slot *slot);

#endif
