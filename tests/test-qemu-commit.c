/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit: layers go down into the layers below, and no data is lost on the way. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static const struct lab_options one = {.disks = 1};

Test(commit, the_active_layer_and_the_guest_goes_on_in_the_base)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = tower(&(struct lab_options){.disks = 1, .modern = modern}, 2);
        json_auto_t *doc = tells(lab, "commit", first_disk(lab), "--force"), *list = NULL;

        chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
        holds(lab, 0, 3);
        says(doc, "removed.0", "/vda.s2.qcow2");
        says(doc, "jobs.0.status", "concluded");
        says(doc, "notes.0", "snapshot s2 is dropped");
        cr_expect(!has_file(lab, "vda.s2.qcow2"));
        list = tells(lab, "list");
        says(list, "current", "s1");
        cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
        write_generation(lab, 0, 4);
        turn_off(lab);
        image_holds(lab, "vda.s1.qcow2", "qcow2", 4);
        image_holds(lab, "vda.qcow2", "qcow2", 1);
        lab_stop(lab);
    }
}

Test(commit, nothing_stays_of_a_chain_that_is_all_committed)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = tower(&(struct lab_options){.disks = 1, .modern = modern}, 0);
        auto_free char *before = state_of(lab);

        does(lab, "create", "s1");
        does(lab, "commit", first_disk(lab), "--force");
        unchanged(lab, before);
        lab_stop(lab);
    }
}

Test(commit, a_snapshot_in_the_way_is_named)
{
    struct lab *lab = tower(&one, 3);
    auto_free char *before = state_of(lab);
    json_auto_t *one_layer = refuses(lab, 1, "commit", "vda");
    json_auto_t *all = refuses(lab, 1, "commit", "vda", "--base", "s1");

    says(one_layer, "kind", "refused");
    says(one_layer, "desc", "snapshot s3");
    says(one_layer, "hint", "--force");
    says(all, "desc", "snapshot");
    unchanged(lab, before);
    lab_stop(lab);
}

Test(commit, to_a_base_several_layers_down)
{
    struct lab *lab = tower(&one, 4);
    json_auto_t *doc = tells(lab, "commit", "vda", "--base", "s2", "--force"), *list = NULL;

    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
    cr_expect_eq(json_array_size(at(doc, "removed")), 3);
    holds(lab, 0, 5);
    list = tells(lab, "list");
    says(list, "current", "s1");
    turn_off(lab);
    image_holds(lab, "vda.s1.qcow2", "qcow2", 5);
    image_holds(lab, "vda.qcow2", "qcow2", 1);
    lab_stop(lab);
}

/* Layers that another tool made: no sidecar, no pins. */
static struct lab *foreign(void)
{
    struct lab *lab = lab_start(&one);

    write_generation(lab, 0, 1);
    for (int i = 1; i <= 3; i++) {
        auto_free char *name = mem_printf("x%d.qcow2", i);
        auto_free char *file = lab_path(lab, name);

        json_decref(lab_qmp(lab, "blockdev-snapshot-sync", "{s:s, s:s, s:s}", "device", "vda",
                            "snapshot-file", file, "format", "qcow2"));
        write_generation(lab, 0, i + 1);
    }
    chain_is(lab, 0, "vda.qcow2 <- x1.qcow2 <- x2.qcow2 <- x3.qcow2");
    return lab;
}

Test(commit, layers_in_the_middle)
{
    struct lab *lab = foreign();
    json_auto_t *doc = tells(lab, "commit", "vda", "--top", "x2.qcow2", "--base", "x1.qcow2");

    chain_is(lab, 0, "vda.qcow2 <- x1.qcow2 <- x3.qcow2");
    headers_are(lab, "x3.qcow2", "vda.qcow2 <- x1.qcow2 <- x3.qcow2");
    says(doc, "kept.0.name", "/x2.qcow2");
    says(doc, "kept.0.why", "not made by qrewind");
    cr_expect(has_file(lab, "x2.qcow2"));
    cr_expect(!has_file(lab, "vda.qcow2.qrewind.json"), "nothing of it is worth a sidecar");
    holds(lab, 0, 4);
    turn_off(lab);
    image_holds(lab, "x1.qcow2", "qcow2", 3);
    image_holds(lab, "x3.qcow2", "qcow2", 4);
    lab_stop(lab);
}

Test(commit, the_pin_goes_down_with_the_content)
{
    struct lab *lab = foreign();

    does(lab, "create", "s1");
    write_generation(lab, 0, 5);
    does(lab, "commit", "vda", "--top", "s1", "--base", "x1.qcow2");
    chain_is(lab, 0, "vda.qcow2 <- x1.qcow2 <- x3.s1.qcow2");
    json_auto_t *list = tells(lab, "list"), *chain = tells(lab, "chain");
    says(list, "snapshots.0.disks.vda.file", "/x1.qcow2");
    says(chain, "disks.0.layers.1.snapshots.0", "s1");
    holds(lab, 0, 5);
    turn_off(lab);
    image_holds(lab, "x1.qcow2", "qcow2", 4);
    image_holds(lab, "x3.s1.qcow2", "qcow2", 5);
    lab_stop(lab);
}

