/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without a VM, from an active layer that cannot be opened: snapshots are whole, and can be gone
 * back to; what is damaged is not written to, and kept as long as nobody gives it up.
 *
 *     base.qcow2* <- base.s1.qcow2* <- base.s2.qcow2 (dead)        generations 1, 2, 3
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_offline_back, .init = offline_enter, .fini = offline_leave, .timeout = 300);

#define ON "-i base.qcow2"

/* QEMU's mark in the header; and what it looks like then. */
#define MARK                                                                                       \
    "printf '\\002' | dd of=base.s2.qcow2 bs=1 seek=79 conv=notrunc status=none; "                 \
    "mkdir kept; cp -p base* kept"

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

/* Nobody has written to @names, nor opened them for that. */
static void expect_untouched(const char *names)
{
    auto_free char *line = mem_printf("for f in %s; do cmp $f kept/$f; "
                                      "test \"$(stat -c %%Y.%%y $f)\" = "
                                      "\"$(stat -c %%Y.%%y kept/$f)\"; done",
                                      names);

    offline_sh(line);
}

/* What check says of it; the first finding's words. New string. */
static char *finding(const char *code)
{
    json_auto_t *doc = offline_json(9, "qrewind " ON " check");

    cr_expect_str_eq(text(doc, "findings.0.code"), code);
    return mem_strdup(text(doc, "findings.0.text"));
}

Test(qemu_offline_back, the_damaged_is_the_undo_point)
{
    offline_tower();
    offline_sh(MARK);
    auto_free char *words = finding("corrupt-image");
    offline_fails(1, "has marked", "qrewind " ON " commit base");
    offline_fails(1, "or go back: qrewind -i", "qrewind " ON " create s3");
    expect_untouched("base.qcow2.qrewind.json");
    cure_works(NULL, words, "qrewind -i");
    expect_generation(2);
    expect_untouched("base.qcow2 base.s1.qcow2 base.s2.qcow2");
    /* from here on all goes as ever */
    offline_ok("qrewind " ON " revert s1");
    expect_generation(1);
    offline_ok("qrewind " ON " check");
    offline_sh("test ! -e base.s2.qcow2");
    offline_ok("qrewind " ON " create s3");
}

/* What the last revert made is damaged before anything was written to it. */
Test(qemu_offline_back, an_empty_one_that_is_damaged_is_left_too)
{
    offline_tower();
    offline_ok("qrewind " ON " revert s1");
    offline_sh("printf '\\002' | dd of=base.s1-2.qcow2 bs=1 seek=79 conv=notrunc status=none");
    offline_ok("qrewind " ON " revert s1");
    auto_free char *active = offline_active(ON, 0);
    cr_expect(strstr(active, "/base.s1-3.qcow2"), "%s", active);
    expect_generation(1);
}

Test(qemu_offline_back, or_has_a_name_or_is_given_up)
{
    offline_tower();
    offline_sh(MARK);
    offline_ok("qrewind " ON " revert s1 --keep bad");
    expect_generation(1);
    expect_untouched("base.qcow2 base.s1.qcow2 base.s2.qcow2");
    auto_free char *words = finding("corrupt-image");
    cr_expect_not(strstr(words, "revert"), "%s", words);

    offline_sh("rm base.*; cp -p kept/* .");
    offline_ok("qrewind " ON " revert s1 --discard");
    expect_generation(1);
    expect_untouched("base.qcow2 base.s1.qcow2");
    offline_ok("qrewind " ON " check");
    offline_files("base.qcow2 base.qcow2.qrewind.json base.s1-2.qcow2 base.s1.qcow2 kept");
}

Test(qemu_offline_back, from_what_is_no_image_any_more)
{
    offline_tower();
    offline_sh("mkdir kept; head -c 100000 /dev/urandom >base.s2.qcow2; cp -p base* kept");
    offline_ok("qrewind " ON " revert s1");
    expect_generation(1);
    expect_untouched("base.qcow2 base.s1.qcow2 base.s2.qcow2");

    offline_sh("rm base.*; cp -p kept/* .");
    auto_free char *words = finding("unreadable-image");
    cure_works(NULL, words, "qrewind -i");
    expect_generation(2);
}

