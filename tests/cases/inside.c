/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inside: see inside.h. */
#include "tests/cases/inside.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"

bool has_snapshot_jobs(struct lab *lab)
{
    return number(lab->greeting, "QMP.version.qemu.major") >= 6;
}

void write_both(struct lab *lab, int generation)
{
    write_generation(lab, 0, generation);
    write_generation(lab, 1, generation);
}

struct lab *with_memory(bool modern)
{
    struct lab *lab =
        lab_start(&(struct lab_options){.disks = 2, .modern = modern, .running = true});

    write_both(lab, 1);
    does(lab, "create", "m1", "--internal", "--memory");
    write_both(lab, 2);
    return lab;
}

struct lab *disks_alone(bool modern)
{
    struct lab *lab =
        lab_start(&(struct lab_options){.disks = 2, .modern = modern, .running = true});

    write_both(lab, 1);
    does(lab, "create", "d1", "--internal");
    write_both(lab, 2);
    return lab;
}

void human_saves(struct lab *lab, const char *words)
{
    auto_free char *answer = lab_human(lab, "savevm %s", words);

    cr_assert_str_empty(answer, "savevm %s: %s", words, answer);
}

void inside_tags_are(struct lab *lab, int line, int disk, const char *expected)
{
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);
    const json_t *tag, *block = json_array_get(blocks, (size_t)disk);
    char *all = mem_strdup("");
    size_t i;

    json_array_foreach(at(block, "inserted.image.snapshots"), i, tag) {
        auto_free char *before = all;
        const char *name = text(tag, "name");

        all = mem_printf("%s%s%s", before, i ? " " : "",
                         strncmp(name, "qrw-undo-", 9) ? name : "undo");
    }
    auto_free char *found = all;
    cr_assert_str_eq(found, expected, "line %d: disk %d has the tags '%s', not '%s'", line, disk,
                     found, expected);
}

void inside_status_is(struct lab *lab, int line, const char *expected)
{
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    cases_says(status, line, "status", expected);
}

void inside_file_tags(struct lab *lab, int line, const char *file, const char *expected)
{
    static const char script[] = "qemu-img snapshot -U -l $0 | "
                                 "awk 'NR > 2 { printf \"%s%s\", sep, $2; sep = \" \" }' | "
                                 "sed 's/qrw-undo-[0-9a-f]*/undo/'";
    auto_result struct lab_result r = lab_exec(lab->folder, WORDS("sh", "-c", script, file));

    cr_assert_str_eq(r.out, expected, "line %d: %s has the tags '%s'", line, file, r.out);
}
