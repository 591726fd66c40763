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

/* A dry run changes nothing, whatever is due. */
Test(qemu_mended, not_even_what_is_pending_by_a_dry_run)
{
    static const char *const asked[] = {
        "create x",  "create x --max-depth 1", "revert s1",
        "delete s1", "edit s1 --name y",       "prune --max-depth 1",
        "undo",      "export s1 out",          "stream base"};

    offline_tower();
    offline_interrupt("base.qcow2.qrewind.json");
    offline_sh("mkdir was; cp -p base* was");
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        json_auto_t *would = offline_json(0, Q "-n %s", asked[i]);

        says(would, "plan.0.step", "settle");
        says(would, "plan.0.operation", "prune");
    }
    offline_sh("for i in base*; do cmp $i was/$i; done; rm -r was");
    offline_ok(Q "create x");
    finds("", "");
}

Test(qemu_mended, nor_is_the_sidecar_led_home)
{
    offline_tower();
    offline_sh("mv base.qcow2.qrewind.json other.qcow2.qrewind.json");
    offline_ok("qrewind -n -i base.qcow2 create x");
    offline_files("base.qcow2 base.s1.qcow2 base.s2.qcow2 other.qcow2.qrewind.json");
}
