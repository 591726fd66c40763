/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An older sidecar is put back: what was made after it is on top of what was active then. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/offline/offline.h"

TestSuite(qemu_put_back, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* a <- a.s1 <- a.s2, of which the sidecar knows the first two; the guest wrote to the last. */
static void put_back(void)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_write("a.qcow2", 1, "0", "64k");
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("cp -p a.qcow2.qrewind.json old");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_write("a.s2.qcow2", 2, "0", "64k");
    offline_ok("mv old a.qcow2.qrewind.json");
}

Test(qemu_put_back, the_newest_layer_is_not_told_to_be_removed_and_can_be_recorded)
{
    put_back();
    json_auto_t *doc = offline_json(9, "qrewind -i a.qcow2 check");
    auto_free char *found = findings_of(doc);
    cr_expect_str_eq(found, "foreign-layer a.s2.qcow2");
    const char *words = text(doc, "findings.0.text"), *way = strstr(words, "qrewind -i ");
    cr_assert(way, "%s", words);
    offline_ok("%s", way); /* what it says */
    offline_ok("qrewind -i a.qcow2 check");
    offline_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2 a.s2.qcow2");
    auto_free char *active = offline_active("-i a.qcow2", 0);
    offline_reads(active, 2, "0", "64k");
}

static void finds(const char *expected)
{
    json_auto_t *doc = offline_json(9, "qrewind -i a.qcow2 check");
    auto_free char *found = findings_of(doc);

    cr_expect_str_eq(found, expected, "%s", found);
}

Test(qemu_put_back, the_topmost_of_several_is_named)
{
    put_back();
    offline_image("a.s3.qcow2", "4M", "a.s2.qcow2");
    offline_write("a.s3.qcow2", 3, "0", "64k");
    finds("foreign-layer a.s3.qcow2");
    offline_ok("qrewind -i a.s3.qcow2 repair");
    offline_ok("qrewind -i a.qcow2 check");
}

Test(qemu_put_back, not_where_the_guest_has_written_below_it_since)
{
    put_back();
    offline_write("a.s1.qcow2", 4, "0", "64k");
    finds("orphan-file a.s2.qcow2");
}

Test(qemu_put_back, no_snapshot_is_taken_of_what_is_below)
{
    put_back();
    offline_fails(1, "qrewind repair records it", "qrewind -i a.s2.qcow2 create n1");
    offline_fails(1, "a.s2.qcow2 lies on what it runs on, and no record names it",
                  "qrewind -i a.qcow2 create n1");
    offline_fails(1, "a.s2.qcow2 repair; or remove it", "qrewind -i a.qcow2 create n1");
    offline_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2 a.s2.qcow2");
    offline_ok("qrewind -i a.s2.qcow2 repair");
    offline_ok("qrewind -i a.qcow2 create n1");
    offline_reads("a.n1.qcow2", 2, "0", "64k");
}

Test(qemu_put_back, nor_where_there_is_no_record_at_all)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_image("mine.qcow2", "4M", "a.qcow2");
    offline_write("mine.qcow2", 2, "0", "64k");
    offline_fails(1, "mine.qcow2 adopt", "qrewind -i a.qcow2 create s1");
    offline_files("a.qcow2 mine.qcow2");
    offline_ok("qrewind -i mine.qcow2 adopt");
    offline_ok("qrewind -i a.qcow2 create s1");
    auto_free char *active = offline_active("-i a.qcow2", 0);
    offline_reads(active, 2, "0", "64k");
}

Test(qemu_put_back, what_another_vm_has_on_a_base_that_it_shares_is_recorded)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_image("b.qcow2", "4M", "a.s1.qcow2");
    offline_write("b.qcow2", 2, "0", "64k");
    offline_fails(1, "b.qcow2 repair", "qrewind -i a.qcow2 create s2");
    offline_ok("mv a.qcow2.qrewind.json away");
    offline_ok("qrewind -i b.qcow2 create s1");
    offline_ok("mv away a.qcow2.qrewind.json");
    offline_ok("qrewind -i a.qcow2 create s2");
}

Test(qemu_put_back, an_overlay_that_nothing_was_written_to_is_no_news)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_image("mine.qcow2", "4M", "a.qcow2");
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 create s1");
    cr_expect_eq(r.status, 0);
    cr_expect(!strstr(r.err, "no record names it"), "%s", r.err);
}

Test(qemu_put_back, beside_a_newer_one_the_way_that_keeps_the_names_is_told)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("mv a.qcow2.qrewind.json old");
    offline_ok("qrewind -i a.s1.qcow2 create n1");
    offline_ok("mv old a.qcow2.qrewind.json");
    json_auto_t *doc = offline_json(9, "qrewind -i a.s1.n1.qcow2 check");
    says(doc, "findings.0.code", "sidecar-conflict");
    const char *words = text(doc, "findings.0.text"), *way = strstr(words, "qrewind --sidecar ");
    cr_assert(way && strstr(words, "to keep its names (1 snapshots)"), "%s", words);
    auto_free char *command = mem_strdup(way);
    *strchr(command, ';') = '\0';
    cr_assert(strstr(command, "a.s1.qcow2.qrewind.json forget"), "%s", command);
    offline_ok("%s", command); /* what it says */
    json_auto_t *then = offline_json(9, "qrewind -i a.s1.n1.qcow2 check");
    auto_free char *found = findings_of(then);
    cr_expect_str_eq(found, "foreign-layer a.s1.n1.qcow2", "%s", found);
    offline_ok("qrewind -i a.s1.n1.qcow2 repair");
    json_auto_t *list = offline_json(0, "qrewind -i a.s1.n1.qcow2 list");
    says(list, "snapshots.0.name", "s1");
    offline_ok("qrewind -i a.qcow2 check");
}

Test(qemu_put_back, that_of_a_vm_that_lacks_a_disk_is_to_be_named_and_not_dropped)
{
    struct lab *old = lab_start(&(struct lab_options){.disks = 2});

    does(old, "create", "s1");
    turn_off(old);
    struct lab *lab = start_again(old, WORDS("vdb.s1.qcow2"));
    auto_result struct lab_result r = lab_run(lab, "check", NULL);
    cr_expect_eq(r.status, 9, "%s", r.out);
    cr_expect(strstr(r.out, "sidecar-conflict"), "%s", r.out);
    cr_expect(strstr(r.out, "vda.qcow2.qrewind.json"), "%s", r.out);
    cr_expect(strstr(r.out, "name it: --sidecar "), "%s", r.out);
    cr_expect(!strstr(r.out, "forget"), "%s", r.out);
    lab_stop(lab);
    lab_stop(old);
}
