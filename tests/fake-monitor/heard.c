/* SPDX-License-Identifier: GPL-2.0-or-later */
/* heard: see heard.h. */
#include "tests/fake-monitor/heard.h"

#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/error.h"
#include "qmp/mem.h"

/* More rounds of the loop than any test needs that goes well. */
#define MAX_ROUNDS 100000

static char *heard;
static size_t length;

void hear(const char *fmt, ...)
{
    char *text;
    va_list ap;

    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    cr_assert_geq(n, 0);
    heard = mem_grow(heard, length + (size_t)n + 2, 1);
    memcpy(heard + length, text, (size_t)n);
    memcpy(heard + length + n, ";", 2);
    length += (size_t)n + 1;
    free(text);
}

void hear_outcome(const char *who, const struct qmp_error *why)
{
    hear("%s %s", who, why ? qmp_error_kind_name(why->kind) : "ok");
}

void heard_is(const char *want)
{
    cr_assert_str_eq(heard ? heard : "", want);
}

void heard_becomes(struct event_base *base, const char *want)
{
    for (int i = 0; i < MAX_ROUNDS && length < strlen(want); i++)
        if (event_base_loop(base, EVLOOP_ONCE) != 0)
            break;
    event_base_loop(base, EVLOOP_NONBLOCK);
    heard_is(want);
}

void heard_forget(void)
{
    free(heard);
    heard = NULL;
    length = 0;
}
