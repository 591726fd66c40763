/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What repair does of a VM that is off, beyond one finding and its mend. */
#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_mended, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define Q "qrewind -S base.qcow2.qrewind.json "

static void finds(const char *options, const char *expected)
{
    json_auto_t *doc = offline_json(*expected ? 9 : 0, Q "check%s", options);
    auto_free char *found = findings_of(doc);

    cr_expect_str_eq(found, expected, "%s: %s", options, found);
}

/* The header above a layer that is found under another name is wrong once that is recorded. */
Test(qemu_mended, the_dry_run_shows_what_a_mend_makes_due)
{
    offline_tower();
    offline_sh("mv base.qcow2 other.qcow2");
    json_auto_t *shown = offline_json(0, Q "repair --dry-run");
    says(shown, "plan.0.step", "rename");
    says(shown, "plan.1.step", "backing");
    says(shown, "plan.1.backing", "other.qcow2");
    cr_expect_eq(json_array_size(at(shown, "plan")), 2);
    json_auto_t *done = offline_json(0, Q "repair");
    cr_expect_eq(json_array_size(at(done, "mended")), 2);
    json_auto_t *none =
        offline_json(0, Q "repair --dry-run --only moved-file --only wrong-backing");
    cr_expect_eq(json_array_size(at(none, "plan")), 0);
}

/* The file of a base is shorter, but nothing of it is lost. */
Test(qemu_mended, a_base_that_was_made_anew)
{
    offline_tower();
    offline_write("base.s1.qcow2", 0, "2M", "1M");
    offline_ok(Q "repair --yes");
    offline_sh("qemu-img convert -O qcow2 -F qcow2 -B base.qcow2 base.s1.qcow2 anew; "
               "mv anew base.s1.qcow2");
    finds("", "changed-base base.s1.qcow2");
    offline_ok(Q "repair --yes");
    finds(" --deep", "changed-base base.s1.qcow2");
    offline_ok(Q "repair --deep --yes");
    finds("", "");
    offline_reads("base.s2.qcow2", 2, "1M", "64k");
    offline_reads("base.s2.qcow2", 3, "3M", "64k");
}

/* A disk that is named beside those of the record, and that create would not take. */
Test(qemu_mended, a_disk_that_the_record_does_not_know)
{
    offline_tower();
    offline_image("new.qcow2", "4M", NULL);
    finds(" -i new.qcow2", "");
    offline_sh("qemu-img rebase -u -f qcow2 -F qcow2 -b new.qcow2 new.qcow2");
    finds(" -i new.qcow2", "backing-loop new.qcow2");
    offline_sh("qemu-img rebase -u -f qcow2 -F qcow2 -b gone.qcow2 new.qcow2");
    finds(" -i new.qcow2", "unreadable-image gone.qcow2");
    finds("", "");
}
