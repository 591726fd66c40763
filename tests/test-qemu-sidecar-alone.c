/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was interrupted is settled where the sidecar alone says which images there are, also the
 * first thing that was ever done, and the last, after which there is nothing to record. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_sidecar_alone, .init = offline_enter, .fini = offline_leave, .timeout = 300);

enum { MAX_COMMANDS = 60 };

#define ALONE "qrewind -S a.qcow2.qrewind.json "

/* The engine and the program are killed at command @at of @line. False: it has less. */
static bool kill_at(int at, const char *line)
{
    char self[512] = {0};

    cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
    *strrchr(self, '/') = '\0';
    auto_free char *engine = mem_printf("%s/engine", self), *number = mem_printf("%d", at);
    setenv("QREWIND_QEMU", engine, 1);
    setenv("ENGINE_CLIENT", "1", 1);
    setenv("ENGINE_AT", number, 1);
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 %s", line);
    unsetenv("QREWIND_QEMU");
    return r.status != 0;
}

/* At every point of @line, after @before (may be NULL), @repair settles it, and a holds what it
 * did. */
static void every_point(const char *before, const char *line, const char *repair)
{
    int points = 0;

    for (int at = 1;; at++) {
        offline_image("a.qcow2", "4M", NULL);
        offline_write("a.qcow2", 1, "0", "64k");
        if (before)
            offline_ok("qrewind -i a.qcow2 %s", before);
        if (!kill_at(at, line))
            break;
        if (!access("a.qcow2.qrewind.json", F_OK)) {
            offline_ok(ALONE "list");
            offline_ok("%s", repair);
            points++;
        }
        auto_free char *active = offline_active("-i a.qcow2", 0);
        offline_reads(active, 1, "0", "64k");
        offline_ok("qrewind -i a.qcow2 check");
        offline_ok("qrewind -i a.qcow2 create next");
        offline_sh("rm -f *");
        cr_assert_lt(at, MAX_COMMANDS);
    }
    cr_expect_gt(points, 0);
}

Test(qemu_sidecar_alone, the_first_create_that_was_killed)
{
    every_point(NULL, "create n1", ALONE "repair");
}

Test(qemu_sidecar_alone, a_delete_after_which_nothing_is_recorded)
{
    every_point("create n1", "delete n1", ALONE "repair");
}

/* Nor has what was mended left anything to look at. */
Test(qemu_sidecar_alone, a_repair_after_which_nothing_is_recorded)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create n1 --internal");
    offline_ok("qemu-img snapshot -d n1 a.qcow2");
    json_auto_t *doc = offline_json(0, ALONE "repair --yes");
    cr_expect_eq(json_array_size(json_object_get(doc, "mended")), 1);
    cr_expect_eq(json_array_size(json_object_get(doc, "findings")), 0);
    offline_files("a.qcow2");
}

/* Nothing was written to it, so the disk does not run on it, though it has its name. */
Test(qemu_sidecar_alone, by_the_overlay_of_the_first_create)
{
    offline_image("a.qcow2", "4M", NULL);
    cr_assert(kill_at(1, "create n1"));
    offline_ok("qrewind -i a.n1.qcow2 repair");
    offline_files("a.qcow2");
}

/* What has begun as the first that is ever done to a, and the base below it, is settled: by the
 * record, wherever it lies by now. Is it done? */
static bool settled_as_done(void)
{
    auto_result struct lab_result found = offline_run("find . -type f -name *.qrewind.json");

    if (!*found.out)
        return false;
    auto_result struct lab_result r =
        offline_run("qrewind -S %.*s repair", (int)strcspn(found.out, "\n"), found.out);
    cr_assert_eq(r.status, 0, "%s", r.err);
    return strstr(r.out, ": finished");
}

/* At every point of @line all of a is where it was, or in @target, if it is said to be done. */
static void first_ever(const char *line, const char *target)
{
    int points = 0;

    for (int at = 1;; at++, points++) {
        offline_image("base.qcow2", "4M", NULL);
        offline_write("base.qcow2", 1, "0", "64k");
        offline_image("a.qcow2", NULL, "base.qcow2");
        offline_write("a.qcow2", 2, "64k", "64k");
        const bool killed = kill_at(at, line);
        const char *file = settled_as_done() || !killed ? target : "a.qcow2";

        offline_reads(file, 1, "0", "64k");
        offline_reads(file, 2, "64k", "64k");
        offline_sh("rm -f *");
        if (!killed)
            break;
        cr_assert_lt(at, MAX_COMMANDS);
    }
    cr_expect_gt(points, 0);
}

Test(qemu_sidecar_alone, the_first_copy_that_was_killed)
{
    first_ever("mirror a copy.qcow2 --pivot", "copy.qcow2");
}

Test(qemu_sidecar_alone, the_first_commit_that_was_killed)
{
    first_ever("commit a", "base.qcow2");
}
