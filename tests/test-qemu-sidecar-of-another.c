/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-sidecar-of-another: root works with the sidecar of another user, who may have written
 * anything in it. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/planted.h"
#include "tests/scratch/scratch.h"

static const struct lab_options one = {.disks = 1, .modern = true};

/* Root works in a folder of somebody's, who may have filled it. */
Test(sidecar_of_another, has_root_remove_nothing_but_his_files)
{
    scratch_needs_root();
    struct lab *lab = tower(&one, 1);
    auto_free char *ours = lab_path(lab, "ours"), *his = lab_path(lab, "his");
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");
    const char *const named[] = {ours, his};

    for (size_t i = 0; i < 2; i++)
        lab_image(named[i], "qcow2", "1M", NULL, NULL);
    plant(lab, doc, planted_cleanup("prune", named, 2), false);
    give(lab, "vda.qcow2");
    give(lab, "vda.s1.qcow2");
    give(lab, "vda.qcow2.qrewind.json");
    give(lab, "his");
    auto_result struct lab_result r = lab_run(lab, "repair", NULL);
    cr_expect(strstr(r.out, "ours: it belongs to another user"), "%s%s", r.out, r.err);
    cr_expect(has_file(lab, "ours") && !has_file(lab, "his"));
    lab_stop(lab);
}

Test(sidecar_of_another, has_root_write_to_nothing_but_his_files)
{
    scratch_needs_root();
    struct lab *lab = tower(&one, 2);
    auto_free char *ours = lab_path(lab, "ours"), *layer = lab_path(lab, "vda.s1.qcow2"),
                   *sidecar = lab_path(lab, "vda.qcow2.qrewind.json");
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2");
    json_t *pending = planted_cleanup("create", NULL, 0);
    struct stat st;

    give(lab, "vda.qcow2");
    give(lab, "vda.s2.qcow2");
    give(lab, "vda.qcow2.qrewind.json");
    cr_assert(!chmod(layer, 0666));
    auto_result struct lab_result r = lab_run(lab, "repair", "--yes", NULL);
    cr_expect(strstr(r.out, "it belongs to another user than the sidecar"), "%s%s", r.out, r.err);
    cr_expect(!stat(layer, &st) && (st.st_mode & 0777) == 0666);
    does(lab, "edit", "s1", "--description", "by root");
    cr_expect(!stat(sidecar, &st) && st.st_uid == 12345, "it stays whose it was");

    lab_image(ours, "qcow2", "1M", NULL, NULL);
    json_object_set_new(pending, "steps",
                        json_pack("[{s:s, s:s, s:b, s:{s:s, s:s, s:{s:s, s:s}}}]", "step", "qmp",
                                  "execute", "blockdev-add", "again", 1, "arguments", "driver",
                                  "qcow2", "node-name", "qrw-v", "file", "driver", "file",
                                  "filename", ours));
    plant(lab, doc, pending, false);
    json_auto_t *error = refuses(lab, 1, "repair", "--yes");
    says(error, "desc", "ours belongs to another user");
    lab_stop(lab);
}

/* vda <- s1 <- s2 <- s3, of which vda.s1.qcow2 is root's, for all to read. */
static struct lab *in_between(void)
{
    struct lab *lab = tower(&one, 3);
    auto_free char *roots = lab_path(lab, "vda.s1.qcow2"), *folder = lab_path(lab, ".");

    give(lab, "vda.qcow2");
    give(lab, "vda.s2.qcow2");
    give(lab, "vda.s3.qcow2");
    give(lab, "vda.qcow2.qrewind.json");
    cr_assert(!chmod(roots, 0644) && !chmod(folder, 0755));
    return lab;
}

Test(sidecar_of_another, has_root_merge_into_nothing_but_his_files)
{
    scratch_needs_root();
    struct lab *lab = in_between();
    json_auto_t *error = refuses(lab, 1, "commit", "disk0", "--top", "vda.s2.qcow2", "--force");

    says(error, "desc", "vda.s1.qcow2 belongs to another user than the sidecar");
    json_auto_t *plan = tells(lab, "--dry-run", "delete", "s2");
    says(plan, "plan.0.execute", "block-stream");
    json_auto_t *result = tells(lab, "delete", "s2");
    says(result, "kept.0.why", "it belongs to another user");
    holds(lab, 0, 4);
    turn_off(lab);
    image_holds(lab, "vda.s1.qcow2", "qcow2", 2);
    lab_stop(lab);
}

/* Its node. */
static const char *node(const json_t *chain, int layer)
{
    auto_free char *path = mem_printf("disks.0.layers.%d.node", layer);

    return text(chain, path);
}

