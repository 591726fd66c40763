/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-folders-copied: a VM in two folders is copied, or moved: with both, or with one. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_folders_copied, .init = offline_enter, .fini = offline_leave, .timeout = 60);

/* vm/one/a, with the sidecar, and vm/two/b; s1, s2. */
static void make(void)
{
    offline_ok("mkdir -p vm/one vm/two");
    offline_image("vm/one/a.qcow2", "4M", NULL);
    offline_image("vm/two/b.qcow2", "4M", NULL);
    offline_ok("qrewind -i vm/one/a.qcow2 -i vm/two/b.qcow2 create s1");
    offline_write("vm/one/a.s1.qcow2", 1, "0", "64k");
    offline_write("vm/two/b.s1.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i vm/one/a.qcow2 create s2");
    offline_write("vm/one/a.s2.qcow2", 2, "1M", "64k");
    offline_write("vm/two/b.s2.qcow2", 2, "1M", "64k");
}

Test(qemu_folders_copied, a_copy_of_one_folder_leaves_the_other_disk_alone)
{
    static const char *const verbs[] = {"create c1",    "revert s1 --discard", "delete s1",
                                        "repair --yes", "commit b --force",    "edit s1 --pin"};

    make();
    offline_ok("cp -a vm/one vm/copy");
    offline_ok("cp -a vm before");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        offline_fails(1, "/vm/one/a.qcow2.qrewind.json, to which the link beside it leads",
                      "qrewind -i vm/copy/a.s2.qcow2 %s", verbs[i]);
    offline_ok("diff -r --no-dereference before vm");
    offline_fails(0, "to which the link beside it leads", "qrewind -i vm/copy/a.s2.qcow2 list");
    offline_ok("qrewind -i vm/copy/a.s2.qcow2 forget");
    offline_ok("qrewind -i vm/two/b.s2.qcow2 check");
    offline_ok("qrewind -i vm/two/b.s2.qcow2 create s3");
}

Test(qemu_folders_copied, a_copy_of_both_has_its_own_disks)
{
    make();
    offline_ok("cp -a vm copy");
    offline_ok("cp -a vm before");
    offline_fails(1, "repair --yes", "qrewind -i copy/one/a.s2.qcow2 create c1");
    offline_fails(1, "repair --yes", "qrewind -i copy/two/b.s2.qcow2 commit b");
    offline_ok("qrewind -i copy/one/a.s2.qcow2 repair --yes");
    offline_ok("qrewind -i copy/two/b.s2.qcow2 check");
    offline_ok("qrewind -i copy/one/a.s2.qcow2 create c1");
    offline_ok("qrewind -i copy/two/b.s2.qcow2 revert s1 --discard");
    offline_ok("qrewind -i copy/two/b.qcow2 delete s1 s2 c1");
    offline_ok("diff -r --no-dereference before vm");
    offline_ok("rm -r vm");
    offline_ok("qrewind -i copy/two/b.qcow2 check");
}

Test(qemu_folders_copied, what_was_moved_with_something_pending_is_settled)
{
    make();
    offline_interrupt("vm/one/a.qcow2.qrewind.json");
    offline_ok("mv vm moved");
    offline_ok("qrewind --sidecar moved/one/a.qcow2.qrewind.json repair");
    offline_ok("qrewind -i moved/one/a.s2.qcow2 check");
    offline_reads("moved/two/b.s2.qcow2", 1, "0", "64k");
    offline_reads("moved/two/b.s2.qcow2", 2, "1M", "64k");
}

Test(qemu_folders_copied, what_was_moved_with_both_folders_works_on)
{
    make();
    offline_ok("mv vm moved");
    offline_fails(0, "", "qrewind -i moved/two/b.s2.qcow2 show s2");
    offline_fails(1, "", "qrewind -i moved/two/b.s2.qcow2 commit b");
    offline_ok("qrewind -i moved/two/b.s2.qcow2 repair");
    offline_ok("qrewind -i moved/one/a.s2.qcow2 check");
    offline_ok("qrewind -i moved/one/a.s2.qcow2 revert s2 --discard");
    auto_free char *active = offline_active("-i moved/one/a.qcow2", 1);
    offline_reads(active, 1, "0", "64k");
    offline_ok("qrewind -i moved/two/b.qcow2 delete s1 s2");
    offline_sh("test -z \"$(find moved -xtype l)\"");
}
