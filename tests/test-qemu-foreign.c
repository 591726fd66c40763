/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-foreign: somebody else's overlays, of other formats than qcow2, on our layers. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_foreign, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* vmdk builds on nothing else */
static const struct {
    const char *format, *base;
} rows[] = {{"qcow", "qcow2"}, {"qed", "qcow2"}, {"vmdk", "vmdk"}};
enum { ROWS = sizeof(rows) / sizeof(rows[0]), ON_QCOW2 = 2 };

/* base (1 at 0) <- base.s1 (2 at 1 MiB), snapshot s1; and theirs, on base, with 9 at 2 MiB. */
static void make(size_t row)
{
    auto_free char *line =
        mem_printf("rm -f base* theirs before; qemu-img create -q -f %s base 4M && "
                   "qemu-io -f %s -c 'write -P 1 0 64k' base && qrewind -i %s:base create s1 && "
                   "qemu-io -f qcow2 -c 'write -P 2 1M 64k' base.s1.qcow2 && "
                   "qemu-img create -q -f %s -F %s -b base theirs && "
                   "qemu-io -f %s -c 'write -P 9 2M 64k' theirs && cp base before",
                   rows[row].base, rows[row].base, rows[row].base, rows[row].format, rows[row].base,
                   rows[row].format);

    offline_sh(line);
}

static void is_unharmed(size_t row)
{
    auto_free char *line = mem_printf("cmp base before && ! qemu-io -r -f %s -c 'read -P 1 0 64k' "
                                      "-c 'read -P 0 1M 64k' -c 'read -P 9 2M 64k' theirs | "
                                      "grep failed",
                                      rows[row].format);

    offline_sh(line);
}

Test(qemu_foreign, what_they_build_on_is_not_written_to)
{
    for (size_t i = 0; i < ROWS; i++) {
        make(i);
        offline_fails(1, "base is also the base of",
                      "qrewind -i base.s1.qcow2 commit base --force");
        is_unharmed(i);
        offline_ok("qrewind -i base.s1.qcow2 delete s1");
        is_unharmed(i);
    }
}

static void repair(void)
{
    auto_result struct lab_result r = offline_run("qrewind -i base.s1.qcow2 repair --yes");

    cr_expect(r.status == 0 || r.status == 9, "%s", r.err);
}

Test(qemu_foreign, what_they_build_on_is_no_orphan)
{
    for (size_t i = 0; i < ON_QCOW2; i++) {
        make(i);
        offline_image("base.left.qcow2", "4M", "base");
        offline_ok("rm theirs");
        offline_ok("qemu-img create -q -f %s -F qcow2 -b base.left.qcow2 theirs", rows[i].format);
        repair();
        offline_ok("qemu-img info -f %s theirs", rows[i].format);
        offline_ok("test -f base.left.qcow2");
        offline_ok("rm theirs");
        repair();
        offline_ok("test ! -e base.left.qcow2");
    }
}
