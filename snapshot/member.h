/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* member: the two questions that every reader of JSON asks.             PURE */
#ifndef SNAPSHOT_MEMBER_H
#define SNAPSHOT_MEMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* The string member @key of @obj (borrowed); NULL when it is missing or no string. */
static inline const char *text(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

/* Are both there, and equal? */
static inline bool same(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

#endif
