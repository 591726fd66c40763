/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text: values as people read them.                                     PURE
 *
 * Names come from QEMU, the guest, images and sidecars, and may hold anything: no
 * such string is printed but through text_safe().
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * @s with everything that could steer a terminal or turn the reading order written
 * out: "\x1b", "\u202e"; bytes that are no UTF-8 too. One line. New string; NULL gives "".
 */
char *text_safe(const char *s);

/* The same for a JSON text, as JSON: the line breaks between its tokens stay. New string. */
char *text_safe_json(const char *json);

/* Room for any of the texts below. */
enum { TEXT_ROOM = 40 };

/* Each writes into @buf (TEXT_ROOM bytes) and returns it. */
char *text_size(char *buf, int64_t bytes);       /* "12.5 MiB", "-" for less than 0 */
char *text_ms(char *buf, double ms);             /* "1.2 ms", "34 s", "2 min 5 s" */
char *text_time(char *buf, const char *rfc3339); /* local time; what is no time: "-" */

#endif
