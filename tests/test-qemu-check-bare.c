/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What check and repair make of images without a VM that no record names, or none names any more.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_check_bare, .init = offline_enter, .fini = offline_leave, .timeout = 120);

static void sh(const char *commands)
{
    auto_result struct lab_result r = lab_exec(NULL, WORDS("sh", "-ec", commands));

    cr_assert_eq(r.status, 0, "%s: %s%s", commands, r.out, r.err);
}

/* It would be recorded with what it held then, and what came later would be out of sight. */
Test(qemu_check_bare, what_a_merge_has_left_is_not_recorded_unasked)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_write("a.s2.qcow2", 3, "0", "64k");
    auto_result struct lab_result r =
        offline_run("qrewind -i a.qcow2 commit a --force --keep-files");
    cr_expect(strstr(r.err, "/a.s1.qcow2 now: start QEMU with that, no more with a.s2.qcow2"), "%s",
              r.err);
    offline_write("a.s1.qcow2", 9, "0", "64k");
    offline_fails(1, "since a merge", "qrewind -i a.s2.qcow2 create s3");

    json_auto_t *found = offline_json(9, "qrewind -i a.s2.qcow2 check");
    cr_expect(strstr(text(found, "findings.0.text"), "but a.s1.qcow2 below it was written to"));
    json_auto_t *asked = offline_json(0, "qrewind -i a.s2.qcow2 repair");
    auto_free char *left = findings_of(asked);
    cr_expect_str_eq(left, "foreign-layer a.s2.qcow2");
    offline_ok("qrewind -i a.s1.qcow2 create s3");
    offline_reads("a.s3.qcow2", 9, "0", "64k");
}

static void finds_alike(const char *image, const char *expected)
{
    static const char *const verbs[] = {"check", "repair --dry-run", "repair", "repair --yes"};
    json_auto_t *first = NULL;

    for (int i = 0; i < 4; i++) {
        json_auto_t *doc = offline_json(i == 0 ? 9 : 0, "qrewind -i %s %s", image, verbs[i]);
        auto_free char *found = findings_of(doc);

        first = first ? first : json_incref(at(doc, "findings"));
        cr_expect(json_equal(at(doc, "findings"), first), "%s tells the same", verbs[i]);
        cr_expect_str_eq(found, expected, "%s: %s", verbs[i], found);
        cr_expect_null(text(doc, "findings.0.repair"), "nothing is promised by %s", verbs[i]);
    }
}

/* What lies in a file may be a guest's: it is not written down as the format of that. */
Test(qemu_check_bare, without_a_record_nothing_is_mended_and_all_is_told)
{
    offline_image("base.qcow2", "4M", NULL);
    offline_image("top.qcow2", "4M", "base.qcow2");
    sh("printf '\\021\\021\\021\\021' | dd of=top.qcow2 bs=1 seek=112 conv=notrunc status=none; "
       "cp top.qcow2 was");
    finds_alike("top.qcow2", "no-backing-format top.qcow2");
    sh("cmp top.qcow2 was; cure=$(\"$QREWIND\" -i top.qcow2 check | grep -o 'qemu-img rebase.*') "
       "|| :; "
       "eval \"${cure%FORMAT*}qcow2${cure#*FORMAT}\"; chmod 666 base.qcow2");
    finds_alike("top.qcow2", "open-permissions base.qcow2");
    offline_ok("qrewind -i top.qcow2 adopt");
    offline_ok("qrewind -i top.qcow2 repair --yes");
    offline_ok("qrewind -i top.qcow2 check");
    offline_ok("qrewind -i top.qcow2 forget");
    sh("qemu-img rebase -u -f qcow2 -F raw -b /dev/null top.qcow2");
    finds_alike("top.qcow2", "unreadable-image null"); /* that all may write to it is no news */
}

/* repair records nothing where there is no record. */
Test(qemu_check_bare, an_overlay_beside_it_is_to_be_adopted)
{
    offline_image("disk.qcow2", "4M", NULL);
    offline_image("disk.s1.qcow2", "4M", "disk.qcow2");
    offline_write("disk.s1.qcow2", 2, "0", "64k");
    finds_alike("disk.qcow2", "foreign-layer disk.s1.qcow2");
    sh("eval \"$(\"$QREWIND\" -i disk.qcow2 repair | grep -o 'qrewind -i .* adopt' | "
       "sed \"s|qrewind|$QREWIND|\")\"");
    offline_ok("qrewind -i disk.qcow2 check");
    json_auto_t *list = offline_json(0, "qrewind -i disk.qcow2 list");
    cr_expect_str_eq(text(list, "snapshots.0.name"), "s1");
}
