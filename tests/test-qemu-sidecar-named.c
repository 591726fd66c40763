/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-sidecar-named: sidecars that the user has called as he likes. */
#include <criterion/criterion.h>

#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(qemu_sidecar_named, .init = offline_enter, .fini = offline_leave, .timeout = 60);

Test(qemu_sidecar_named, what_one_names_is_no_orphan)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 -S sub.json create s1");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_ok("qrewind -i a.qcow2 check");
    offline_ok("qrewind -i a.qcow2 repair --yes");
    offline_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2 a.s2.qcow2 sub.json");
    offline_ok("rm sub.json");
    offline_ok("qrewind -i a.qcow2 repair --yes");
    offline_files("a.qcow2 a.qcow2.qrewind.json a.s2.qcow2");
}

Test(qemu_sidecar_named, a_copy_is_no_second_one)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("cp a.qcow2.qrewind.json copy.json");
    offline_ok("qrewind -i a.qcow2 check");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_ok("qrewind -i a.qcow2 delete s1");
}

Test(qemu_sidecar_named, as_an_image_it_is_none)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_fails(1, "--sidecar a.qcow2.qrewind.json", "qrewind -i a.qcow2.qrewind.json list");
    offline_fails(1, "is a sidecar", "qrewind -i a.qcow2 -i a.qcow2.qrewind.json create s2");
}

Test(qemu_sidecar_named, none_is_made_for_what_another_records)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_image("b.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 create s1");
    offline_fails(1, "a.qcow2.qrewind.json", "qrewind -i b.s1.qcow2 -S sub.json create s2");
    offline_fails(1, "a.qcow2.qrewind.json forget", "qrewind -i b.qcow2 -S sub.json create s2");
    offline_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2 b.qcow2 b.s1.qcow2");
    /* what only builds on it is another VM's */
    offline_image("other.qcow2", "1M", "b.qcow2");
    offline_ok("qrewind -i other.qcow2 -S sub.json create s2");
    offline_ok("qrewind -i other.qcow2 -S sub.json create s3");
}

/* Its active image would be frozen by a record that its own knows nothing of. */
Test(qemu_sidecar_named, the_image_of_another_vm_is_not_taken_into_it)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_image("b.qcow2", "1M", NULL);
    offline_image("c.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("qrewind -i b.qcow2 create s1");
    offline_fails(1, "b.qcow2.qrewind.json knows of it",
                  "qrewind -S a.qcow2.qrewind.json -i b.s1.qcow2 create s2");
    offline_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2 b.qcow2 b.qcow2.qrewind.json "
                  "b.s1.qcow2 c.qcow2");
    /* a new disk is, and one that is recorded may be named by any layer */
    offline_ok("qrewind -S a.qcow2.qrewind.json -i a.qcow2 -i c.qcow2 create s2");
    offline_ok("qrewind -S ./a.qcow2.qrewind.json -i a.s1.qcow2 -i c.s2.qcow2 create s3");
}

/* In a container, say. */
Test(qemu_sidecar_named, is_made_by_a_root_that_may_give_nothing_away)
{
    scratch_needs_root();
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("chgrp 12345 a.qcow2");
    offline_sh("setpriv --inh-caps -chown --bounding-set -chown $QREWIND -i a.qcow2 create s1");
    offline_sh("setpriv --inh-caps -chown --bounding-set -chown $QREWIND -i a.qcow2 create s2");
}
