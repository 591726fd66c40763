/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes cut into messages: however they come in pieces, the same messages come out. The
 * first byte chooses the size of the pieces and the limits.
 */
#include <string.h>

#include "qmp/reader.h"
#include "tests/fuzz/fuzz.h"

/* Take out what is complete. Returns -1 when the reader is broken. */
static int drain(struct reader *r, json_t *messages)
{
    struct reader_message m;
    struct qmp_error err;
    int rc;

    while ((rc = reader_next(r, &m, &err)) > 0) {
        fuzz_must(json_is_object(m.json) && m.len > 1 && m.text[0] == '{');
        json_array_append_new(messages, m.json);
    }
    if (rc == 0)
        return 0;
    fuzz_must(err.kind == QMP_ERR_PROTOCOL);
    /* it quotes what came: nothing of that may reach a terminal */
    for (const char *c = err.desc; *c; c++)
        fuzz_must(*c >= ' ' && *c <= '~');
    return -1;
}

/* The messages, and at the end whether the reader broke. New reference. */
static json_t *messages_of(const uint8_t *bytes, size_t n, size_t piece, uint8_t limits)
{
    json_t *messages = json_array();
    struct reader r;
    int rc = 0;

    reader_init(&r, limits & 0x80 ? 256 : 0, limits & 0x40 ? 8 : 0);
    for (size_t at = 0; at < n && !rc; at += piece) {
        reader_feed(&r, bytes + at, n - at < piece ? n - at : piece);
        rc = drain(&r, messages);
    }
    json_array_append_new(messages, json_boolean(rc < 0));
    reader_done(&r);
    return messages;
}

void fuzz_reader(const uint8_t *bytes, size_t n)
{
    uint8_t how = n ? bytes[0] : 0;

    if (!n)
        return;
    json_auto_t *whole = messages_of(bytes + 1, n - 1, n, how);
    json_auto_t *pieces = messages_of(bytes + 1, n - 1, how % 32 + 1, how);
    fuzz_must(json_equal(whole, pieces));
}
