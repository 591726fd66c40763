/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Without a record what the headers say is all there is, and they may go in circles: nothing walks
 * on for ever, and what ends it is told. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_circle, .init = offline_enter, .fini = offline_leave, .timeout = 60);

#define NAME(image, base) "qemu-img rebase -u -f qcow2 -F qcow2 -b " base " " image

/* base <- base.s1 <- base.s2, of which the header of @image names @named; seen from @from. */
static const struct circle {
    const char *image, *named, *from, *found;
} circles[] = {
    {"base.s1.qcow2", "base.s2.qcow2", "base.s1.qcow2",
     "backing-loop base.s2.qcow2, backing-loop base.s1.qcow2"},
    {"base.s1.qcow2", "base.s1.qcow2", "base.s1.qcow2", "self-backing base.s1.qcow2"},
    {"base.s1.qcow2", "base.s1.qcow2", "base.s2.qcow2", "self-backing base.s1.qcow2"},
    {"base.qcow2", "base.s1.qcow2", "base.s2.qcow2",
     "backing-loop base.qcow2, backing-loop base.s1.qcow2"},
    {"base.qcow2", "base.qcow2", "base.s2.qcow2", "self-backing base.qcow2"},
};

/* None of them may do more than to say that it cannot. */
static void ends_whatever_is_asked(const char *from)
{
    static const char *const asked[] = {
        "chain",
        "disks",
        "list",
        "adopt",
        "create x",
        "create x --internal",
        "revert x",
        "export x out",
        "stream base",
        "commit base",
        "mirror base m.qcow2 --pivot",
    };

    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        auto_result struct lab_result r = offline_run("qrewind -i %s %s", from, asked[i]);

        cr_expect_lt(r.status, 10, "%s: %d: %s", asked[i], r.status, r.err);
    }
}

Test(qemu_circle, is_told_by_the_headers_alone)
{
    offline_tower();
    offline_ok("qrewind -i base.qcow2 forget");
    for (size_t i = 0; i < sizeof(circles) / sizeof(circles[0]); i++) {
        const struct circle *c = &circles[i];
        auto_free char *command = mem_printf(NAME("%s", "%s"), c->named, c->image);

        offline_sh("mkdir was; cp -p *.qcow2 was");
        offline_sh(command);
        json_auto_t *doc = offline_json(9, "qrewind -i %s check", c->from);
        auto_free char *found = findings_of(doc);
        cr_expect_str_eq(found, c->found, "%zu: %s", i, found);
        offline_ok("qrewind -i %s -n repair", c->from);
        offline_ok("qrewind -i %s repair", c->from);
        offline_ok("qrewind -i %s repair --yes", c->from);
        ends_whatever_is_asked(c->from);
        cure_works(NULL, text(doc, "findings.0.text"), "qemu-img rebase");
        offline_ok("qrewind -i %s check", c->from);
        offline_sh("mv was/* .; rmdir was");
    }
}
