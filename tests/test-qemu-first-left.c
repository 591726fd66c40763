/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-first-left: what the first command of all left beside one disk, when the next one takes
 * another disk for the first. */
#include <criterion/criterion.h>

#include "tests/offline/offline.h"

TestSuite(qemu_first_left, .init = offline_enter, .fini = offline_leave, .timeout = 120);

Test(qemu_first_left, neither_lock_nor_what_was_prepared)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_image("b.qcow2", "1M", NULL);
    offline_sh("echo 99999999 >a.qcow2.qrewind.json.lock; echo x >a.qcow2.qrewind.json.new");
    offline_ok("qrewind -i b.qcow2 -i a.qcow2 create s1");
    offline_files("a.qcow2 a.s1.qcow2 b.qcow2 b.qcow2.qrewind.json b.s1.qcow2");
    offline_ok("qrewind -i b.qcow2 forget");
    offline_sh("rm *.s1.qcow2; echo x >a.qcow2.qrewind.json.new");
    offline_ok("qrewind -i b.qcow2 -i a.qcow2 create s1");
    offline_files("a.qcow2 a.s1.qcow2 b.qcow2 b.qcow2.qrewind.json b.s1.qcow2");
}

/* Another VM has that disk for a base, and begins just now. */
Test(qemu_first_left, what_somebody_holds_stays)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_image("b.qcow2", "1M", NULL);
    offline_sh("touch a.qcow2.qrewind.json.new; (flock 9; "
               "qrewind -i b.qcow2 -i a.qcow2 create s1) 9>a.qcow2.qrewind.json.lock");
    offline_files("a.qcow2 a.qcow2.qrewind.json.lock a.qcow2.qrewind.json.new a.s1.qcow2 b.qcow2 "
                  "b.qcow2.qrewind.json b.s1.qcow2");
}
