/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sidecar on real machines: broken, of another machine, held by another program. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

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

/* Root works in a folder of somebody's, who may have filled it. */
Test(sidecar, of_another_user_has_root_remove_nothing_but_his_files)
{
    if (geteuid())
        cr_skip_test("only root can give files away");
    struct lab *lab = tower(&one, 1);
    auto_free char *image = lab_path(lab, "vda.qcow2"), *ours = lab_path(lab, "ours"),
                   *his = lab_path(lab, "his"), *sidecar = lab_path(lab, "vda.qcow2.qrewind.json");
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2"), *after = json_deep_copy(doc);
    const char *const files[] = {image, sidecar, his};

    json_object_set_new(doc, "pending",
                        json_pack("{s:s, s:s, s:[], s:[], s:O, s:[{s:s, s:s}, {s:s, s:s}]}",
                                  "operation", "prune", "token", "0", "steps", "promise", "after",
                                  after, "cleanup", "step", "unlink", "file", ours, "step",
                                  "unlink", "file", his));
    cr_assert(!json_dump_file(doc, ours, 0) && !json_dump_file(doc, his, 0) &&
              !json_dump_file(doc, sidecar, 0) && !chmod(sidecar, 0600));
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(chown(files[i], 12345, 12345), 0);
    auto_result struct lab_result r = lab_run(lab, "repair", NULL);
    cr_expect(strstr(r.out, "ours: it belongs to another user"), "%s%s", r.out, r.err);
    cr_expect(has_file(lab, "ours") && !has_file(lab, "his"));
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
