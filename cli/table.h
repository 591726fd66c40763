/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: tables and trees on stdout, by libsmartcols. The only file that knows it is table.c. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>

struct table;
struct table_line;

enum { TABLE_RIGHT = 1, TABLE_TREE = 2 };

struct table_column {
    const char *name; /* NULL ends the list */
    unsigned flags;
};

struct table *table_new(const struct table_column *columns);

/*
 * Add a line below @parent (NULL: none) with a cell for every column. The texts are
 * made safe and copied. Returns the line, which belongs to the table.
 */
struct table_line *table_line(struct table *t, struct table_line *parent, const char *const *cells);

/* Print it, in the order the lines came, and free it. */
void table_print(struct table *t);

#endif
