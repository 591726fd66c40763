/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reader: bytes -> JSON objects.                                         PURE
 *
 * Knows no socket and no QMP: it cuts a byte stream into top-level JSON objects
 * and parses each one. Messages are framed by braces and strings, not by lines,
 * because a monitor with pretty=on answers over many lines.
 *
 *     char *p = reader_room(&r, &size);       or  reader_feed(&r, bytes, n);
 *     reader_filled(&r, read(fd, p, size));
 *     while ((rc = reader_next(&r, &m, err)) > 0) { ...; json_decref(m.json); }
 *
 * Each byte is looked at once, however small the pieces are that it came in. An
 * idle reader owns no buffer. After an error the reader is poisoned: where the
 * next message would begin is not known any more.
 */
#ifndef QMP_READER_H
#define QMP_READER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "qmp/error.h"

#define READER_MAX_MESSAGE ((size_t)64 << 20)
#define READER_MAX_DEPTH 1024

struct reader {
    char *buf;
    size_t start; /* first byte of the message that is being scanned */
    size_t scan;  /* first byte not looked at yet */
    size_t end;   /* end of what was filled in */
    size_t size;
    size_t max_message;
    unsigned max_depth;
    unsigned depth; /* braces and brackets open before scan */
    bool in_string;
    bool escaped;
    struct qmp_error *broken; /* why it is poisoned, or NULL */
};

struct reader_message {
    json_t *json;     /* an object; the caller's */
    const char *text; /* as it came, not ended by NUL; valid until the next reader_*() */
    size_t len;
};

/* 0 stands for READER_MAX_MESSAGE and READER_MAX_DEPTH. */
void reader_init(struct reader *r, size_t max_message, unsigned max_depth);
void reader_done(struct reader *r);

/* Where the next bytes may be put, at least one. Sets *@size. */
char *reader_room(struct reader *r, size_t *size);

/* @n bytes of the room have been written. */
void reader_filled(struct reader *r, size_t n);

/* Both at once, for bytes that lie elsewhere. */
void reader_feed(struct reader *r, const void *bytes, size_t n);

/*
 * Returns 1 with the next message, 0 when more bytes are needed, -1 with
 * QMP_ERR_PROTOCOL (and again the same for ever after).
 *
 * A message with integers beyond 64 bits is not lost: all its numbers are then reals.
 */
int reader_next(struct reader *r, struct reader_message *m, struct qmp_error *err);

#endif
