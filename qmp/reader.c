/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reader: see reader.h.
 *
 *     buf                                                       buf + size
 *      |  given out  |  looked at  |  filled in  |     room     |
 *                  start          scan          end
 */
#include "qmp/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

/* A greeting and most answers fit, and malloc has this size at hand. */
#define FIRST_SIZE ((size_t)1024)

/* Up to here the buffer grows fast, to save system calls; beyond, it doubles. */
#define FAST_SIZE ((size_t)65536)

void reader_init(struct reader *r, size_t max_message, unsigned max_depth)
{
    *r = (struct reader){
        .max_message = max_message ? max_message : READER_MAX_MESSAGE,
        .max_depth = max_depth ? max_depth : READER_MAX_DEPTH,
    };
}

void reader_done(struct reader *r)
{
    free(r->buf);
    free(r->broken);
    *r = (struct reader){0};
}

/* Move the bytes that are still needed to the front of a buffer of @size bytes. */
static void resize(struct reader *r, size_t size)
{
    memmove(r->buf, r->buf + r->start, r->end - r->start);
    r->scan -= r->start;
    r->end -= r->start;
    r->start = 0;
    if (size != r->size)
        r->buf = mem_grow(r->buf, size, 1);
    r->size = size;
}

char *reader_room(struct reader *r, size_t *size)
{
    if (!r->buf) {
        r->buf = mem_grow(NULL, FIRST_SIZE, 1);
        r->size = FIRST_SIZE;
    } else if (r->size - r->end < r->size / 4) {
        /* moving is paid for by the bytes given out since the last time */
        if (r->start >= r->size / 2)
            resize(r, r->size);
        else
            resize(r, r->size * (r->size < FAST_SIZE ? 4 : 2));
    }
    *size = r->size - r->end;
    return r->buf + r->end;
}

void reader_filled(struct reader *r, size_t n)
{
    r->end += n;
}

void reader_feed(struct reader *r, const void *bytes, size_t n)
{
    const char *from = bytes;

    while (n > 0) {
        size_t size;
        char *to = reader_room(r, &size);
        size_t part = n < size ? n : size;

        memcpy(to, from, part);
        reader_filled(r, part);
        from += part;
        n -= part;
    }
}

/* Give memory back: all of it when nothing waits, most of it after a huge message. */
static void shrink(struct reader *r)
{
    size_t left = r->end - r->start;

    if (left == 0) {
        free(r->buf);
        r->buf = NULL;
        r->start = r->scan = r->end = r->size = 0;
    } else if (r->size > FAST_SIZE && left < r->size / 4) {
        size_t size = FIRST_SIZE;

        while (size / 2 < left)
            size *= 2;
        resize(r, size);
    }
}

/* The beginning of what came, safe to show to a person. */
static const char *quote(char *out, size_t size, const char *bytes, size_t n)
{
    char *p = out;

    for (size_t i = 0; i < n && p + sizeof("\\xff...") < out + size; i++) {
        unsigned char b = (unsigned char)bytes[i];

        if (b == '\r' || b == '\n')
            p += sprintf(p, b == '\n' ? "\\n" : "\\r");
        else if (b < ' ' || b > '~')
            p += sprintf(p, "\\x%02x", b);
        else
            *p++ = (char)b;
        if (i + 1 < n && p + sizeof("\\xff...") >= out + size)
            p = stpcpy(p, "...");
    }
    *p = '\0';
    return out;
}

static int poison(struct reader *r, struct qmp_error *err, const char *what)
{
    char text[80];

    r->broken = mem_alloc(sizeof(*r->broken));
    qmp_error_set(r->broken, QMP_ERR_PROTOCOL, "%s: \"%s\"", what,
                  quote(text, sizeof(text), r->buf + r->start, r->end - r->start));
    if (r->end - r->start >= 5 && !memcmp(r->buf + r->start, "QEMU ", 5))
        qmp_error_hint(r->broken, "this is the monitor for people (-monitor); "
                                  "QMP needs -qmp unix:/PATH,server=on,wait=off");
    if (err)
        *err = *r->broken;
    return -1;
}

static int parse(struct reader *r, struct reader_message *m, struct qmp_error *err)
{
    json_error_t e;
    const char *text = r->buf + r->start;
    size_t len = r->scan - r->start;
    json_t *json = json_loadb(text, len, JSON_ALLOW_NUL, &e);

    if (!json && json_error_code(&e) == json_error_numeric_overflow)
        json = json_loadb(text, len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
    if (!json) {
        char words[JSON_ERROR_TEXT_LENGTH + 32], safe[120];

        snprintf(words, sizeof(words), "bad JSON (%s)",
                 quote(safe, sizeof(safe), e.text, strlen(e.text)));
        return poison(r, err, words);
    }
    *m = (struct reader_message){.json = json, .text = text, .len = len};
    r->start = r->scan;
    return 1;
}

/* Run over the inside of a string. Returns where it ends, or @end when that is not here. */
static const char *skip_string(struct reader *r, const char *p, const char *end)
{
    if (r->escaped && p < end) {
        r->escaped = false;
        p++;
    }
    for (; p < end && *p != '"'; p++) {
        if (*p != '\\')
            continue;
        if (++p == end) {
            r->escaped = true;
            return end;
        }
    }
    r->in_string = p == end;
    return p < end ? p + 1 : end;
}

/* Look at what is new. Returns 1 at the end of a message, 0 at the end of the bytes. */
static int scan(struct reader *r, struct qmp_error *err)
{
    const char *p = r->buf + r->scan, *end = r->buf + r->end;
    int rc = 0;

    while (p < end && !rc) {
        if (r->in_string) {
            p = skip_string(r, p, end);
            continue;
        }
        switch (*p++) {
        case '"':
            r->in_string = true;
            break;
        case '{':
        case '[':
            if (++r->depth > r->max_depth)
                rc = poison(r, err, "a message is nested too deeply");
            break;
        case '}':
        case ']':
            rc = --r->depth == 0;
            break;
        }
    }
    r->scan = (size_t)(p - r->buf);
    if (rc >= 0 && r->scan - r->start > r->max_message)
        return poison(r, err, "a message is too long");
    return rc;
}

/* Go to the next message's brace. Returns 0 when it is not here yet. */
static int find_start(struct reader *r, struct qmp_error *err)
{
    while (r->scan < r->end && memchr(" \t\r\n", r->buf[r->scan], 4))
        r->scan++;
    r->start = r->scan;
    if (r->scan == r->end)
        return 0;
    return r->buf[r->scan] == '{' ? 1 : poison(r, err, "not a JSON object");
}

int reader_next(struct reader *r, struct reader_message *m, struct qmp_error *err)
{
    int rc = 1;

    if (r->broken) {
        if (err)
            *err = *r->broken;
        return -1;
    }
    if (r->depth == 0)
        rc = find_start(r, err);
    if (rc > 0)
        rc = scan(r, err);
    if (rc > 0)
        return parse(r, m, err);
    if (rc == 0)
        shrink(r);
    return rc;
}
