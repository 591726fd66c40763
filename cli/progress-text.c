/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress-text: jobs' reports -> one line.                             PURE
 *
 *     commit disk0  [===========>        ]  54%  118 MiB/s  0:12 left
 */
#include <stdio.h>
#include <string.h>

#include "cli/progress.h"
#include "cli/text.h"
#include "qmp/mem.h"

enum { SAMPLE_MS = 500, LONGEST_BAR = 40, SHORTEST_BAR = 8, NUMBERS = 38 };

static size_t slot(struct progress *p, const char *id)
{
    size_t i = 0;

    while (i < p->njobs && strncmp(p->jobs[i].id, id, sizeof(p->jobs[i].id) - 1))
        i++;
    if (i == p->njobs) {
        if (i == PROGRESS_JOBS)
            return i - 1; /* more jobs than disks can be: the last one stands for the rest */
        snprintf(p->jobs[i].id, sizeof(p->jobs[i].id), "%s", id);
        p->njobs++;
    }
    return i;
}

static void total(const struct progress *p, int64_t *offset, int64_t *length)
{
    *offset = *length = 0;
    for (size_t i = 0; i < p->njobs; i++) {
        *offset += p->jobs[i].offset;
        *length += p->jobs[i].length;
    }
}

/* The smoothed rate; a job that begins anew makes it 0 for a moment, not negative. */
static void sample(struct progress *p, int64_t ms)
{
    int64_t offset, length;

    total(p, &offset, &length);
    if (p->sample_ms < 0) { /* what was done before we looked tells nothing */
        p->sample_ms = ms;
        p->sample_offset = offset;
    }
    if (ms - p->sample_ms < SAMPLE_MS)
        return;
    double rate = (double)(offset - p->sample_offset) * 1000 / (double)(ms - p->sample_ms);
    if (rate < 0)
        rate = 0;
    p->rate = p->rate < 0 ? rate : 0.7 * p->rate + 0.3 * rate;
    p->sample_ms = ms;
    p->sample_offset = offset;
}

/* Numbers of QEMU's may be anything; ours may not overflow when they are added up. */
static int64_t limit(int64_t n)
{
    return n < 0 ? 0 : n > INT64_MAX / PROGRESS_JOBS ? INT64_MAX / PROGRESS_JOBS : n;
}

void progress_feed(struct progress *p, const struct qrw_progress *now)
{
    const char *operation = now->operation ? now->operation : "job";
    size_t i = slot(p, now->job ? now->job : "");

    p->jobs[i].offset = limit(now->offset);
    p->jobs[i].length = limit(now->length);
    auto_free char *text = p->njobs > 1
                               ? mem_printf("%s %zu disks", operation, p->njobs)
                               : mem_printf("%s %s", operation, now->disk ? now->disk : "");
    auto_free char *safe = text_safe(text);
    snprintf(p->label, sizeof(p->label), "%s", safe);
    for (char *c = p->label; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?'; /* one byte, one column */
    sample(p, now->elapsed_ms);
}

static void put_time(char *buf, size_t size, double seconds)
{
    int64_t s = (int64_t)(seconds + 0.5);

    if (s >= 3600)
        snprintf(buf, size, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(buf, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

/* "118 MiB/s  0:12 left", as far as it is known. */
static void put_speed(const struct progress *p, int64_t left, char *buf, size_t size)
{
    char rate[TEXT_ROOM], time[TEXT_ROOM] = "";
    double seconds = p->rate > 0 ? (double)left / p->rate : -1;

    buf[0] = 0;
    if (p->rate < 0)
        return;
    if (seconds >= 0 && seconds < 360000)
        put_time(time, sizeof(time), seconds);
    snprintf(buf, size, "  %s/s%s%s%s", text_size(rate, (int64_t)p->rate), *time ? "  " : "", time,
             *time ? " left" : "");
}

static void put_bar(char *buf, size_t room, double part)
{
    size_t full = (size_t)(part * (double)room + 0.5);

    *buf++ = '[';
    for (size_t i = 0; i < room; i++)
        *buf++ = i < full ? (i + 1 == full && full < room ? '>' : '=') : ' ';
    strcpy(buf, "]  ");
}

void progress_text(const struct progress *p, bool bar, size_t width, char *buf, size_t size)
{
    char speed[3 * TEXT_ROOM], middle[LONGEST_BAR + 8] = "";
    int64_t offset, length;

    total(p, &offset, &length);
    double part = length > 0 ? (double)offset / (double)length : 0;
    if (part > 1)
        part = 1;
    put_speed(p, length > offset ? length - offset : 0, speed, sizeof(speed));

    size_t used = strlen(p->label) + NUMBERS;
    if (bar && width >= used + SHORTEST_BAR)
        put_bar(middle, width - used < LONGEST_BAR ? width - used : LONGEST_BAR, part);
    snprintf(buf, size, "%s  %s%3d%%%s", p->label, middle, (int)(part * 100), speed);
    if (width < strlen(buf))
        buf[width] = 0;
}