/* Which builds on the very layer that the engine has in place of the dead one. */
Test(qemu_offline_back, to_what_lies_on_another_branch)
{
    offline_tower();
    offline_ok("qrewind " ON " revert s1");
    auto_free char *active = offline_active(ON, 0);
    auto_free char *spoil = mem_printf("printf bad | dd of=%s conv=notrunc status=none", active);
    offline_sh(spoil);
    offline_ok("qrewind " ON " revert s2 --discard");
    expect_generation(2);
    offline_ok("qrewind " ON " create s3");
}

Test(qemu_offline_back, from_what_is_gone)
{
    offline_tower();
    offline_sh("mkdir kept; rm base.s2.qcow2; cp -p base* kept");
    offline_fails(1, "--discard gives it up", "qrewind " ON " revert s1");
    auto_free char *words = finding("missing-file");
    cure_works(NULL, words, "qrewind -i");
    expect_generation(2);
    offline_ok("qrewind " ON " check");

    offline_sh("rm base.*; cp -p kept/* .");
    auto_result struct lab_result r = offline_run("qrewind " ON " create s3");
    cure_works(NULL, r.err, "qrewind -i");
    expect_generation(2);
    offline_ok("qrewind " ON " revert s1");
    expect_generation(1);
}

/* The whole disk goes with the damaged one. */
Test(qemu_offline_back, of_several_disks_together)
{
    offline_sh("for d in a b; do qemu-img create -q -f qcow2 $d.qcow2 4M; done; "
               "qrewind -q -i a.qcow2 -i b.qcow2 create s1; for d in a b; do "
               "qemu-io -c 'write -q -P 2 0 64k' $d.s1.qcow2; done; "
               "qrewind -q -i a.qcow2 create s2; "
               "printf '\\002' | dd of=b.s2.qcow2 bs=1 seek=79 conv=notrunc status=none; "
               "qrewind -i a.qcow2 revert s2; qrewind -i a.qcow2 check >said || test $? = 9; "
               "grep corrupt-image said; rm said; qrewind -i a.qcow2 revert --discard s2");
    for (size_t i = 0; i < 2; i++) {
        auto_free char *active = offline_active("-i a.qcow2", i);

        cr_expect(strstr(active, ".s2-"), "%s", active);
        offline_reads(active, 2, "0", "64k");
    }
}

/* What needs a merge is done when the damaged one is left; the last way back stays. */
Test(qemu_offline_back, snapshots_are_deleted_without_it)
{
    offline_tower();
    offline_sh(MARK "; qrewind " ON " delete s1 2>said; grep 'not merged yet' said; rm said");
    expect_untouched("base.qcow2 base.s1.qcow2 base.s2.qcow2");
    auto_result struct lab_result r = offline_run("qrewind " ON " delete s2");
    cr_expect_eq(r.status, 1);
    cr_expect(strstr(r.err, "nothing would be left to go back to"), "%s", r.err);
    cure_works(NULL, r.err, "qrewind -i");
    offline_sh("qrewind -i base.s2-2.qcow2 check >said || test $? = 9; ! grep due-merge said; "
               "qrewind -i base.s2-2.qcow2 list >said; "
               "! grep s1 said; rm said; cmp base.s2.qcow2 kept/base.s2.qcow2");
    offline_reads("base.s2-2.qcow2", 1, "0", "64k");
    offline_reads("base.s2-2.qcow2", 2, "3M", "64k");
}

/* A branch that nothing needs any more goes, and the undo point can be gone back to. */
Test(qemu_offline_back, so_is_a_branch_and_the_undo_point_is_one)
{
    offline_tower();
    offline_sh("qrewind " ON " revert --keep s3 s1; "
               "printf bad | dd of=base.s1-2.qcow2 conv=notrunc status=none");
    offline_ok("qrewind " ON " delete s3");
    offline_sh("test ! -e base.s2.qcow2");

    offline_sh("rm base.*");
    offline_tower();
    offline_sh("qrewind " ON " revert s1; "
               "printf bad | dd of=base.s1-2.qcow2 conv=notrunc status=none; "
               "cp -p base.s1-2.qcow2 bad; qrewind " ON " undo; cmp base.s1-2.qcow2 bad; rm bad");
    expect_generation(3);

    /* what is gone is no undo point */
    offline_ok("qrewind " ON " create s3");
    offline_sh("qrewind " ON " revert s1; rm base.s1-2.qcow2; qrewind " ON " undo");
    expect_generation(3);
    offline_ok("qrewind " ON " check");
}

