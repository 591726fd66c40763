/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress: see progress.h. What is shown is made in progress-text.c. */
#include "cli/progress.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/out.h"

enum { SAY_EVERY_MS = 10000, WIDEST = 120 };

static bool can_redraw(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb");
}

void progress_init(struct progress *p, bool json, bool quiet)
{
    memset(p, 0, sizeof(*p));
    p->rate = -1;
    p->sample_ms = -1;
    if (quiet)
        p->mode = PROGRESS_NONE;
    else if (json)
        p->mode = PROGRESS_JSON;
    else
        p->mode = can_redraw() ? PROGRESS_BAR : PROGRESS_LINES;
}

/* Asked each time: the window may have changed. */
static size_t terminal_width(void)
{
    struct winsize w;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
        return 80;
    return w.ws_col < WIDEST ? w.ws_col : WIDEST;
}

static bool ended(const struct qrw_progress *now)
{
    return now->status && (!strcmp(now->status, "concluded") || !strcmp(now->status, "null"));
}

static void show_json(const struct qrw_progress *now)
{
    json_auto_t *line =
        json_pack("{s:{s:s?, s:s?, s:s?, s:s?, s:I, s:I, s:I}}", "progress", "job", now->job,
                  "disk", now->disk, "operation", now->operation, "status", now->status, "offset",
                  (json_int_t)now->offset, "length", (json_int_t)now->length, "elapsed_ms",
                  (json_int_t)now->elapsed_ms);

    if (line)
        out_json(stderr, line);
}

static void show_line(struct progress *p, const struct qrw_progress *now)
{
    char text[2 * WIDEST];

    if (now->elapsed_ms - p->said_ms < SAY_EVERY_MS && !(ended(now) && p->said_ms))
        return;
    p->said_ms = now->elapsed_ms;
    progress_text(p, false, WIDEST, text, sizeof(text));
    out_line(stderr, "%s", text);
}

static void show_bar(struct progress *p)
{
    char text[2 * WIDEST];

    /* one column stays free: some terminals wrap when the last one is written */
    progress_text(p, true, terminal_width() - 1, text, sizeof(text));
    fprintf(stderr, "\r%s\033[K", text);
    fflush(stderr);
    p->drawn = true;
}

void progress_show(struct progress *p, const struct qrw_progress *now)
{
    if (p->mode == PROGRESS_NONE)
        return;
    if (p->mode == PROGRESS_JSON) {
        show_json(now);
        return;
    }
    progress_feed(p, now);
    if (p->mode == PROGRESS_BAR)
        show_bar(p);
    else
        show_line(p, now);
}

void progress_clear(struct progress *p)
{
    if (!p->drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->drawn = false;
}
