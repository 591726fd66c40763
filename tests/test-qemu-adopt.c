/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What adopt records where another image is named than the one that the guest runs on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_adopt, .init = offline_enter, .fini = offline_leave, .timeout = 120);

static void adopts(const char *image)
{
    offline_tower();
    offline_ok("qrewind -i base.qcow2 create s3");
    offline_ok("qrewind -i base.qcow2 forget");
    json_auto_t *doc = offline_json(0, "qrewind -i %s adopt", image);
    cr_expect_eq(json_array_size(at(doc, "snapshots")), 3, "%s", image);
    says(doc, "snapshots.2", "s3");
    offline_ok("qrewind -i base.qcow2 check");
    auto_free char *active = offline_active("-i base.qcow2", 0);
    says(doc, "sidecar", "base.s3.qcow2.qrewind.json");
    offline_ok("qrewind -i base.qcow2 revert s1");
    offline_ok("qrewind -i base.qcow2 undo");
    offline_ok("cmp %s base.s3.qcow2", active);
    offline_sh("rm *");
}

Test(qemu_adopt, any_image_of_a_chain_leads_to_its_top)
{
    static const char *const images[] = {"base.qcow2", "base.s1.qcow2", "base.s2.qcow2",
                                         "base.s3.qcow2", "base.qcow2 -i base.s2.qcow2"};

    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
        adopts(images[i]);
}

Test(qemu_adopt, so_it_does_where_the_place_of_the_record_is_said)
{
    offline_image("base.qcow2", "4M", NULL);
    offline_image("base.s1.qcow2", "4M", "base.qcow2");
    json_auto_t *doc = offline_json(0, "qrewind -i base.qcow2 --sidecar here.json adopt");
    says(doc, "snapshots.0", "s1");
}

Test(qemu_adopt, a_link_to_an_overlay_is_no_second_one)
{
    offline_image("base.qcow2", "4M", NULL);
    offline_image("base.s1.qcow2", "4M", "base.qcow2");
    offline_ok("ln -s base.s1.qcow2 current");
    json_auto_t *doc = offline_json(0, "qrewind -i base.qcow2 adopt");
    says(doc, "snapshots.0", "s1");
}

Test(qemu_adopt, of_two_branches_the_user_has_to_say_one)
{
    offline_image("base.qcow2", "4M", NULL);
    offline_image("base.s1.qcow2", "4M", "base.qcow2");
    offline_image("a.qcow2", "4M", "base.s1.qcow2");
    offline_image("b.qcow2", "4M", "base.s1.qcow2");
    offline_fails(1, "a.qcow2", "qrewind -i base.qcow2 adopt");
    offline_fails(1, "b.qcow2", "qrewind -i base.qcow2 adopt");
    offline_fails(1, "name what the guest runs on", "qrewind -i base.s1.qcow2 --dry-run adopt");
    offline_files("a.qcow2 b.qcow2 base.qcow2 base.s1.qcow2");
    json_auto_t *doc = offline_json(0, "qrewind -i a.qcow2 adopt");
    cr_expect_eq(json_array_size(at(doc, "snapshots")), 2);
}

Test(qemu_adopt, an_overlay_of_which_the_base_was_written_to_since_is_not_taken)
{
    offline_image("base.qcow2", "4M", NULL);
    offline_image("base.s1.qcow2", "4M", "base.qcow2");
    offline_ok("touch -d 2020-01-01 base.s1.qcow2");
    offline_fails(1, "older than that", "qrewind -i base.qcow2 adopt");
    offline_files("base.qcow2 base.s1.qcow2");
}

Test(qemu_adopt, a_newer_overlay_that_nobody_has_recorded_is_said_with_the_command)
{
    offline_tower();
    offline_ok("qrewind -i base.qcow2 forget");
    json_auto_t *doc = offline_json(9, "qrewind -i base.qcow2 check");
    cr_expect_str_eq(text(doc, "findings.0.code"), "foreign-layer");
    cure_works(NULL, text(doc, "findings.0.text"), "qrewind -i ");
    offline_ok("qrewind -i base.qcow2 check");
}

/* vm.qcow2 <- vm.1732 <- vm.snap1, as virsh snapshot-create-as --disk-only calls them. */
static void make_libvirts(void)
{
    offline_image("vm.qcow2", "4M", NULL);
    offline_write("vm.qcow2", 1, "0", "64k");
    offline_image("vm.1732", "4M", "vm.qcow2");
    offline_write("vm.1732", 2, "1M", "64k");
    offline_image("vm.snap1", "4M", "vm.1732");
    offline_write("vm.snap1", 3, "2M", "64k");
}

