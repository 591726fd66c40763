/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frozen base on a block device, which keeps no time: check --deep sees that somebody wrote to
 * it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

static char *device;

/* Also when something was not as it should be. */
static void leave(void)
{
    auto_free char *detach = mem_printf("losetup -d %s", device);

    offline_sh(detach);
    free(device);
    offline_leave();
}

TestSuite(check_device, .init = offline_enter, .fini = leave);

/* A loop device of 4 MiB on the file d.raw. */
static void attach(void)
{
    offline_sh("truncate -s 4M d.raw");
    auto_result struct lab_result r = offline_run("losetup --find --show d.raw");

    if (r.status) {
        offline_leave();
        cr_skip_test("needs root and loop devices");
    }
    device = mem_printf("%.*s", (int)strcspn(r.out, "\n"), r.out);
}

static char *found(int status, const char *options)
{
    json_auto_t *doc = offline_json(status, "qrewind -S x.qcow2.qrewind.json check %s", options);

    return findings_of(doc);
}

Test(check_device, that_somebody_wrote_to_it_is_seen_by_its_content)
{
    attach();
    offline_ok("qrewind -S x.qcow2.qrewind.json -i raw:%s create s1 --overlay %s=x.qcow2", device,
               strrchr(device, '/') + 1);
    auto_free char *first = found(0, "--deep");
    cr_expect_str_eq(first, "");
    offline_sh("touch x.qcow2");
    auto_free char *again = found(0, "--deep");
    cr_expect_str_eq(again, "", "%s", again);
    auto_free char *write =
        mem_printf("echo other | dd of=%s conv=notrunc status=none; sync", device);
    offline_sh(write);
    auto_free char *shallow = found(0, "");
    cr_expect_str_eq(shallow, "", "%s", shallow);
    auto_free char *deep = found(9, "--deep");
    cr_expect(strstr(deep, "changed-base"), "%s", deep);
}
