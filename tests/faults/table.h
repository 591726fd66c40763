/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table: a matrix of operations and faults, each row tried in a process of its own, and what
 * became of it as a table on stderr, a line when a row has ended: points, passed, failed.
 */
#ifndef TESTS_FAULTS_TABLE_H
#define TESTS_FAULTS_TABLE_H

#include <stdbool.h>

#include "tests/faults/rows.h"

enum { TALLY_REPORTS = 8 };

/* What became of the points of a row. */
struct tally {
    int points, failed;
    char reports[TALLY_REPORTS][2048]; /* of those that failed, the first ones */
};

/* One point more: @why (NULL: it passed) is freed. @what says which one it was. */
void tally_add(struct tally *t, char *why, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* Try @row, as much of it as is asked for; called in a process of its own. */
typedef void table_fn(const struct row *row, struct tally *t);

/* Try all rows and print the table. Returns how many points failed. */
int table_try(const char *title, table_fn *try);

/* QRW_ROW=TEXT: only rows whose title has it; =TITLE: that one. */
bool table_asks_for(const char *title);

/* Was a matrix asked for, not a sample that fits in a minute? */
bool table_is_whole(void);

/* Is this point in? One of @of is, or of $QRW_MATRIX (1: all of them): which ones $QRW_SEED says,
 * and 0 to @of - 1 together take them all. */
bool table_picks(const struct row *row, int point, int of);

/* The same of the @nth thing that can happen at @point: of @of in a row it is exactly one. */
bool table_picks_nth(const struct row *row, int point, int nth, int of);

#endif
