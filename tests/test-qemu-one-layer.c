/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file is one layer: repair gives none to two, and the record can be read again. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(qemu_one_layer, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* a <- a.s1 <- a.s2, and a <- a.s1-2, which is active. */
static void make(void)
{
    offline_image("a.qcow2", "16M", NULL);
    offline_write("a.qcow2", 1, "0", "1M");
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_write("a.s1.qcow2", 2, "1M", "1M");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_ok("qrewind -i a.qcow2 revert s1");
    offline_write("a.s1-2.qcow2", 3, "2M", "1M");
}

Test(qemu_one_layer, what_is_known_for_sure_is_no_other_one)
{
    make();
    offline_ok("mv a.s1.qcow2 x.qcow2");
    offline_ok("rm a.s1-2.qcow2");
    offline_ok("qrewind -i a.qcow2 repair --yes");
    json_auto_t *check = offline_json(9, "qrewind -i a.qcow2 check");
    cr_expect_eq(json_array_size(json_object_get(check, "findings")), 1);
    says(check, "findings.0.code", "missing-file");
    says(check, "findings.0.subject", "/a.s1-2.qcow2");
    json_auto_t *list = offline_json(0, "qrewind -i a.qcow2 list");
    cr_expect_eq(json_array_size(json_object_get(list, "snapshots")), 2);
}

/* The second disk's folder is mounted at another place, and the user names any image in it. */
Test(qemu_one_layer, that_is_called_as_it_was_is_it)
{
    static const char *const named[] = {"b", "b.s1", "b.s1-2"};

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        cr_assert(!mkdir("one", 0700) && !mkdir("two", 0700));
        offline_image("one/a.qcow2", "16M", NULL);
        offline_image("two/b.qcow2", "16M", NULL);
        offline_write("two/b.qcow2", 1, "0", "1M");
        offline_ok("qrewind -i one/a.qcow2 -i two/b.qcow2 create s1");
        offline_write("two/b.s1.qcow2", 2, "1M", "1M");
        offline_ok("qrewind -i one/a.qcow2 create s2");
        offline_ok("qrewind -i one/a.qcow2 revert s1");
        offline_write("two/b.s1-2.qcow2", 3, "2M", "1M");
        cr_assert(!rename("two", "three"));
        offline_ok("qrewind -i one/a.qcow2 -i three/%s.qcow2 repair --yes", named[i]);
        offline_ok("qrewind -i one/a.qcow2 check");
        auto_free char *active = offline_active("-i one/a.qcow2", 1);
        cr_expect_str_eq(path_name(active), "b.s1-2.qcow2", "named by %s: %s", named[i], active);
        offline_reads("three/b.s1-2.qcow2", 3, "2M", "1M");
        offline_ok("qrewind -i one/a.qcow2 create s3");
        offline_sh("rm -r one three");
    }
}
