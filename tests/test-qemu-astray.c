/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Overlays of others whose headers name their base at another place: the folder was moved, or QEMU
 * saw it elsewhere, in a container.
 *
 *     a <- a.s1      x: "my backing file is /there/a.qcow2", which is not
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(qemu_astray, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define HERE "qrewind -i here/a.qcow2 "

/* Another machine's, made by hand, as qemu-img writes it. */
static void make_moved(void)
{
    cr_assert(!mkdir("there", 0700));
    offline_image("there/a.qcow2", "16M", NULL);
    offline_write("there/a.qcow2", 1, "0", "1M");
    offline_ok("qrewind -i there/a.qcow2 create s1");
    offline_write("there/a.s1.qcow2", 2, "0", "1M");
    offline_sh("qemu-img create -q -f qcow2 -F qcow2 -b $PWD/there/a.qcow2 there/x.qcow2");
    offline_write("there/x.qcow2", 9, "1M", "64k");
    cr_assert(!rename("there", "here"));
    offline_fails(0, "", HERE "repair");
}

static void mend(void)
{
    offline_sh("qemu-img rebase -q -u -f qcow2 -F qcow2 -b a.qcow2 here/x.qcow2");
}

static void expect_sound(void)
{
    mend();
    offline_reads("here/x.qcow2", 1, "0", "1M");
    offline_reads("here/x.qcow2", 9, "1M", "64k");
}

Test(qemu_astray, what_others_seem_to_build_on_is_not_written_to)
{
    make_moved();
    offline_fails(1, "here/x.qcow2, whose header names it at another place",
                  HERE "commit a --force --base a.qcow2");
    offline_fails(1, "qrewind check says what mends that",
                  HERE "--dry-run commit a --force --base a.qcow2");
    offline_ok(HERE "delete s1"); /* the other way */
    expect_sound();
    offline_reads("here/a.s1.qcow2", 2, "0", "1M");
}

Test(qemu_astray, check_names_it_and_what_it_says_mends_it)
{
    make_moved();
    json_auto_t *check = offline_json(9, HERE "check");
    cr_expect_eq(json_array_size(json_object_get(check, "findings")), 1);
    says(check, "findings.0.code", "wrong-backing");
    says(check, "findings.0.subject", "here/x.qcow2");
    says(check, "findings.0.text", "qemu-img rebase -u -f qcow2 -F qcow2 -b a.qcow2 /");
    mend();
    offline_ok(HERE "check");
}

/* A QEMU in a container had the folder elsewhere, and was told to make a snapshot there. */
Test(qemu_astray, on_what_the_guest_ran_on_last_nothing_is_made)
{
    offline_tower();
    offline_image("base.s2.c1.qcow2", "4M", "base.s2.qcow2");
    offline_write("base.s2.c1.qcow2", 7, "1M", "64k");
    offline_ok(
        "qemu-img rebase -q -u -f qcow2 -F qcow2 -b /nowhere/base.s2.qcow2 base.s2.c1.qcow2");
    offline_fails(1, "base.s2.c1.qcow2 seems to lie on what it runs on",
                  "qrewind -i base.qcow2 create h1");
    json_auto_t *check = offline_json(9, "qrewind -i base.qcow2 check");
    says(check, "findings.0.subject", "base.s2.c1.qcow2");
    auto_result struct lab_result any = offline_run("qrewind -i base.qcow2 delete s2");
    offline_ok("qemu-img rebase -q -u -f qcow2 -F qcow2 -b base.s2.qcow2 base.s2.c1.qcow2");
    offline_reads("base.s2.c1.qcow2", 3, "3M", "64k");
    offline_reads("base.s2.c1.qcow2", 7, "1M", "64k");
}

/* Its own overlays in a moved folder, and those of a copy beside it, are no others'. */
Test(qemu_astray, a_copy_whose_first_is_gone_works_on)
{
    cr_assert(!mkdir("there", 0700));
    offline_image("there/a.qcow2", "4M", NULL);
    offline_ok("qrewind -i there/a.qcow2 create s1");
    offline_write("there/a.s1.qcow2", 2, "0", "64k");
    offline_ok("qrewind -i there/a.qcow2 create s2");
    offline_ok("cp -a there here");
    offline_ok("cp -a there third");
    offline_ok("rm -r there");
    offline_ok(HERE "repair");
    offline_ok(HERE "check");
    offline_ok(HERE "create s3");
    offline_ok(HERE "delete s1");
    offline_ok(HERE "delete s2");
    auto_free char *active = offline_active("-i here/a.qcow2", 0);
    offline_reads(active, 2, "0", "64k");
}
