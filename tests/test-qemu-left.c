/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk leaves the image that everybody names: what lies there is old, and no record is begun of
 * it unasked. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_left, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* What the program says of a.qcow2 on stderr, whatever becomes of @words. */
static void says_so(const char *words)
{
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 %s", words);

    cr_expect(
        strstr(r.err, "a.i1.qcow2.qrewind.json says that disk a does not use a.qcow2 any more"),
        "%s: %s", words, r.err);
}

Test(qemu_left, by_a_copy_out_of_an_internal_snapshot)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create i1 --internal");
    offline_write("a.qcow2", 2, "0", "64k");
    offline_ok("qrewind -i a.qcow2 create e1");
    offline_ok("qrewind -i a.qcow2 revert i1");
    offline_ok("qrewind -i a.qcow2 delete i1");
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 delete e1");
    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.err, "does not use ") && strstr(r.err, "a.i1.qcow2 from now on"), "%s",
              r.err);
    says_so("list");
    json_auto_t *check = offline_json(9, "qrewind -i a.qcow2 check");
    says(check, "findings.0.text", "does not use a.qcow2 any more; it is on ");
    says_so("undo");
    offline_fails(1, "it is on ", "qrewind -i a.qcow2 create x");
    offline_files("a.e1.qcow2 a.i1.qcow2 a.i1.qcow2.qrewind.json a.qcow2");
    offline_ok("qrewind -i a.i1.qcow2 create x");
    offline_ok("qrewind -i a.i1.qcow2 check");
}

/* It may be another VM's by now. */
Test(qemu_left, and_is_another_disk_then)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("qrewind -i a.qcow2 stream a");
    offline_ok("qrewind -i a.qcow2 delete s1");
    offline_fails(1, "--sidecar ", "qrewind -i a.qcow2 create x");
    offline_ok("qrewind -i a.qcow2 --sidecar a.qcow2.qrewind.json create x");
    offline_ok("qrewind -i a.qcow2 create y");
    offline_ok("qrewind -i a.s1.qcow2 create z");
    offline_ok("qrewind -i a.qcow2 check");
    offline_ok("qrewind -i a.s1.qcow2 check");
}
