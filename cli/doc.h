/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doc: the members of a result document; a missing one, or one of another type, is no mishap. */
#ifndef CLI_DOC_H
#define CLI_DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Borrowed; NULL: no such text. */
static inline const char *doc_text(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

/* The same, "-" for none. */
static inline const char *doc_dash(const json_t *doc, const char *key)
{
    const char *s = doc_text(doc, key);

    return s && *s ? s : "-";
}

static inline bool doc_says(const json_t *doc, const char *key, const char *word)
{
    const char *s = doc_text(doc, key);

    return s && !strcmp(s, word);
}

/* -1: no such number. */
static inline int64_t doc_int(const json_t *doc, const char *key)
{
    const json_t *n = json_object_get(doc, key);

    return json_is_integer(n) ? json_integer_value(n) : -1;
}

static inline double doc_number(const json_t *doc, const char *key)
{
    const json_t *n = json_object_get(doc, key);

    return json_is_number(n) ? json_number_value(n) : -1;
}

#endif
