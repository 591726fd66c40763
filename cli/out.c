/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out: see out.h. */
#include "cli/out.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/text.h"
#include "qmp/mem.h"
#include "snapshot/error.h"

static void put_line(FILE *f, const char *text)
{
    auto_free char *safe = text_safe(text);

    fputs(safe, f);
    fputc('\n', f);
}

void out_line(FILE *f, const char *fmt, ...)
{
    auto_free char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    put_line(f, text);
}

static void put_json(FILE *f, const json_t *doc, size_t flags)
{
    /* 15 digits: 0.74 stays 0.74 */
    auto_free char *text = json_dumps(doc, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    if (!text)
        abort();
    auto_free char *safe = text_safe_json(text);
    fputs(safe, f);
    fputc('\n', f);
}

void out_json(FILE *f, const json_t *doc)
{
    put_json(f, doc, JSON_COMPACT);
}

void out_json_pretty(FILE *f, const json_t *doc)
{
    put_json(f, doc, JSON_INDENT(2));
}

void out_result(const json_t *doc)
{
    json_auto_t *whole = json_pack("{s:b}", "ok", 1);

    json_object_update_missing(whole, (json_t *)doc);
    out_json(stdout, whole);
}

void out_note(bool json, const char *text)
{
    if (!json) {
        put_line(stderr, text);
        return;
    }
    auto_free char *safe = text_safe(text); /* also makes it UTF-8 */
    json_auto_t *note = json_pack("{s:s}", "note", safe);
    out_json(stderr, note);
}

/* What comes from an error may be cut in the middle of a character. */
static json_t *string(const char *text)
{
    json_t *s = json_string(text);

    if (s)
        return s;
    auto_free char *safe = text_safe(text);
    return json_string(safe);
}

static void error_document(FILE *to, const struct qmp_error *err)
{
    const char *kind = qrw_error_kind_name(err->kind);
    json_auto_t *doc = json_pack("{s:b, s:{s:s, s:o, s:o, s:o}}", "ok", 0, "error", "kind",
                                 kind ? kind : "unknown", "class", string(err->class), "context",
                                 string(err->context), "desc", string(err->desc));

    if (err->hint[0])
        json_object_set_new(json_object_get(doc, "error"), "hint", string(err->hint));
    out_json(to, doc);
}

static bool colour(void)
{
    const char *no = getenv("NO_COLOR");

    return !(no && *no) && isatty(STDERR_FILENO);
}

static void put_error(FILE *to, bool json, const char *verb, const struct qmp_error *err)
{
    char text[sizeof(struct qmp_error)];

    if (json) {
        error_document(to, err);
        return;
    }
    fputs(colour() ? "\033[1;31mqrewind:\033[0m " : "qrewind: ", to);
    out_line(to, "%s%s%s", verb ? verb : "", verb ? ": " : "",
             qmp_error_text(err, text, sizeof(text)));
    if (err->hint[0])
        out_line(to, "  %s", err->hint);
}

void out_error(bool json, const char *verb, const struct qmp_error *err)
{
    put_error(json ? stdout : stderr, json, verb, err);
}

char *out_error_text(bool json, const char *verb, const struct qmp_error *err)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        abort();
    put_error(to, json, verb, err);
    fclose(to);
    return text;
}

int out_exit_code(int kind)
{
    static const struct {
        int kind, code;
    } codes[] = {
        {QMP_ERR_NONE, 0},    {QMP_ERR_USAGE, 2},     {QMP_ERR_SYSTEM, 1},
        {QMP_ERR_CONNECT, 4}, {QMP_ERR_PROTOCOL, 4},  {QMP_ERR_CLOSED, 4},
        {QMP_ERR_TIMEOUT, 6}, {QMP_ERR_CANCELLED, 6}, {QMP_ERR_COMMAND, 1},
        {QRW_ERR_REFUSED, 1}, {QRW_ERR_NOT_FOUND, 3}, {QRW_ERR_UNSUPPORTED, 7},
        {QRW_ERR_LOCKED, 8},  {QRW_ERR_INVALID, 1},   {QRW_ERR_FAILED, 1},
        {QRW_ERR_UNKNOWN, 5}, {QRW_ERR_WAITING, 6},
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].kind == kind)
            return codes[i].code;
    return 1;
}
