/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who could not look does not know that nobody is there. Whatever call of the program fails, a base
 * that another image builds on is neither written to nor removed, and snapshots are not overlooked.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/faults/fault.h"

/* s1 pins vda.qcow2, s2 vda.s1.qcow2 above it, and somebody else builds on @base. */
static struct lab *shared(const char *base)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .size = "16M"});
    auto_free char *theirs = lab_path(lab, "theirs.qcow2");

    write_generation(lab, 0, 1);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    does(lab, "create", "s2");
    write_generation(lab, 0, 3);
    lab_image(theirs, "qcow2", "16M", base, "qcow2");
    return lab;
}

Test(refused, a_base_of_others_is_not_written_to)
{
    static const char *const failures[] = {"EMFILE", "EIO", "ENOMEM"};
    static const char words[] = "commit vda --top vda.s1.qcow2 --base vda.qcow2 --force";
    struct lab *lab = shared("vda.qcow2");
    auto_free char *state = state_of(lab);
    auto_result struct lab_result r = fault_free(lab, words);
    int status = 1;

    cr_assert(strstr(r.out, "vda.qcow2 is also the base of"), "%s", r.out);
    for (int at = 1; status && at < 300; at++) {
        const struct fault f = {
            .what = failures[at % 3], .at = at, .set = "all", .stays = at / 3 % 2};
        auto_result struct lab_result failed = fault_run(lab, &f, words);

        status = failed.status;
        cr_expect(status, "%s at call %d: %s", f.what, at, failed.out);
    }
    unchanged(lab, state);
    lab_stop(lab);
}

/* s1 goes up into s2, and its file would be removed. */
static void fails_at(const char *call, int at)
{
    const struct fault f = {.what = "EMFILE", .at = at, .set = call};
    struct lab *lab = shared("vda.s1.qcow2");
    auto_result struct lab_result r = fault_run(lab, &f, "delete s2");

    turn_off(lab);
    cr_expect(has_file(lab, "vda.s1.qcow2"), "%s %d: %s", call, at, r.out);
    image_holds(lab, "theirs.qcow2", "qcow2", 2);
    lab_stop(lab);
}

Test(refused, a_base_of_others_is_not_removed)
{
    static const char *const calls[] = {"opendir", "readdir", "open"};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct lab *lab = shared("vda.s1.qcow2");
        int n = fault_count(lab, calls[i], "delete s2");

        lab_stop(lab);
        for (int at = 1; at <= n; at++)
            fails_at(calls[i], at);
    }
}

/* The base has no sidecar beside it but that of an image above. */
Test(refused, snapshots_are_not_overlooked_offline)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *base = lab_path(lab, "vda.qcow2"), *mine = lab_path(lab, "mine.qcow2");
    auto_free char *sidecar = lab_path(lab, "mine.qcow2.qrewind.json");
    auto_free char *words = mem_printf("list --image %s", base);

    turn_off(lab);
    lab_image(mine, "qcow2", "16M", "vda.qcow2", "qcow2");
    does(lab, "--image", mine, "create", "s1");
    does(lab, "--image", mine, "create", "s2");
    cr_assert(has_file(lab, "mine.qcow2.qrewind.json"), "%s", sidecar);
    for (int at = 1; at < 100; at++) {
        const struct fault f = {.what = "EMFILE", .at = at, .set = "all", .alone = true};
        auto_result struct lab_result r = fault_run(lab, &f, words);

        cr_expect(r.status || (strstr(r.out, "\"s1\"") && strstr(r.out, "\"s2\"")), "call %d: %s%s",
                  at, r.out, r.err);
    }
    lab_stop(lab);
}

/* A guest would find tables in place of its data. */
Test(refused, an_image_is_not_taken_for_raw)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *base = lab_path(lab, "vda.qcow2");
    auto_free char *words = mem_printf("--dry-run --image %s create s1", base);
    int failed = 0;

    turn_off(lab);
    for (int at = 1; at < 100; at++) {
        const struct fault f = {.what = "EIO", .at = at, .set = "all", .alone = true};
        auto_result struct lab_result r = fault_run(lab, &f, words);

        failed += r.status != 0;
        cr_expect(r.status || strstr(r.out, "\"backing_format\":\"qcow2\""), "call %d: %s", at,
                  r.out);
    }
    cr_assert(failed > 0);
    lab_stop(lab);
}

/* They build on what looks like an overlay that an operation of ours has left behind. */
Test(refused, nothing_is_mended_that_was_not_seen)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *left = lab_path(lab, "vda.s9.qcow2"), *theirs = lab_path(lab, "theirs.qcow2");
    int calls;

    does(lab, "create", "s1");
    lab_image(left, "qcow2", "16M", "vda.s1.qcow2", "qcow2");
    lab_image(theirs, "qcow2", "16M", "vda.s9.qcow2", "qcow2");
    does(lab, "create", "s2");
    calls = fault_count(lab, "all", "repair --yes");
    auto_free char *state = state_of(lab);
    for (int at = 1; at <= calls; at++) {
        const struct fault f = {.what = "EMFILE", .at = at, .set = "all", .stays = at % 2};
        auto_result struct lab_result r = fault_run(lab, &f, "repair --yes");

        cr_assert(has_file(lab, "vda.s9.qcow2"), "call %d: %s%s", at, r.out, r.err);
    }
    does(lab, "repair"); /* a lock that could not be removed */
    unchanged(lab, state);
    lab_stop(lab);
}
