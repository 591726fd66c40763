/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-internal-size: what is copied out of an image is as large as the disk was then. */
#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(internal_size, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define Q "qrewind -S a.qcow2.qrewind.json "

static void has_size(const char *file, long long mib)
{
    auto_result struct lab_result r = offline_run("qemu-img info --output=json %s", file);
    json_auto_t *info = json_loads(r.out, 0, NULL);

    cr_assert_eq(json_integer_value(json_object_get(info, "virtual-size")) >> 20, mib, "%s", r.out);
}

/* The image has @now, and big or small, which is inside, @then; the disk runs on what is above. */
static void begin(const char *then, const char *now, const char *end)
{
    offline_image("a.qcow2", then, NULL);
    offline_write("a.qcow2", 1, "0", "1M");
    offline_write("a.qcow2", 7, end, "1M");
    offline_ok("qrewind -i a.qcow2 create i1 --internal");
    offline_ok("qemu-img resize -q --shrink a.qcow2 %s", now);
    offline_write("a.qcow2", 2, "0", "1M");
}

static void shows(const char *at, long long mib)
{
    auto_free char *active = offline_active("-S a.qcow2.qrewind.json", 0);

    has_size(active, mib);
    offline_reads(active, 1, "0", "1M");
    offline_reads(active, 7, at, "1M");
    json_auto_t *list = offline_json(0, Q "list");
    cr_expect_eq(json_array_size(json_object_get(list, "snapshots")), 2);
    offline_ok("qemu-img check -q %s", active);
}

Test(internal_size, the_disk_was_larger)
{
    begin("32M", "16M", "31M");
    offline_ok("qrewind -i a.qcow2 create e1");
    offline_ok(Q "revert i1");
    shows("31M", 32);
    offline_ok(Q "undo");
    auto_free char *active = offline_active("-S a.qcow2.qrewind.json", 0);
    has_size(active, 16);
    offline_reads(active, 2, "0", "1M");
}

Test(internal_size, the_disk_was_smaller)
{
    begin("16M", "32M", "15M");
    offline_ok("qrewind -i a.qcow2 create e1");
    offline_ok(Q "revert i1");
    shows("15M", 16);
}

Test(internal_size, the_undo_point_inside_keeps_its_end)
{
    begin("16M", "32M", "15M");
    offline_write("a.qcow2", 3, "31M", "1M");
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 revert i1");
    if (r.status == 7) {
        offline_leave();
        cr_skip_test("%s", r.err); /* QEMU 5.2 */
    }
    cr_assert_eq(r.status, 0, "%s", r.err);
    offline_ok("qrewind -i a.qcow2 create e1");
    offline_ok(Q "undo");
    auto_free char *active = offline_active("-S a.qcow2.qrewind.json", 0);
    has_size(active, 32);
    offline_reads(active, 3, "31M", "1M");
    offline_reads(active, 2, "0", "1M");
}

Test(internal_size, on_another_image_that_is_below)
{
    offline_image("base.qcow2", "32M", NULL);
    offline_write("base.qcow2", 5, "3M", "1M");
    offline_ok("qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 a.qcow2 32M");
    offline_write("a.qcow2", 1, "0", "1M");
    offline_write("a.qcow2", 7, "31M", "1M");
    offline_ok("qrewind -i a.qcow2 create i1 --internal");
    offline_ok("qemu-img resize -q --shrink a.qcow2 16M");
    offline_ok("qrewind -i a.qcow2 create e1");
    offline_ok(Q "revert i1");
    shows("31M", 32);
    auto_free char *active = offline_active("-S a.qcow2.qrewind.json", 0);
    offline_reads(active, 5, "3M", "1M");
}

Test(internal_size, exported_it_is_as_large)
{
    begin("32M", "16M", "31M");
    offline_ok("qrewind -i a.qcow2 export i1 out");
    has_size("out/a.qcow2", 32);
    offline_reads("out/a.qcow2", 7, "31M", "1M");
    offline_reads("out/a.qcow2", 1, "0", "1M");
    offline_sh("test $(ls out | wc -l) = 2");
}
