/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * utf8: names from outside that JSON cannot hold.                         PURE
 *
 * A file's name is bytes. One that is no UTF-8 can stand in no record, nor can QEMU be told of it;
 * whoever gives it on to jansson gets NULL.
 */
#ifndef SNAPSHOT_UTF8_H
#define SNAPSHOT_UTF8_H

#include <jansson.h>
#include <stdbool.h>

/* NULL is none. */
bool utf8_is(const char *text);

/* @words for people, with '?' for each byte beyond ASCII if they are no UTF-8. New reference. */
json_t *utf8_words(const char *words);

#endif
