/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record-schema: write tests/schema/VERSION.json from the QEMU in PATH.
 */
#include <stdio.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"
#include "tests/schema/schema.h"

int main(void)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 0});
    json_auto_t *entries = lab_qmp(lab, "query-qmp-schema", NULL);
    json_auto_t *reduced = schema_reduce(lab->greeting, entries);
    auto_free char *path = NULL;
    int major, minor;

    if (json_unpack(lab->greeting, "{s:{s:{s:{s:i, s:i}}}}", "QMP", "version", "qemu", "major",
                    &major, "minor", &minor))
        lab_fail("a strange greeting");
    path = mem_printf("tests/schema/%d.%d.json", major, minor);
    if (json_dump_file(reduced, path, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_ENSURE_ASCII))
        lab_fail("%s: %m", path);
    printf("%s\n", path);
    lab_stop(lab);
    return 0;
}
