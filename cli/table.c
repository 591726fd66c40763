/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table: see table.h. */
#include "cli/table.h"

#include <langinfo.h>
#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli/text.h"
#include "qmp/mem.h"

struct table {
    struct libscols_table *scols;
    size_t ncolumns;
};

/* Never SCOLS_FL_WRAP: it runs in circles on characters of no width (combining accents). */
static int flags_of(unsigned flags)
{
    return (flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0) | (flags & TABLE_TREE ? SCOLS_FL_TREE : 0);
}

/*
 * What is printed is UTF-8, whatever the locale. libsmartcols measures cells by the
 * locale, and runs in circles where it cannot decode one.
 */
static void set_locale(struct libscols_table *scols)
{
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8")) {
        scols_table_enable_ascii(scols, 1);
        setlocale(LC_CTYPE, "C.UTF-8");
    }
}

/* @text (safe already) with '?' for what has no width in this locale. */
static void measure(char *text)
{
    wchar_t wide;
    char *out = text;

    for (int n; *text; text += n > 0 ? n : 1) {
        n = mbtowc(&wide, text, MB_CUR_MAX);
        if (n > 0 && wcwidth(wide) >= 0) {
            memmove(out, text, (size_t)n);
            out += n;
        } else {
            *out++ = '?';
        }
    }
    *out = 0;
}

struct table *table_new(const struct table_column *columns)
{
    struct table *t = mem_alloc(sizeof(*t));

    t->scols = scols_new_table();
    if (!t->scols)
        abort();
    set_locale(t->scols);
    scols_table_enable_colors(t->scols, 0);
    scols_table_enable_noencoding(t->scols, 1); /* cells are safe when they get there */
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

        measure(safe);
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
