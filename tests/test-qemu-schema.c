/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was recorded is what QEMU says.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"
#include "tests/schema/schema.h"

Test(schema, the_recording_is_that_of_the_running_qemu)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 0});

    for (const char *const *r = schema_releases; *r; r++) {
        json_auto_t *entries = NULL, *reduced = NULL;

        if (!json_equal(lab->greeting, schema_greeting(*r)))
            continue;
        entries = lab_qmp(lab, "query-qmp-schema", NULL);
        reduced = schema_reduce(lab->greeting, entries);
        cr_assert(json_equal(reduced, schema_load(*r)), "make record-schema writes it anew");
        lab_stop(lab);
        return;
    }
    lab_stop(lab);
    cr_skip_test("this very build of QEMU was not recorded");
}
