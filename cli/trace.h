/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace: every QMP line in both directions, appended to a file as JSON lines with the time. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "qmp/error.h"

struct trace;

/* NULL with QMP_ERR_SYSTEM. A new file is readable only for its owner. */
struct trace *trace_open(const char *file, struct qmp_error *err);
void trace_close(struct trace *t);

/* For qmp_client_options.trace; @arg is the struct trace. */
void trace_line(bool sent, const char *text, size_t len, void *arg);

#endif
