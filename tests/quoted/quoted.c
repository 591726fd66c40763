/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quoted: see quoted.h. */
#include "tests/quoted/quoted.h"

#include <criterion/criterion.h>

#include "qmp/mem.h"

json_t *quoted(const char *words)
{
    auto_free char *text = mem_strdup(words);
    json_error_t why;

    for (char *c = text; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *value = json_loads(text, JSON_DECODE_ANY, &why);
    cr_assert_not_null(value, "%s: %s", words, why.text);
    return value;
}