/* What lies in it cannot be gone back to, and is not called gone. */
Test(qemu_offline_back, snapshots_inside_of_it_are_told_from_lost_ones)
{
    offline_tower();
    offline_ok("qrewind " ON " create --internal i1");
    offline_sh(MARK);
    auto_result struct lab_result r = offline_run("qrewind " ON " revert i1");
    cr_expect_eq(r.status, 1);
    cr_expect(strstr(r.err, "base.s2.qcow2, which is marked as damaged"), "%s", r.err);
    cure_works(NULL, r.err, "qrewind -i");
    expect_generation(2);

    offline_sh("rm base.*; cp -p kept/* .; qrewind " ON " delete i1 2>said; "
               "grep 'stays in .*/base.s2.qcow2, which cannot be opened' said; rm said");
    expect_untouched("base.s2.qcow2");
}

/* Damaged before or after it was left. */
Test(qemu_offline_back, an_undo_point_that_is_damaged_is_given_up)
{
    static const char *const damage[] = {
        "printf bad | dd of=base.s2.qcow2 conv=notrunc status=none", "rm base.s2.qcow2",
        "printf '\\002' | dd of=base.s2.qcow2 bs=1 seek=79 conv=notrunc status=none"};

    for (size_t i = 0; i < 6; i++) {
        offline_tower();
        if (i >= 3)
            offline_sh(damage[i - 3]);
        offline_ok("qrewind " ON " revert s1 %s", i == 4 ? "--discard" : "");
        if (i < 3)
            offline_sh(damage[i]);
        json_auto_t *doc = offline_json(i == 4 ? 0 : 9, "qrewind " ON " check");
        if (i != 4)
            cure_works(NULL, text(doc, "findings.0.text"), "qrewind -i");
        json_auto_t *after = offline_json(i == 2 ? 9 : 0, "qrewind " ON " check");
        cr_expect_eq(json_array_size(json_object_get(after, "findings")), i == 2);
        expect_generation(1);
        offline_sh("rm base.*");
    }
}

/* ---- and when something else was under way ---- */

/* Kill the engine and the program at command @at of @line: the exit status. */
static int killed(int at, const char *line)
{
    auto_free char *number = mem_printf("%d", at);
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    cr_assert_gt(n, 0);
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    auto_free char *engine = mem_printf("%s/engine", self);
    setenv("QREWIND_QEMU", engine, 1);
    setenv("ENGINE_AT", number, 1);
    setenv("ENGINE_CLIENT", "1", 1);
    auto_result struct lab_result r = offline_run("qrewind " ON " %s", line);
    unsetenv("QREWIND_QEMU");
    return r.status;
}

static void again(void)
{
    offline_sh("rm base.*; cp -p kept/* .");
}

Test(qemu_offline_back, killed_at_any_command_it_is_done_or_undone)
{
    offline_tower();
    offline_sh(MARK);
    for (int at = 1; killed(at, "revert s1"); at++) {
        cr_assert_lt(at, 20);
        auto_result struct lab_result r = offline_run("qrewind " ON " repair");
        cr_expect_eq(r.status, 0, "%d: %s", at, r.err);
        json_auto_t *doc = offline_json(0, "qrewind " ON " info");
        cr_expect(json_is_null(json_object_get(doc, "pending")), "%d", at);
        expect_untouched("base.qcow2 base.s1.qcow2 base.s2.qcow2");
        offline_ok("qrewind " ON " revert s1");
        expect_generation(1);
        again();
    }
    expect_generation(1);
}

/* What was begun before is settled first, and no dead end. */
Test(qemu_offline_back, what_is_pending_is_settled)
{
    static const char *const lines[] = {"create s3", "delete s1", "revert s2",
                                        "commit base --force"};

    offline_tower();
    offline_sh("mkdir kept; cp -p base* kept");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        killed(2, lines[i]);
        offline_sh("printf '\\002' | dd of=base.s2.qcow2 bs=1 seek=79 conv=notrunc status=none");
        auto_result struct lab_result r = offline_run("qrewind " ON " repair");
        cr_expect_eq(r.status, 0, "%s: %s", lines[i], r.err);
        json_auto_t *doc = offline_json(0, "qrewind " ON " info");
        cr_expect(json_is_null(json_object_get(doc, "pending")), "%s", lines[i]);
        if (i != 1) {
            offline_ok("qrewind " ON " revert s1");
            expect_generation(1);
        }
        again();
    }
}
