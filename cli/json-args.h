/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json-args: words of a command line -> the arguments of a QMP command. PURE
 *
 *     {"node-name":"a"}                   one JSON object
 *     node-name=a speed=10 read-only=true options.driver=qcow2
 */
#ifndef CLI_JSON_ARGS_H
#define CLI_JSON_ARGS_H

#include <jansson.h>

#include "qmp/error.h"

/*
 * A value that is JSON is that (numbers, true, false, null, [], {}, "text"), anything
 * else a string. Dots in a key nest. @words ends with NULL, or is NULL.
 * New reference; NULL with QMP_ERR_USAGE.
 */
json_t *json_args(const char *const *words, struct qmp_error *err);

#endif
