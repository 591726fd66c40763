/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A short day in the life of an appliance, see tests/faults/day; the long one is make day. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"

Test(day, with_five_power_losses_loses_no_snapshot, .timeout = 0)
{
    auto_free char *program = lab_program();

    setenv("QREWIND", program, 1);
    setenv("LOSSES", "5", 1);
    auto_result struct lab_result r =
        lab_exec(NULL, (const char *const[]){"tests/faults/day", NULL});
    cr_expect_eq(r.status, 0, "%s%s", r.out, r.err);
}
