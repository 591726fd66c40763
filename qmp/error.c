/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error: see error.h. */
#include "qmp/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int qmp_error_set(struct qmp_error *err, int kind, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -1;
    /* the caller's words may quote this very error: format before clearing */
    char desc[sizeof(err->desc)] = "";
    va_start(ap, fmt);
    vsnprintf(desc, sizeof(desc), fmt, ap);
    va_end(ap);
    memset(err, 0, sizeof(*err));
    err->kind = kind;
    memcpy(err->desc, desc, sizeof(desc));
    return -1;
}

int qmp_error_wrap(struct qmp_error *err, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return -1;
    char inner[sizeof(err->context)];
    memcpy(inner, err->context, sizeof(inner));
    va_start(ap, fmt);
    vsnprintf(err->context, sizeof(err->context), fmt, ap);
    va_end(ap);
    if (inner[0]) {
        size_t n = strlen(err->context);
        snprintf(err->context + n, sizeof(err->context) - n, ": %s", inner);
    }
    return -1;
}

int qmp_error_hint(struct qmp_error *err, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->hint[0])
        return -1;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
    va_end(ap);
    return -1;
}

bool qmp_error_no_command(const struct qmp_error *err)
{
    return err->kind == QMP_ERR_COMMAND && !strcmp(err->class, "CommandNotFound");
}

bool qmp_error_no_device(const struct qmp_error *err)
{
    return err->kind == QMP_ERR_COMMAND && !strcmp(err->class, "DeviceNotFound");
}

const char *qmp_error_kind_name(int kind)
{
    static const char *const names[] = {
        [QMP_ERR_NONE] = "none",         [QMP_ERR_USAGE] = "usage",
        [QMP_ERR_SYSTEM] = "system",     [QMP_ERR_CONNECT] = "connect",
        [QMP_ERR_PROTOCOL] = "protocol", [QMP_ERR_CLOSED] = "closed",
        [QMP_ERR_TIMEOUT] = "timeout",   [QMP_ERR_CANCELLED] = "cancelled",
        [QMP_ERR_COMMAND] = "command",
    };

    if (kind < 0 || kind >= (int)(sizeof(names) / sizeof(names[0])))
        return NULL;
    return names[kind];
}

char *qmp_error_text(const struct qmp_error *err, char *buf, unsigned size)
{
    snprintf(buf, size, "%s%s%s%s%s%s", err->context, err->context[0] ? ": " : "", err->desc,
             err->class[0] ? " (" : "", err->class, err->class[0] ? ")" : "");
    return buf;
}
