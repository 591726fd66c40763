/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sidecar that --sidecar names where it lies beside an image of the VM: it goes where that is
 * found without --sidecar. One at a place of the user's own stays. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/offline/offline.h"

TestSuite(qemu_sidecar_follows, .init = offline_enter, .fini = offline_leave, .timeout = 60);

static bool is_link(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

static void two_disks(void)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_image("b.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 -i b.qcow2 create s1");
}

/* @image leads to snapshot s1. */
static void leads(const char *image)
{
    offline_ok("qrewind -i %s show s1", image);
    offline_ok("qrewind -i %s check", image);
}

Test(qemu_sidecar_follows, a_stream)
{
    two_disks();
    offline_ok("qrewind -S a.qcow2.qrewind.json stream a");
    offline_ok("qrewind -i b.s1.qcow2 stream b");
    leads("a.s1.qcow2");
    leads("b.s1.qcow2");
}

Test(qemu_sidecar_follows, it_is_said_where_it_is)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    auto_result struct lab_result r = offline_run("qrewind -S a.qcow2.qrewind.json stream a");
    cr_expect(strstr(r.err, "the sidecar is ") && strstr(r.err, "/a.s1.qcow2.qrewind.json now"),
              "%s", r.err);
    cr_expect(access("a.qcow2.qrewind.json", F_OK));
    offline_ok("qrewind -S a.s1.qcow2.qrewind.json create s2");
}

Test(qemu_sidecar_follows, a_copy_that_is_switched_to)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("mkdir fast");
    offline_ok("qrewind -S a.qcow2.qrewind.json mirror a fast/a.qcow2 --pivot");
    leads("fast/a.qcow2");
    leads("a.qcow2");
}

Test(qemu_sidecar_follows, merges_that_remove_its_image)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("qrewind -i a.qcow2 stream a");
    offline_ok("qrewind -i a.s1.qcow2 create s2");
    offline_write("a.s2.qcow2", 1, "0", "2M");
    offline_ok("qrewind -S a.s1.qcow2.qrewind.json delete s2");
    offline_files("a.qcow2 a.s2.qcow2 a.s2.qcow2.qrewind.json");
    leads("a.s2.qcow2");
    offline_fails(3, "no sidecar", "qrewind -S a.s1.qcow2.qrewind.json list");
}

/* Who has it in a script goes on with it. */
Test(qemu_sidecar_follows, its_old_name_leads_to_it_while_it_knows_that_image)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 create i1 --internal");
    offline_ok("qrewind -i a.qcow2 create e1");
    offline_ok("qrewind -S a.qcow2.qrewind.json revert i1");
    cr_expect(access("a.qcow2.qrewind.json", F_OK));
    offline_ok("qrewind -S a.qcow2.qrewind.json create e2");
    offline_ok("qrewind -S a.qcow2.qrewind.json check");
    offline_ok("qrewind -i a.i1.qcow2 show e2");
}

/* Its links stay, too: commit would write into what s1 holds. */
Test(qemu_sidecar_follows, with_a_disk_in_another_folder)
{
    cr_assert(!mkdir("one", 0700) && !mkdir("two", 0700));
    offline_image("one/a.qcow2", "1M", NULL);
    offline_image("two/b.qcow2", "1M", NULL);
    offline_ok("qrewind -i one/a.qcow2 -i two/b.qcow2 create s0");
    offline_ok("qrewind -i one/a.qcow2 create s1");
    offline_ok("qrewind -i one/a.s1.qcow2 stream a");
    offline_ok("qrewind -S one/a.s1.qcow2.qrewind.json revert s1 --discard");
    cr_expect(is_link("two/b.qcow2.qrewind.json"));
    leads("two/b.s1-2.qcow2");
    leads("one/a.s1-2.qcow2");
    offline_fails(1, "s1", "qrewind -i two/b.s1-2.qcow2 commit b");
}

Test(qemu_sidecar_follows, one_at_a_place_of_its_own_stays)
{
    offline_image("a.qcow2", "1M", NULL);
    offline_ok("qrewind -i a.qcow2 -S vm.qrewind.json create s1");
    offline_ok("qrewind -S vm.qrewind.json stream a");
    offline_ok("qrewind -S vm.qrewind.json create s2");
    offline_ok("qrewind -S vm.qrewind.json check");
    cr_expect(access("a.s1.qcow2.qrewind.json", F_OK) && access("a.s2.qcow2.qrewind.json", F_OK));
}
