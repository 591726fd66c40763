/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: see table.h. */
#include "tests/faults/table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"

enum { BASIS = 1, WORKERS = 2 };

void tally_add(struct tally *t, char *why, const char *what, ...)
{
    char point[256];
    va_list ap;

    t->points++;
    if (!why)
        return;
    va_start(ap, what);
    vsnprintf(point, sizeof(point), what, ap);
    va_end(ap);
    if (t->failed < TALLY_REPORTS)
        snprintf(t->reports[t->failed], sizeof(t->reports[0]), "%s: %s", point, why);
    t->failed++;
    free(why);
}

bool table_is_whole(void)
{
    return getenv("QRW_MATRIX");
}

bool table_picks_nth(const struct row *row, int point, int nth, int of)
{
    const char *told = getenv("QRW_MATRIX"), *seed = getenv("QRW_SEED");
    uint32_t h = BASIS;

    for (const char *c = row->title; *c; c++)
        h = (h ^ (uint8_t)*c) * 16777619;
    h = (h ^ (uint32_t)point) * 16777619;
    h = (h >> 8) + (uint32_t)nth + (seed ? (uint32_t)atoi(seed) : 0);
    return h % (uint32_t)(told ? atoi(told) : of) == 0;
}

bool table_picks(const struct row *row, int point, int of)
{
    return table_picks_nth(row, point, 0, of);
}

/* ---- the rows ---- */

bool table_asks_for(const char *title)
{
    const char *only = getenv("QRW_ROW");

    if (!only)
        return true;
    return only[0] == '=' ? !strcmp(title, only + 1) : strstr(title, only) != NULL;
}

static void print(const char *title, const struct tally *t)
{
    fprintf(stderr, "%-28s %7d %7d %7d\n", title, t->points, t->points - t->failed, t->failed);
    for (int k = 0; k < t->failed && k < TALLY_REPORTS; k++)
        fprintf(stderr, "    %s\n", t->reports[k]);
}

/* One row has ended, and is printed. That its process died counts as a failure of its own. */
static void reap(pid_t *pids, struct tally *tallies, int *running)
{
    int status;
    pid_t pid = wait(&status);

    for (int i = 0; i < nrows; i++) {
        if (pids[i] != pid)
            continue;
        pids[i] = 0; /* the number may come again */
        if (status)
            tally_add(&tallies[i], mem_printf("the test gave up, status %x", status),
                      "after point %d", tallies[i].points);
        if (tallies[i].points)
            print(rows[i].title, &tallies[i]);
    }
    --*running;
}

static void run_rows(table_fn *try, struct tally *tallies)
{
    auto_free pid_t *pids = mem_alloc((size_t)nrows * sizeof(*pids));
    int running = 0;

    for (int i = 0; i < nrows; i++) {
        if (!table_asks_for(rows[i].title))
            continue;
        if (running == WORKERS)
            reap(pids, tallies, &running);
        fflush(NULL);
        pids[i] = fork();
        if (pids[i] == 0) {
            try(&rows[i], &tallies[i]);
            exit(0);
        }
        running++;
    }
    while (running)
        reap(pids, tallies, &running);
}

int table_try(const char *title, table_fn *try)
{
    const size_t size = (size_t)nrows * sizeof(struct tally);
    struct tally *tallies =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (tallies == MAP_FAILED)
        abort();
    fprintf(stderr, "%-28s %7s %7s %7s\n", title, "points", "passed", "failed");
    run_rows(try, tallies);
    struct tally total = {0};
    for (int i = 0; i < nrows; i++) {
        total.points += tallies[i].points;
        total.failed += tallies[i].failed;
    }
    munmap(tallies, size);
    print("total", &total);
    return total.failed;
}
