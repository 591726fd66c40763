/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: see table.h. */
#include "cli/table.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>

#include "cli/text.h"
#include "qmp/mem.h"

struct table {
    struct libscols_table *scols;
    size_t ncolumns;
};

static int flags_of(unsigned flags)
{
    return (flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0) | (flags & TABLE_TREE ? SCOLS_FL_TREE : 0) |
           (flags & TABLE_WRAP ? SCOLS_FL_WRAP : 0);
}

struct table *table_new(const struct table_column *columns)
{
    struct table *t = mem_alloc(sizeof(*t));

    /* without it names beyond ASCII would be written out, and trees drawn with '-' */
    setlocale(LC_CTYPE, "");
    t->scols = scols_new_table();
    if (!t->scols)
        abort();
    scols_table_enable_colors(t->scols, 0);
    scols_table_enable_noencoding(t->scols, 1); /* cells are safe already, see table_line() */
    for (; columns[t->ncolumns].name; t->ncolumns++)
        if (!scols_table_new_column(t->scols, columns[t->ncolumns].name, 0,
                                    flags_of(columns[t->ncolumns].flags)))
            abort();
    return t;
}

struct table_line *table_line(struct table *t, struct table_line *parent, const char *const *cells)
{
    struct libscols_line *line = scols_table_new_line(t->scols, (struct libscols_line *)parent);

    if (!line)
        abort();
    for (size_t i = 0; i < t->ncolumns; i++) {
        auto_free char *safe = text_safe(cells[i]);

        if (scols_line_set_data(line, i, safe))
            abort();
    }
    return (struct table_line *)line;
}

void table_print(struct table *t)
{
    scols_print_table(t->scols);
    scols_unref_table(t->scols);
    free(t);
}
