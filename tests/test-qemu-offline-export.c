/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without asking a VM: what is frozen can be copied out, whatever there is of the present state, by
 * whoever may read it; and nothing is made beside it.
 *
 *     base.qcow2* <- base.s1.qcow2* <- base.s2.qcow2        generations 1, 2, 3
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(qemu_offline_export, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* Snapshot s@n, in the folder of @options, comes out whole. */
static void comes_out(const char *options, int n)
{
    offline_ok("qrewind %s export s%d out.qcow2", options, n);
    for (int i = 0; i < 3; i++) {
        auto_free char *at = mem_printf("%dM", i);

        offline_reads("out.qcow2", i < n ? i + 1 : 0, at, "64k");
    }
    offline_reads("out.qcow2", n, "3M", "64k");
    cr_assert_eq(unlink("out.qcow2"), 0);
}

/* ---- the active layer ---- */

Test(qemu_offline_export, needs_no_active_layer)
{
    offline_tower();
    offline_sh("printf '\\002' | dd of=base.s2.qcow2 bs=1 seek=79 conv=notrunc status=none");
    comes_out("-i base.qcow2", 1);
    comes_out("-i base.qcow2", 2);
    offline_sh("head -c 100000 /dev/zero >base.s2.qcow2");
    comes_out("-i base.qcow2", 2);
    offline_sh("rm base.s2.qcow2");
    comes_out("-i base.qcow2", 2);
    offline_files("base.qcow2 base.qcow2.qrewind.json base.s1.qcow2");
}

Test(qemu_offline_export, says_what_it_lacks)
{
    offline_tower();
    offline_sh("rm base.s1.qcow2");
    comes_out("-i base.qcow2", 1);
    offline_fails(1, "base.s1.qcow2: there is no such file", "qrewind -i base.qcow2 export s2 x");
    offline_files("base.qcow2 base.qcow2.qrewind.json base.s2.qcow2");
}

/* ---- who may only read ---- */

/* A program of the test's, run as nobody, who may write in "nobodys" alone. */
static struct lab_result as_nobody(const char *words)
{
    auto_free char *program = lab_program();
    auto_free char *script =
        mem_printf("cd nobodys; qrewind() { '%s' \"$@\"; }; %s", program, words);

    return lab_exec(NULL, WORDS("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh",
                                "-c", script));
}

static void let_nobody_read(void)
{
    scratch_needs_root();
    auto_free char *program = lab_program();
    auto_result struct lab_result r =
        lab_exec(NULL, WORDS("setpriv", "--reuid=65534", "--clear-groups", "test", "-x", program));

    if (r.status) {
        scratch_leave();
        cr_skip_test("nobody cannot run %s", program);
    }
    offline_tower();
    offline_sh("chmod 755 .; chmod 644 base*; mkdir -m 777 nobodys");
}

static void nobody_can(int status, const char *words, const char *says)
{
    auto_result struct lab_result r = as_nobody(words);

    cr_expect_eq(r.status, status, "%s: %d: %s%s", words, r.status, r.out, r.err);
    cr_expect(strstr(r.out, says) || strstr(r.err, says), "%s: %s%s", words, r.out, r.err);
}

Test(qemu_offline_export, who_may_read_can_do_it)
{
    let_nobody_read();
    nobody_can(0, "qrewind -i ../base.qcow2 export s2 out.qcow2", "s2: exported");
    offline_reads("nobodys/out.qcow2", 2, "3M", "64k");
    nobody_can(0, "qrewind -i ../base.qcow2 --dry-run repair", "");
    nobody_can(1, "qrewind -i ../base.qcow2 repair", "Permission denied");
    offline_sh("rm base.qcow2.qrewind.json");
    nobody_can(0, "qrewind -i ../base.qcow2 --dry-run adopt", "record");
    nobody_can(1, "qrewind -i ../base.qcow2 adopt", "Permission denied");
}

/* Nobody mends the headers of a folder that is mounted elsewhere, and may not be written to. */
Test(qemu_offline_export, also_where_the_folder_was_moved)
{
    let_nobody_read();
    offline_sh("mkdir moved; mv base* moved");
    for (int i = 1; i < 3; i++) {
        auto_free char *words =
            mem_printf("qrewind -i ../moved/base.qcow2 export s%d out%d.qcow2", i, i);
        auto_free char *file = mem_printf("nobodys/out%d.qcow2", i);

        nobody_can(0, words, "exported");
        offline_reads(file, i, "3M", "64k");
    }
}

/* Who cannot keep others out sees that they were there. */
Test(qemu_offline_export, what_was_changed_meanwhile_does_not_come_out)
{
    let_nobody_read();
    offline_sh("mkfifo -m 666 nobodys/now nobodys/go; real=$(command -v qemu-img); "
               "printf '#!/bin/sh\\necho >now; read x <go; exec %s \"$@\"\\n' $real "
               ">nobodys/qemu-img; chmod 755 nobodys/qemu-img");
    struct lab_process other =
        lab_spawn(NULL, WORDS("sh", "-c",
                              "read x <nobodys/now; \"$QREWIND\" -i base.qcow2 edit s1 "
                              "--description x; chmod 644 base*; echo >nobodys/go"));
    nobody_can(1, "PATH=$PWD:$PATH; qrewind -i ../base.qcow2 export s2 out", "meanwhile");
    auto_result struct lab_result r = lab_finish(&other);
    cr_expect_eq(r.status, 0, "%s", r.err);
    offline_sh("test ! -e nobodys/out; test ! -e nobodys/out.part");
}

/* ---- beside a VM ---- */

static void comes_out_of(const char *image, int generation)
{
    offline_ok("qrewind -i %s export s%d out.qcow2", image, generation);
    cases_image_holds(__LINE__, scratch_folder(), "out.qcow2", "qcow2", generation);
    cr_assert_eq(unlink("out.qcow2"), 0);
}

Test(qemu_offline_export, beside_a_vm_what_is_frozen_is_read)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 3);
    auto_free char *image = lab_path(lab, "vda.qcow2"), *middle = lab_path(lab, "vda.s1.qcow2"),
                   *top = lab_path(lab, "vda.s2.qcow2"), *state = state_of(lab);

    comes_out_of(image, 1);
    comes_out_of(image, 3);
    unchanged(lab, state);
    /* somebody merges into what s2 holds: QEMU reads the rest of it a byte a second */
    json_decref(lab_qmp(lab, "block-commit", "{s:s, s:s, s:s, s:s, s:i}", "job-id", "theirs",
                        "device", "vda", "top", top, "base", middle, "speed", 1));
    comes_out_of(image, 1);
    offline_fails(8, "--socket", "qrewind -i %s export s2 x", image);
    offline_files("");
    lab_stop(lab);
}
