/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sidecar on real machines: broken, of another machine, held by another program. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/planted.h"
#include "tests/scratch/scratch.h"

static const struct lab_options one = {.disks = 1};

static void put(struct lab *lab, const char *text)
{
    auto_free char *path = lab_path(lab, "vda.qcow2.qrewind.json");
    FILE *f = fopen(path, "w");

    cr_assert(f && fputs(text, f) >= 0 && !fclose(f));
}

Test(sidecar, a_broken_one_is_named_and_not_touched)
{
    static const struct {
        const char *content, *desc;
        int status;
    } cases[] = {
        {"", "vda.qcow2.qrewind.json", 1},
        {"{", "vda.qcow2.qrewind.json", 1},
        {"[]", "vda.qcow2.qrewind.json", 1},
        {"{\"format\":\"qrewind\",\"version\":2}", "version 2", 7},
        {"{\"format\":\"other\",\"version\":1}", "not a qrewind sidecar", 1},
        {"{\"format\":\"qrewind\",\"version\":1,\"generation\":1,\"disks\":{},\"layers\":"
         "{\"L1\":{\"file\":\"a\",\"format\":\"qcow2\",\"backing\":\"L1\"}},\"snapshots\":[]}",
         "circle", 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab *lab = lab_start(&one);
        auto_free char *state = NULL;

        put(lab, cases[i].content);
        state = state_of(lab);
        json_auto_t *create = refuses(lab, cases[i].status, "create", "s1");
        json_decref(refuses(lab, cases[i].status, "list"));
        auto_free char *whole = json_dumps(create, 0);
        cr_expect(strstr(whole, cases[i].desc), "%s: %s", cases[i].content, whole);
        unchanged(lab, state);
        lab_stop(lab);
    }
}

/* A folder that was unpacked brings what somebody has put in it. */
Test(sidecar, has_nobody_remove_what_is_no_image_of_the_vm)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *text = lab_path(lab, "thesis"), *folder = lab_path(lab, "vms"),
                   *image = lab_path(lab, "vms/other.qcow2");
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");
    const char *const named[] = {text, image};

    cr_assert(!json_dump_file(doc, text, 0) && !mkdir(folder, 0700));
    lab_image(image, "qcow2", "1M", NULL, NULL);
    plant(lab, doc, planted_cleanup("prune", named, 2), false);
    auto_result struct lab_result r = lab_run(lab, "repair", NULL);
    cr_expect(strstr(r.out, "thesis: it does not look like an image of this VM"), "%s", r.out);
    cr_expect(has_file(lab, "thesis") && has_file(lab, "vms/other.qcow2"));
    lab_stop(lab);
}

Test(sidecar, that_is_a_copy_has_nothing_done_unasked)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *left = lab_path(lab, "left");
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");
    const char *const named[] = {left};

    lab_image(left, "qcow2", "1M", NULL, NULL);
    plant(lab, doc, planted_cleanup("prune", named, 1), true);
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s2");
    says(error, "desc", "it is a copy");
    says(error, "hint", "repair --yes");
    json_decref(refuses(lab, 1, "repair"));
    auto_result struct lab_result check = lab_run(lab, "check", NULL);
    cr_expect(strstr(check.out, "the sidecar is a copy") && strstr(check.out, "repair --yes"), "%s",
              check.out);
    auto_result struct lab_result plan = lab_run(lab, "--dry-run", "repair", NULL);
    cr_expect(strstr(plan.out, "needs=--yes") && strstr(plan.out, "unlink       "), "%s", plan.out);
    unchanged(lab, state);
    does(lab, "repair", "--yes");
    cr_expect(!has_file(lab, "left"));
    does(lab, "create", "s2");
    lab_stop(lab);
}

Test(sidecar, a_pending_that_makes_no_sense_is_no_reason_to_do_anything)
{
    struct lab *lab = tower(&one, 1);
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");
    auto_free char *state = NULL;

    json_object_set_new(doc, "pending", json_pack("{s:s}", "operation", "create"));
    auto_free char *path = lab_path(lab, "vda.qcow2.qrewind.json");
    cr_assert_eq(json_dump_file(doc, path, 0), 0);
    state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s2");
    says(error, "kind", "invalid");
    says(error, "desc", "pending");
    unchanged(lab, state);
    lab_stop(lab);
}

Test(sidecar, the_old_image_instead_of_the_active_one)
{
    struct lab *old = tower(&one, 2), *lab = NULL;
    auto_free char *state = NULL;

    turn_off(old);
    lab = start_again(old, WORDS("vda.qcow2"));
    state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s3");
    says(error, "kind", "refused");
    says(error, "desc", "vda.qcow2, which holds snapshot s1");
    says(error, "hint", "/vda.s2.qcow2");
    auto_result struct lab_result list = lab_run(lab, "list", NULL);
    cr_expect(strstr(list.err, "which holds snapshot s1"), "%s", list.err);
    unchanged(lab, state);
    lab_stop(lab);
    lab = start_again(old, WORDS("vda.s2.qcow2"));
    does(lab, "create", "s3");
    holds(lab, 0, 3);
    lab_stop(lab);
    lab_stop(old);
}

