/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The active layer is merged down by hand (qemu-img commit), and removed, where more than one
 * snapshot goes through the layer that it went into. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_committed, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define Q "qrewind -i base.qcow2 "

static void finds(const char *expected)
{
    json_auto_t *doc = offline_json(*expected ? 9 : 0, Q "check");
    auto_free char *found = findings_of(doc);

    cr_expect_str_eq(found, expected, "%s", found);
}

static const char seems[] = "somebody seems to have merged it into that";

/* What is overwritten, nobody gets in the place of what he asks for. */
static void is_not_given(const char *name)
{
    offline_fails(1, seems, Q "export %s out", name);
    offline_fails(1, seems, Q "revert --discard %s", name);
    offline_fails(1, seems, Q "create s9");
}

Test(qemu_committed, what_it_has_overwritten_is_not_given_out)
{
    offline_tower();
    offline_sh("qemu-img commit -q -d base.s2.qcow2; rm base.s2.qcow2");
    finds("stale-record base.s2.qcow2, broken-snapshot s2");
    is_not_given("s2");
    offline_ok(Q "repair --yes");
    finds("");
    offline_fails(3, "s2", Q "show s2");
    offline_reads("base.s1.qcow2", 3, "3M", "64k");
    offline_ok(Q "revert s1");
    auto_free char *active = offline_active("-i base.qcow2", 0);
    offline_reads(active, 1, "3M", "64k");
}

/* An undo point and a snapshot lie on the same base: they show what came down, too. */
Test(qemu_committed, what_lies_beside_it_is_lost_with_it)
{
    offline_tower();
    offline_ok(Q "revert s1");
    auto_free char *active = offline_active("-i base.qcow2", 0);
    offline_write(active, 7, "2M", "64k");
    offline_sh("qemu-img commit -q -d base.s1-2.qcow2; rm base.s1-2.qcow2");
    finds("stale-record base.s1-2.qcow2, broken-snapshot s1, broken-snapshot s2, broken-undo undo");
    is_not_given("s1");
    offline_fails(1, seems, Q "undo");
    offline_ok(Q "repair --yes");
    offline_reads("base.qcow2", 7, "2M", "64k");
    offline_ok(Q "create s9");
    offline_files("base.qcow2 base.qcow2.qrewind.json base.s1.qcow2 base.s2.qcow2 base.s9.qcow2");
}

/* What lies inside of a layer that goes with it does not make that the newest. */
Test(qemu_committed, something_lies_inside_of_what_lies_beside_it)
{
    offline_image("base.qcow2", "4M", NULL);
    offline_ok(Q "create s1");
    offline_write("base.s1.qcow2", 2, "1M", "64k");
    offline_ok(Q "create i1 --internal");
    offline_ok(Q "revert s1");
    offline_write("base.s1-2.qcow2", 7, "2M", "64k");
    offline_sh("qemu-img commit -q -d base.s1-2.qcow2; rm base.s1-2.qcow2");
    offline_ok(Q "repair --yes");
    finds("orphan-file base.s1.qcow2");
    offline_reads("base.qcow2", 7, "2M", "64k");
}

/* That may be what was merged as well as the active one. */
Test(qemu_committed, where_more_is_gone_nobody_knows_what_was_merged)
{
    offline_tower();
    offline_ok(Q "revert s1");
    offline_sh("qemu-img commit -q -d base.s1-2.qcow2; rm base.s1-2.qcow2 base.s1.qcow2");
    json_auto_t *doc = offline_json(9, Q "check");
    auto_free char *found = findings_of(doc);
    cr_expect_null(strstr(found, "stale-record"), "%s", found);
}
