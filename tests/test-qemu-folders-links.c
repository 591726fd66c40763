/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-folders-links: from every folder with layers of a VM a link leads to its record. */
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_folders_links, .init = offline_enter, .fini = offline_leave, .timeout = 60);

/* "LINK -> TARGET" of all links below the folder, sorted, in one line. */
static void expect_links(const char *links)
{
    static char script[1024];

    snprintf(script, sizeof(script),
             "test \"$(find . -type l -printf '%%P -> %%l; ' | sort)\" = '%s'", links);
    offline_sh(script);
    offline_sh("test -z \"$(find . -xtype l)\"");
}

static void two(void)
{
    cr_assert(!mkdir("one", 0700) && !mkdir("two", 0700));
    offline_image("one/a.qcow2", "4M", NULL);
    offline_image("two/b.qcow2", "4M", NULL);
    offline_ok("qrewind -i one/a.qcow2 -i two/b.qcow2 create s1");
    offline_write("two/b.s1.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i one/a.qcow2 create s2");
    offline_write("two/b.s2.qcow2", 2, "0", "64k");
}

#define TWO "two/b.qcow2.qrewind.json -> ../one/a.qcow2.qrewind.json; "

Test(qemu_folders_links, from_where_a_disk_was_before_it_was_moved)
{
    cr_assert(!mkdir("vm", 0700) && !mkdir("fast", 0700));
    offline_image("vm/disk.qcow2", "4M", NULL);
    offline_ok("qrewind -i vm/disk.qcow2 create s1");
    offline_write("vm/disk.s1.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i vm/disk.qcow2 create s2");
    offline_write("vm/disk.s2.qcow2", 2, "0", "64k");
    offline_ok("qrewind -i vm/disk.qcow2 create s3");
    offline_ok("qrewind -i vm/disk.qcow2 mirror disk fast/disk.qcow2 --pivot");
    expect_links("vm/disk.qcow2.qrewind.json -> ../fast/disk.qcow2.qrewind.json; ");
    offline_ok("qrewind -i vm/disk.qcow2 show s1");
    offline_fails(3, "no disk 'disk.s2'", "qrewind -i vm/disk.s2.qcow2 commit disk.s2");
    offline_ok("qrewind -i vm/disk.s1.qcow2 check");
    offline_reads("vm/disk.s1.qcow2", 1, "0", "64k");
    /* it goes when nothing of the VM lies there any more */
    offline_ok("qrewind -i vm/disk.s1.qcow2 delete s1 s2 s3");
    expect_links("");
}

Test(qemu_folders_links, from_where_the_disks_of_an_adopted_vm_lie)
{
    two();
    offline_ok("qrewind -i one/a.qcow2 forget");
    expect_links("");
    offline_ok("qrewind -i one/a.s2.qcow2 -i two/b.s2.qcow2 adopt");
    expect_links("two/b.qcow2.qrewind.json -> ../one/a.s2.qcow2.qrewind.json; ");
    offline_ok("qrewind -i two/b.s1.qcow2 show s2");
    offline_fails(1, "s2", "qrewind -i two/b.s2.qcow2 commit b.s2");
    offline_reads("two/b.s1.qcow2", 1, "0", "64k");
}

Test(qemu_folders_links, they_follow_the_record_from_folder_to_folder)
{
    two();
    expect_links(TWO);
    offline_ok("qrewind -i two/b.s2.qcow2 mirror a two/a.m.qcow2 --pivot");
    expect_links("one/a.qcow2.qrewind.json -> ../two/a.m.qcow2.qrewind.json; ");
    offline_ok("qrewind -i two/b.s2.qcow2 check");
    offline_ok("qrewind -i one/a.s1.qcow2 check");
    offline_fails(1, "s2", "qrewind -i two/b.s2.qcow2 commit b");
    offline_ok("qrewind -i one/a.qcow2 mirror a one/a.back.qcow2 --pivot");
    expect_links("two/b.qcow2.qrewind.json -> ../one/a.back.qcow2.qrewind.json; ");
    offline_ok("qrewind -i one/a.s1.qcow2 revert s1 --discard");
    offline_ok("qrewind -i two/b.s1.qcow2 check");
    offline_ok("qrewind -i two/b.s1.qcow2 forget");
    expect_links("");
}

Test(qemu_folders_links, one_that_is_given_as_the_sidecar_leads_to_it)
{
    two();
    offline_ok("qrewind --sidecar two/b.qcow2.qrewind.json check");
    offline_ok("qrewind --sidecar two/b.qcow2.qrewind.json edit s1 --pin");
    expect_links(TWO);
    offline_ok("qrewind -i one/a.qcow2 check");
}
