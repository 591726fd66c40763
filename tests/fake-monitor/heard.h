/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * heard: what callbacks were called with, as one text, in the order it happened.
 *
 *     hear("%s ok", name);                        in a callback
 *     heard_becomes(base, "a ok;b timeout;");     run the loop until then
 */
#ifndef TESTS_HEARD_H
#define TESTS_HEARD_H

struct event_base;
struct qmp_error;

/* Add to the text, and ";". */
void hear(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "WHO ok", or "WHO" and the kind of error. */
void hear_outcome(const char *who, const struct qmp_error *why);

/* Fail the test unless exactly this was heard, now. */
void heard_is(const char *want);

/* Run the loop until as much was heard, which must then be exactly this. */
void heard_becomes(struct event_base *base, const char *want);

/* Forget everything. */
void heard_forget(void);

#endif