/* What a journal would have QEMU do with vda.s1.qcow2. */
static json_t *commands(const json_t *chain)
{
    const char *active = node(chain, 0), *above = node(chain, 1), *ours = node(chain, 2);

    return json_pack("[{s:s, s:s, s:{s:s, s:s, s:s}}, {s:s, s:s, s:{s:s, s:s, s:s, s:s}},"
                     " {s:s, s:s, s:{s:s, s:s, s:[s]}}]",
                     "step", "qmp", "execute", "change-backing-file", "arguments", "device", active,
                     "image-node-name", ours, "backing-file", "elsewhere", "step", "qmp", "execute",
                     "block-commit", "arguments", "job-id", "j", "device", active, "top-node",
                     above, "base-node", ours, "step", "qmp", "execute", "snapshot-delete",
                     "arguments", "job-id", "j", "tag", "t", "devices", ours);
}

Test(sidecar_of_another, has_root_send_nothing_that_writes_to_other_files)
{
    scratch_needs_root();
    struct lab *lab = in_between();
    json_auto_t *doc = sidecar_of(lab, "vda.qcow2"), *chain = tells(lab, "chain");
    json_auto_t *all = commands(chain);
    json_t *command;
    size_t i;

    json_array_foreach(all, i, command) {
        json_t *ended = planted_cleanup("delete", NULL, 0), *begun = json_deep_copy(ended);

        json_array_append(json_object_get(ended, "cleanup"), command);
        plant(lab, doc, ended, false);
        json_auto_t *error = refuses(lab, 1, "repair", "--yes");
        says(error, "desc", "vda.s1.qcow2 belongs to another user than the sidecar");
        json_object_set_new(begun, "steps",
                            json_pack("[{s:s, s:s, s:O}]", "step", "qmp", "execute", "transaction",
                                      "undo", command));
        plant(lab, doc, begun, false);
        json_auto_t *too = refuses(lab, 1, "create", "s4");
        says(too, "desc", "vda.s1.qcow2 belongs to another user than the sidecar");
    }
    headers_are(lab, "vda.s3.qcow2", "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2");
    turn_off(lab);
    image_holds(lab, "vda.s1.qcow2", "qcow2", 2);
    lab_stop(lab);
}

/* What root's own VM runs on would be one that nobody may write to, in a record that root does not
 * trust there. */
Test(sidecar_of_another, has_root_freeze_nothing_but_his_images)
{
    scratch_needs_root();
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true});

    does(lab, "create", "s1");
    give(lab, "vda.qcow2");
    give(lab, "vda.s1.qcow2");
    give(lab, "vda.qcow2.qrewind.json");
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s2"),
                *sync = refuses(lab, 1, "create", "s2", "--method=sync");
    cr_expect(strstr(text(error, "desc"), "vdb.s1.qcow2 belongs to another user than the sidecar"));
    cr_expect(strstr(text(sync, "desc"), "vdb.s1.qcow2 belongs to another user than the sidecar"));
    unchanged(lab, state);
    lab_stop(lab);
}

Test(sidecar_of_another, that_root_makes_is_the_owners_of_the_images)
{
    scratch_needs_root();
    struct lab *lab = lab_start(&one);
    auto_free char *sidecar = lab_path(lab, "vda.qcow2.qrewind.json");
    struct stat st;

    give(lab, "vda.qcow2");
    does(lab, "create", "s1");
    cr_expect(!stat(sidecar, &st) && st.st_uid == 12345 && (st.st_mode & 0777) == 0600);
    lab_stop(lab);
}

/* Whoever may write to the folder can lay one beside an image of his own. */
Test(sidecar_of_another, and_of_a_stranger_is_not_about_our_image)
{
    scratch_needs_root();
    struct lab *lab = tower(&one, 1);

    auto_free char *evil = lab_path(lab, "evil.qcow2"), *image = lab_path(lab, "vda.s1.qcow2"),
                   *from = lab_path(lab, "vda.qcow2.qrewind.json"),
                   *to = lab_path(lab, "evil.qcow2.qrewind.json");

    lab_image(evil, "qcow2", "1M", NULL, NULL);
    cr_assert(!rename(from, to));
    give(lab, "evil.qcow2");
    give(lab, "evil.qcow2.qrewind.json");
    turn_off(lab);
    json_auto_t *error = refuses(lab, 1, "--image", image, "create", "s2");
    says(error, "desc", "belongs to neither us nor the owner");
    says(error, "hint", "--sidecar FILE");
    cr_expect(has_file(lab, "evil.qcow2.qrewind.json") && !has_file(lab, "vda.s1.s2.qcow2"));
    lab_stop(lab);
}
