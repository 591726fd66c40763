/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-repair-merges: what repair drops is the last that kept a layer: that is merged at once.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_repair_merges, .init = offline_enter, .fini = offline_leave, .timeout = 60);

/* a.qcow2 <- a.s1.qcow2 (the undo point), a.s1-2.qcow2 (s2) <- a.s2.qcow2; b the same, of which the
 * undo point has gone. */
static void broken_undo(void)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_image("b.qcow2", "4M", NULL);
    offline_write("a.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 create s1");
    offline_write("a.s1.qcow2", 2, "64k", "64k");
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 revert s1");
    offline_write("a.s1-2.qcow2", 3, "128k", "64k");
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 create s2");
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 delete s1");
    offline_sh("rm b.s1.qcow2");
}

Test(qemu_repair_merges, what_a_dropped_undo_point_has_kept)
{
    broken_undo();
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 -i b.qcow2 repair --yes");
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.out, "mended broken-undo"), "%s", r.out);
    cr_expect(!strstr(r.out, "due-merge"), "%s", r.out);
    /* nothing leads to it any more: it has to be said now */
    auto_free char *kept = mem_strdup(strstr(r.out, "kept") ? strstr(r.out, "kept") : "");
    cr_expect(strstr(kept, "a.s1.qcow2: no record names it; it holds data"), "%s", r.out);
    offline_ok("qrewind -i a.s2.qcow2 -i b.s2.qcow2 check");
    offline_files("a.qcow2 a.s1-2.qcow2 a.s1.qcow2 a.s2.qcow2 a.s2.qcow2.qrewind.json b.qcow2 "
                  "b.s2.qcow2");
    offline_reads("a.s2.qcow2", 1, "0", "64k");
    offline_reads("a.s2.qcow2", 0, "64k", "64k");
    offline_reads("a.s2.qcow2", 3, "128k", "64k");
    offline_reads("a.s1.qcow2", 2, "64k", "64k");
}

/* It was one to the end: that there is none is no news of before. */
Test(qemu_repair_merges, what_was_the_last_in_the_record_ends_it)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_write("a.s1.qcow2", 2, "1M", "64k");
    offline_ok("qrewind -i a.qcow2 revert s1");
    offline_ok("qrewind -i a.qcow2 delete s1");
    offline_ok("rm a.s1.qcow2");
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 repair --yes");
    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.out, "mended broken-undo"), "%s", r.out);
    cr_expect(!strstr(r.err, "there is no sidecar"), "%s", r.err);
    offline_files("a.qcow2");
}
