/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without a VM, where an image of the present state is damaged or missing: nothing hangs, what the
 * others hold can be had, and what a hint shows works as it stands there.
 *
 *     base.qcow2* <- base.s1.qcow2* <- base.s2.qcow2        generations 1, 2, 3
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_offline_damaged, .init = offline_enter, .fini = offline_leave, .timeout = 300);

#define ON "-i base.qcow2"

/* QEMU's mark in the header. */
#define MARK(file) "printf '\\002' | dd of=" file " bs=1 seek=79 conv=notrunc status=none"

/* The guest would read what it wrote as generation @n. */
static void expect_generation(int n)
{
    auto_free char *active = offline_active(ON, 0);

    for (int i = 0; i < 3; i++) {
        auto_free char *at = mem_printf("%dM", i);

        offline_reads(active, i < n ? i + 1 : 0, at, "64k");
    }
    offline_reads(active, n, "3M", "64k");
}

Test(qemu_offline_damaged, what_QEMU_has_marked_is_not_merged)
{
    offline_tower();
    offline_sh("cp -p base.s1.qcow2 copy; " MARK("base.s1.qcow2"));
    offline_sh("qrewind " ON " delete s1 2>said; grep 'base.s1.qcow2 as damaged' said; "
               "qrewind " ON " repair --yes >said 2>&1 || test $? = 9; grep 'not merged yet' said; "
               "qrewind " ON
               " check >said || test $? = 9; grep corrupt-image said; ! grep pending said; "
               "grep 'cannot be while one of them is damaged' said");
    /* s2 needs what is damaged; with the copy all goes on */
    offline_sh("cp -p copy base.s1.qcow2; rm copy; qrewind " ON " check >said || test $? = 9; "
               "grep 'repair: merge it' said; qrewind " ON
               " repair --dry-run >said || test $? = 9; "
               "grep 'settle  *for=due-merge' said; ! grep -e --yes said; rm said; "
               "qrewind " ON " repair; qrewind " ON " check");
    expect_generation(3);
    offline_files("base.qcow2 base.qcow2.qrewind.json base.s2.qcow2");
}

Test(qemu_offline_damaged, what_QEMU_would_not_write_to_is_not_opened)
{
    offline_tower();
    offline_sh(MARK("base.s2.qcow2"));
    offline_fails(1, "has marked", "qrewind " ON " create s3");
    auto_result struct lab_result r = offline_run("qrewind " ON " create s3");
    cure_works(NULL, r.err, "qemu-img check -r all");
    offline_ok("qrewind " ON " revert s1");
    expect_generation(1);
}

/* QEMU 7.2 goes round in a circle when a job ends because of it, and says nothing more. */
Test(qemu_offline_damaged, what_QEMU_finds_damaged_is_not_waited_for)
{
    offline_tower();
    /* the first entry of its L1 table; a QEMU that hangs would be waited for for a minute */
    offline_sh(
        "cp -p base.s1.qcow2 copy; at=$(od -An -j 40 -N 8 -t u8 --endian=big base.s1.qcow2); "
        "printf '\\177\\177\\177\\177\\177\\177\\177\\177' | "
        "dd of=base.s1.qcow2 bs=1 seek=$((at)) conv=notrunc status=none; "
        "qrewind " ON " revert s2; timeout 40 \"$QREWIND\" -t 1 " ON " delete s1 2>said || "
        "{ test $? = 5; grep 'found .*base.s1.qcow2 damaged' said; }; "
        "qrewind " ON " repair --yes >said 2>&1 || test $? = 9; "
        "qrewind " ON " check >said || test $? = 9; grep corrupt-image said; ! grep pending said; "
        "cp -p copy base.s1.qcow2; rm copy said; qrewind -S *.qrewind.json repair; "
        "qrewind -S *.qrewind.json check");
    glob_t found;
    cr_assert_eq(glob("*.qrewind.json", 0, NULL, &found), 0);
    auto_free char *options = mem_printf("-S %s", found.gl_pathv[0]);
    globfree(&found);
    auto_free char *active = offline_active(options, 0);
    offline_reads(active, 1, "0", "64k");
    offline_reads(active, 2, "3M", "64k");
}

/* What a message shows for a layer that is gone brings back a snapshot that can do without it. */
static void expect_way_back(const char *said, int generation)
{
    cure_works(NULL, said, "qemu-img create");
    auto_free char *revert = mem_printf("revert --discard s%d", generation);
    const char *then = strstr(said, "; then: ");
    cr_assert(then && strstr(then, revert), "%s", said);
    offline_ok("%.*s", (int)strcspn(then + 8, ";"), then + 8);
    expect_generation(generation);
}

Test(qemu_offline_damaged, nor_does_one_below_it_keep_us_from_the_others)
{
    offline_tower();
    offline_sh("rm base.s1.qcow2");
    offline_fails(1, "get it back from a copy; ", "qrewind " ON " export s2 x");
    json_auto_t *doc = offline_json(9, "qrewind " ON " check");
    expect_way_back(text(doc, "findings.0.text"), 1);
    /* what was lost is not taken for what there was */
    json_auto_t *after = offline_json(9, "qrewind " ON " check");
    cr_expect_str_eq(text(after, "findings.0.code"), "changed-base");
    cure_works(NULL, text(after, "findings.0.text"), "qrewind -i ");
    offline_ok("qrewind " ON " check");
}

/* Nothing can be put in the place of the base. */
Test(qemu_offline_damaged, without_the_base_nothing_is_promised)
{
    offline_tower();
    offline_sh("rm base.qcow2");
    auto_result struct lab_result r = offline_run("qrewind -i base.s2.qcow2 revert s1");
    cr_expect_eq(r.status, 1);
    cr_expect(strstr(r.err, "get it back from a copy; qrewind check says"), "%s", r.err);
    cr_expect_not(strstr(r.err, "qemu-img create"), "%s", r.err);
}

/* Its headers name where it was: that is mended, not replaced. */
Test(qemu_offline_damaged, a_folder_that_was_moved_is_said_to_be_repaired)
{
    char *folder = getcwd(NULL, 0);

    offline_sh("mkdir vm");
    cr_assert_eq(chdir("vm"), 0);
    offline_tower();
    cr_assert_eq(chdir(folder), 0);
    offline_sh("mv vm there");
    cr_assert_eq(chdir("there"), 0);
    offline_fails(1, "repair mends the headers", "qrewind " ON " create s3");
    offline_ok("qrewind " ON " repair");
    offline_ok("qrewind " ON " create s3");
    free(folder);
}

Test(qemu_offline_damaged, what_is_not_there_does_not_stay_when_it_is_forgotten)
{
    offline_tower();
    offline_sh("rm base.s1.qcow2; qrewind " ON " forget >said; grep 'stays .*/base.s2.qcow2' said; "
               "! grep 'stays .*/base.s1.qcow2' said");
}