Test(commit, layers_go_by_file_by_node_and_by_snapshot)
{
    struct lab *lab = foreign();
    auto_free char *path = lab_path(lab, "x1.qcow2");
    json_auto_t *chain = tells(lab, "chain");

    /* top x2, base x1, in other words */
    json_auto_t *plan = tells(lab, "commit", "vda", "--top", "x2.qcow2", "--base", path, "-n");
    json_auto_t *node = tells(lab, "commit", "vda", "--top", text(chain, "disks.0.layers.1.node"),
                              "--base", "../x1.qcow2", "-n");
    const char *base = text(chain, "disks.0.layers.2.node");
    says(plan, "plan.0.execute", "block-commit");
    says(plan, "plan.0.arguments.base-node", base);
    says(node, "plan.0.arguments.base-node", base);
    cr_expect_str_eq(text(plan, "plan.0.arguments.top-node"),
                     text(node, "plan.0.arguments.top-node"));

    json_auto_t *order =
        refuses(lab, 1, "commit", "vda", "--top", "x1.qcow2", "--base", "x2.qcow2");
    says(order, "desc", "x2.qcow2 does not lie below x1.qcow2");
    json_decref(refuses(lab, 1, "commit", "vda", "--top", "x1.qcow2", "--base", "x1.qcow2"));
    json_decref(refuses(lab, 1, "commit", "vda", "--top", "vda.qcow2"));
    json_auto_t *unknown = refuses(lab, 3, "commit", "vda", "--base", "y.qcow2");
    says(unknown, "hint", "x3.qcow2, x2.qcow2, x1.qcow2, vda.qcow2");
    json_auto_t *disk = refuses(lab, 3, "commit", "vdq");
    says(disk, "hint", "vda");
    lab_stop(lab);
}

Test(commit, a_base_that_other_images_use_is_not_written_to)
{
    struct lab *lab = foreign();
    auto_free char *other = lab_path(lab, "other.qcow2"), *state = NULL;

    lab_image(other, "qcow2", "16M", "x1.qcow2", "qcow2");
    state = state_of(lab);
    /* x1 itself is the base, or lies between, or is what goes down and keeps no data */
    json_auto_t *base = refuses(lab, 1, "commit", "vda", "--top", "x2.qcow2");
    json_auto_t *between = refuses(lab, 1, "commit", "vda", "--base", "vda.qcow2", "--force");
    json_auto_t *top = refuses(lab, 1, "commit", "vda", "--top", "x1.qcow2");
    says(base, "desc", "other.qcow2");
    says(between, "desc", "other.qcow2");
    says(top, "desc", "other.qcow2");
    unchanged(lab, state);
    does(lab, "commit", "vda", "--base", "x2.qcow2");
    holds(lab, 0, 4);
    lab_stop(lab);
}

Test(commit, a_base_of_another_machines_sidecar_is_not_written_to)
{
    struct lab *lab = foreign();
    auto_result struct lab_result r = lab_exec(
        lab->folder, WORDS("sh", "-c",
                           "mkdir other && qemu-img create -q -f qcow2 -b ../x2.qcow2 -F qcow2 "
                           "other/web.qcow2 && printf '%s' '{\"format\":\"qrewind\",\"version\":1,"
                           "\"layers\":{\"L1\":{\"file\":\"x2.qcow2\",\"format\":\"qcow2\"}}}' "
                           ">web.qcow2.qrewind.json"));
    auto_free char *state = state_of(lab);

    cr_assert_eq(r.status, 0, "%s", r.err);
    json_auto_t *error = refuses(lab, 1, "commit", "vda");
    says(error, "desc", "web.qcow2.qrewind.json");
    unchanged(lab, state);
    lab_stop(lab);
}

Test(commit, files_can_be_kept)
{
    struct lab *lab = tower(&one, 1);
    json_auto_t *doc = tells(lab, "commit", "vda", "--force", "--keep-files");

    says(doc, "kept.0.why", "asked for");
    cr_expect(has_file(lab, "vda.s1.qcow2"));
    chain_is(lab, 0, "vda.qcow2");
    /* and then it is in nobody's way */
    does(lab, "create", "s1", "--overlay", "vda=../again.qcow2");
    lab_stop(lab);
}

Test(commit, a_base_grows_with_a_disk_that_was_enlarged)
{
    struct lab *lab = tower(&one, 1);

    json_decref(
        lab_qmp(lab, "block_resize", "{s:s, s:I}", "device", "vda", "size", (json_int_t)32 << 20));
    lab_write(lab, 0, 77, "24M", "64k");
    does(lab, "commit", "vda", "--force");
    json_auto_t *disks = tells(lab, "disks");
    cr_expect_eq(number(disks, "disks.0.size"), 32 << 20);
    cr_expect(lab_reads(lab, 0, 77, "24M", "64k"));
    holds(lab, 0, 2);
    lab_stop(lab);
}

static void base_and_overlay(const char *folder, void *arg)
{
    auto_result struct lab_result r =
        lab_exec(folder, WORDS("sh", "-c",
                               "qemu-img create -q -f qcow2 b.qcow2 1M && "
                               "qemu-img create -q -f qcow2 -b b.qcow2 -F qcow2 o.qcow2"));

    cr_assert_eq(r.status, 0, "%s", r.err);
}

Test(commit, a_base_that_qemu_may_not_write_to)
{
    static const char *const args[] = {
        "-blockdev", "driver=file,node-name=bf,filename=b.qcow2,read-only=on",
        "-blockdev", "driver=qcow2,node-name=b,file=bf,read-only=on",
        "-blockdev", "driver=file,node-name=of,filename=o.qcow2",
        "-blockdev", "driver=qcow2,node-name=o,file=of,backing=b",
        "-device",   "virtio-blk-pci,drive=o,id=d",
        NULL};
    struct lab *lab = lab_start(&(struct lab_options){.args = args, .prepare = base_and_overlay});
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "commit", "d");
    says(error, "desc", "read-only");
    unchanged(lab, state);
    lab_stop(lab);
}