Test(sidecar, of_a_shared_base_is_somebody_elses)
{
    struct lab *old = tower(&one, 1), *lab = NULL;
    auto_free char *mine = lab_path(old, "mine.qcow2");

    turn_off(old);
    lab_image(mine, "qcow2", "16M", "vda.qcow2", "qcow2");
    lab = start_again(old, WORDS("mine.qcow2"));
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 0);
    does(lab, "create", "s1");
    json_auto_t *own = sidecar_of(old, "mine.qcow2"), *other = sidecar_of(old, "vda.qcow2");
    says(own, "current", "s1");
    says(other, "current", "s1");
    json_auto_t *error = refuses(lab, 1, "commit", "vda", "--base", "vda.qcow2", "--force");
    says(error, "desc", "vda.qcow2 is also the base of");
    says(error, "desc", "vda.s1.qcow2 and others");
    auto_free char *image = lab_path(old, "vda.s1.qcow2");
    cr_assert_eq(unlink(image), 0);
    json_auto_t *known = refuses(lab, 1, "commit", "vda", "--base", "vda.qcow2", "--force");
    says(known, "desc", "vda.qcow2 is also a layer of the VM of");
    lab_stop(lab);
    lab_stop(old);
}

/* A second record would not know what the guest writes by the first, nor the other way round. */
Test(sidecar, of_a_vm_that_lacks_its_first_disk_is_named)
{
    struct lab *old = lab_start(&(struct lab_options){.disks = 2}), *lab;
    auto_free char *sidecar = lab_path(old, "vda.qcow2.qrewind.json"), *state = NULL;

    does(old, "create", "s1");
    turn_off(old);
    lab = start_again(old, WORDS("vdb.s1.qcow2"));
    auto_result struct lab_result list = lab_run(lab, "list", NULL);
    cr_expect(strstr(list.err, sidecar), "%s", list.err);
    state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s2");
    says(error, "desc", "vdb.s1.qcow2");
    says(error, "hint", sidecar);
    unchanged(lab, state);
    lab_stop(lab);
    lab_stop(old);
}

Test(sidecar, in_a_place_of_ones_own)
{
    struct lab *lab = lab_start(&one);

    does(lab, "--sidecar", "my.json", "create", "s1");
    cr_expect(has_file(lab, "client/my.json"));
    cr_expect(!has_file(lab, "vda.qcow2.qrewind.json"));
    json_auto_t *there = tells(lab, "--sidecar", "my.json", "list"), *here = tells(lab, "list");
    says(there, "snapshots.0.disks.vda.file", "/vda.qcow2");
    says(there, "current", "s1");
    cr_expect_eq(json_array_size(at(here, "snapshots")), 0);
    does(lab, "--sidecar", "my.json", "stream", "vda");
    does(lab, "--sidecar", "my.json", "create", "s2");
    json_auto_t *later = tells(lab, "--sidecar", "my.json", "list");
    says(later, "snapshots.1.parent", "s1");
    lab_stop(lab);
}

Test(sidecar, a_second_one_is_not_made)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "--sidecar", "mistyped.json", "create", "s2");

    says(error, "desc", "vda.qcow2.qrewind.json");
    says(error, "hint", "leave out --sidecar");
    unchanged(lab, state);
    cr_expect(!has_file(lab, "client/mistyped.json"));
    lab_stop(lab);
}

Test(sidecar, moves_with_its_folder)
{
    struct lab *old = tower(&one, 1), *lab = NULL;

    turn_off(old);
    auto_result struct lab_result r =
        lab_exec(old->folder, WORDS("sh", "-c",
                                    "mkdir moved && mv vda.* moved && "
                                    "\"$QREWIND\" --image moved/vda.s1.qcow2 repair"));
    cr_assert_eq(r.status, 0, "%s", r.err);
    lab = start_again(old, WORDS("moved/vda.s1.qcow2"));
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.0.disks.vda.file", "/moved/vda.qcow2");
    does(lab, "create", "s2");
    holds(lab, 0, 2);
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    does(lab, "check");
    lab_stop(lab);
    lab_stop(old);
}

Test(sidecar, nobody_else_may_read_it)
{
    struct lab *lab = tower(&one, 1);
    auto_result struct lab_result r =
        lab_exec(lab->folder, WORDS("stat", "-c", "%a", "vda.qcow2.qrewind.json"));

    cr_expect_str_eq(r.out, "600\n");
    lab_stop(lab);
}
