/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock: how much time has passed. What time it is, documents get from vm_stamp(). */
#ifndef SNAPSHOT_CLOCK_H
#define SNAPSHOT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Since some moment in the past. */
static inline int64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

/* What time it is, for files. */
static inline struct timespec clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

#endif
