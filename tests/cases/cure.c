/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cure: see cure.h. */
#include "tests/cases/cure.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

void cure_works(const struct lab *lab, const char *said, const char *beginning)
{
    const char *from = strstr(said, beginning);

    cr_assert(from, "'%s' does not show %s", said, beginning);
    auto_free char *program = lab_program();
    auto_free char *script =
        mem_printf("qrewind() { '%s' %s%s \"$@\"; }; %.*s", program, lab ? "--socket " : "",
                   lab ? lab->socket : "", (int)strcspn(from, ");\n"), from);
    auto_result struct lab_result r = lab_exec(NULL, WORDS("sh", "-ec", script));

    cr_assert_eq(r.status, 0, "%s: %s%s", script, r.out, r.err);
}
