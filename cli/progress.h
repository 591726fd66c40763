/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress: how jobs are getting on, on stderr.
 *
 *   a terminal   a bar, redrawn in place      elsewhere   a line now and then
 *   --json       JSON lines                   --quiet     nothing
 *
 * Jobs that run together are shown as one. Time is what the jobs report; nothing
 * here looks at a clock.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/vm.h"

enum progress_mode { PROGRESS_NONE, PROGRESS_BAR, PROGRESS_LINES, PROGRESS_JSON };

enum { PROGRESS_JOBS = 64, PROGRESS_LABEL = 48 };

struct progress {
    enum progress_mode mode;
    struct {
        char id[64];
        int64_t offset, length;
    } jobs[PROGRESS_JOBS];
    size_t njobs;
    char label[PROGRESS_LABEL];       /* "commit disk0", "stream 3 disks"; safe to print */
    int64_t sample_ms, sample_offset; /* when the rate was taken last; less than 0: never */
    double rate;                      /* bytes per second, less than 0: not known yet */
    int64_t said_ms;                  /* when the last line was printed */
    bool drawn;                       /* a bar stands on the terminal's line */
};

void progress_init(struct progress *p, bool json, bool quiet);

/* For qrw_options.progress: a job says how far it is. */
void progress_show(struct progress *p, const struct qrw_progress *now);

/* Take the bar away, before something else is printed and at the end. */
void progress_clear(struct progress *p);

/* ---- what the above are made of ---- */

/* Take in what @now says. */
void progress_feed(struct progress *p, const struct qrw_progress *now);

/* All jobs as text, in at most @width columns, into @buf (@size bytes). @bar: with one. */
void progress_text(const struct progress *p, bool bar, size_t width, char *buf, size_t size);

#endif