/* A name without an extension does not say that its header may be believed. */
Test(qemu_adopt, names_of_libvirts_are_found_and_every_way_that_is_told_works)
{
    static const char *const lines[] = {"-i vm.qcow2 check", "-i vm.1732 check",
                                        "-i vm.qcow2 create x", "-i qcow2:vm.1732 create x"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const bool check = strstr(lines[i], "check") != NULL;

        make_libvirts();
        json_auto_t *doc = check ? offline_json(9, "qrewind %s", lines[i]) : NULL;
        auto_result struct lab_result r = offline_run("qrewind %s", lines[i]);
        if (check)
            says(doc, "findings.0.code", "foreign-layer");
        cr_expect_eq(r.status, check ? 9 : 1, "%s: %s", lines[i], r.err);
        cure_works(NULL, check ? text(at(doc, "findings.0"), "text") : r.err, "qrewind -i ");
        json_auto_t *list = offline_json(0, "qrewind -i vm.qcow2 list");
        cr_expect_eq(json_array_size(at(list, "snapshots")), 2, "%s", lines[i]);
        offline_ok("qrewind -i vm.qcow2 check");
        offline_ok("qrewind -i vm.snap1 create x");
        offline_reads("vm.x.qcow2", 3, "2M", "64k");
        offline_sh("rm *");
    }
}

Test(qemu_adopt, of_libvirts_names_the_format_is_asked_for_with_what_the_header_says)
{
    static const char *const images[] = {"vm.qcow2", "vm.1732", "vm.snap1"};

    make_libvirts();
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
        offline_fails(1, "say it: --image qcow2:", "qrewind -i %s adopt", images[i]);
    offline_fails(1, "vm.snap1, or raw:", "qrewind -i vm.qcow2 adopt");
    offline_ok("qrewind -i qcow2:vm.snap1 adopt");
    offline_ok("qrewind -i vm.qcow2 check");
}

Test(qemu_adopt, a_dry_run_of_repair_shows_what_nothing_mends)
{
    offline_tower();
    offline_ok("qrewind -i base.qcow2 revert s1 --discard");
    offline_sh("echo x >base.s1.qcow2");
    auto_result struct lab_result dry = offline_run("qrewind -i base.qcow2 --dry-run repair");
    cr_expect_eq(dry.status, 0, "%s", dry.err);
    cr_expect(strstr(dry.out, "mends 0") && !strstr(dry.err, "nothing to do"), "%s%s", dry.out,
              dry.err);
}

/* A monitor may name what it likes. */
Test(qemu_adopt, what_is_not_there_is_not_recorded)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *image = lab_path(lab, "vda.qcow2"), *away = lab_path(lab, "away.qcow2");
    auto_free char *sidecar = lab_path(lab, "vda.qcow2.qrewind.json");

    cr_assert(!rename(image, away));
    json_auto_t *error = refuses(lab, 1, "adopt");
    says(error, "desc", "is not there");
    cr_expect(access(sidecar, F_OK));
    cr_assert(!rename(away, image));
    does(lab, "adopt");
    cr_expect(!access(sidecar, F_OK));
    lab_stop(lab);
}

/* Nobody is above the others: there is nothing else to name. */
Test(qemu_adopt, what_goes_round_is_ended_first)
{
    offline_image("base.qcow2", "4M", NULL);
    offline_image("base.s1.qcow2", "4M", "base.qcow2");
    offline_ok("qemu-img rebase -u -f qcow2 -F qcow2 -b base.s1.qcow2 base.qcow2");
    offline_sh("for i in base.qcow2 base.s1.qcow2; do touch $i; for k in base.qcow2 "
               "base.s1.qcow2; do ! \"$QREWIND\" -i $k adopt 2>told && grep 'is a loop' told && "
               "grep check told; done; done");
    auto_result struct lab_result r = offline_run("qrewind -i base.qcow2 adopt");
    cr_expect_neq(r.status, 0);
    const char *hint = strstr(r.err, "qrewind -i");
    cr_assert(hint, "%s", r.err);
    auto_free char *image = mem_strdup(hint + strlen("qrewind "));
    *strstr(image, " check") = '\0';
    auto_result struct lab_result found = offline_run("qrewind %s check", image);
    cr_expect_eq(found.status, 9);
    cure_works(NULL, found.out, "qemu-img rebase");
    /* which of them it was that nobody knows: base.qcow2 lies on the other now */
    offline_ok("qrewind -i base.qcow2 adopt");
    offline_ok("qrewind -i base.qcow2 check");
}
