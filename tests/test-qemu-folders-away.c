/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-folders-away: the disk in one folder of a VM's, while the one with the record is away.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

#define LINK "two/b.qcow2.qrewind.json"

TestSuite(qemu_folders_away, .init = offline_enter, .fini = offline_leave, .timeout = 60);

static bool is_there(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

/* In two there is an image of another VM, too. */
static void two(void)
{
    cr_assert(!mkdir("one", 0700) && !mkdir("two", 0700));
    offline_image("one/a.qcow2", "4M", NULL);
    offline_image("two/b.qcow2", "4M", NULL);
    offline_image("two/x.qcow2", "4M", NULL);
    offline_write("two/b.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i one/a.qcow2 -i two/b.qcow2 create s1");
    offline_write("two/b.s1.qcow2", 2, "0", "64k");
}

Test(qemu_folders_away, nothing_is_changed_without_the_record)
{
    static const char *const verbs[] = {"create z", "commit b.s1",  "stream b.s1",
                                        "adopt",    "repair --yes", "-S new.json create z"};

    two();
    cr_assert(!rename("one", "away"));
    offline_ok("cp -a two before");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        offline_fails(1, "/one/a.qcow2.qrewind.json, which is not there",
                      "qrewind -i two/b.s1.qcow2 %s", verbs[i]);
        offline_fails(1, "rm ", "qrewind -i two/b.s1.qcow2 %s", verbs[i]);
    }
    offline_fails(0, "which is not there", "qrewind -i two/b.s1.qcow2 list");
    json_auto_t *check = offline_json(9, "qrewind -i two/b.s1.qcow2 check");
    auto_free char *words = json_dumps(check, 0);
    cr_expect(strstr(words, "broken-sidecar"), "%s", words);
    json_auto_t *below = offline_json(9, "qrewind -i two/b.qcow2 check");
    auto_free char *found = findings_of(below);
    cr_expect_str_eq(found, "broken-sidecar b.qcow2.qrewind.json", "%s", found);
    offline_ok("diff -r --no-dereference before two");
    cr_assert(!rename("away", "one"));
    offline_ok("qrewind -i two/b.s1.qcow2 show s1");
    offline_reads("two/b.qcow2", 1, "0", "64k");
}

Test(qemu_folders_away, one_that_is_gone_for_good_is_given_up_by_hand)
{
    two();
    offline_ok("rm -r one");
    cr_assert(!unlink(LINK));
    offline_ok("qrewind -i two/b.s1.qcow2 create z");
}

Test(qemu_folders_away, another_vm_leaves_the_link_alone)
{
    two();
    offline_ok("qrewind -i two/x.qcow2 create x1");
    cr_assert(!rename("one", "away"));
    offline_ok("qrewind -i two/x.qcow2 check");
    offline_ok("qrewind -i two/x.qcow2 repair --yes");
    offline_ok("qrewind -i two/x.qcow2 create x2");
    cr_expect(is_there(LINK));
}

/* The record is here, and was somewhere else. */
Test(qemu_folders_away, one_that_led_to_where_the_record_was_leads_to_it_again)
{
    two();
    cr_assert(!rename("one", "three"));
    offline_ok("qrewind -i three/a.s1.qcow2 repair");
    offline_ok("qrewind -i two/b.s1.qcow2 show s1");
    offline_ok("qrewind -i two/b.s1.qcow2 check");
}

/* Here it is the record that is there. */
Test(qemu_folders_away, nothing_is_given_up_while_a_whole_folder_is_away)
{
    two();
    for (int i = 0; i < 2; i++) {
        cr_assert(!rename("two", "away") && (!i || !mkdir("two", 0700)));
        json_auto_t *check = offline_json(9, "qrewind -i one/a.s1.qcow2 check");
        auto_free char *words = json_dumps(check, 0);
        cr_expect(strstr(words, "name the disk's image where it is now"), "%s", words);
        json_auto_t *left = offline_json(0, "qrewind -i one/a.s1.qcow2 repair --yes");
        auto_free char *mended = json_dumps(json_object_get(left, "mended"), 0);
        cr_expect_str_eq(mended, "[]");
        offline_fails(1, i ? "get it back" : "mount what its folder lies on",
                      "qrewind -i one/a.s1.qcow2 create s2");
        cr_assert((!i || !rmdir("two")) && !rename("away", "two"));
        offline_ok("qrewind -i two/b.s1.qcow2 show s1");
        offline_ok("qrewind -i one/a.s1.qcow2 check");
    }
}
