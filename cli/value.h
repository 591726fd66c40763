/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value: the text of a value -> the member of a struct, by its type.    PURE */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <stdint.h>

#include "cli/opt.h"

/* Store @text in the member of @args that @o describes. QMP_ERR_USAGE says what it takes. */
int value_store(const struct opt *o, void *args, const char *text, struct qmp_error *err);

/* "512", "64k", "10M", "1G", "2T", also "10MiB": bytes. -1: not a size, or too large. */
int64_t value_size(const char *text);

#endif
