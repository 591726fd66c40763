/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives that are no disks of a snapshot, and options that an overlay must inherit.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static void more_images(const char *folder, void *arg)
{
    auto_result struct lab_result r =
        lab_exec(folder, WORDS("sh", "-c",
                               "truncate -s 1M cd.iso fd.img && "
                               "qemu-img create -q -f qcow2 ro.qcow2 1M && "
                               "qemu-img create -q -f raw vdz.raw 16M"));

    cr_assert_eq(r.status, 0, "%s", r.err);
}

static struct lab *with(const char *const *args)
{
    return lab_start(&(struct lab_options){.disks = 1, .args = args, .prepare = more_images});
}

Test(drives, what_cannot_be_snapshotted_is_left_out_and_said_so)
{
    static const char *const args[] = {
        "-drive",  "if=none,id=cd,media=cdrom,file=cd.iso,format=raw",
        "-device", "ide-cd,drive=cd",
        "-device", "ide-cd,id=tray",
        "-drive",  "if=none,id=ro,file=ro.qcow2,format=qcow2,readonly=on",
        "-device", "virtio-blk-pci,drive=ro",
        NULL};
    struct lab *lab = with(args);
    json_auto_t *disks = tells(lab, "disks"), *doc = tells(lab, "create", "s1");
    json_auto_t *one = refuses(lab, 1, "create", "s2", "--disk", "ro");

    says(doc, "notes.0", "left out");
    cr_expect(mentions(at(doc, "notes"), "ro is left out: it is read-only"));
    cr_expect(mentions(at(doc, "notes"), "cd is left out: it is read-only"));
    cr_expect(mentions(at(doc, "notes"), "tray is left out: it is empty"));
    cr_expect_eq(json_object_size(at(doc, "overlays")), 1);
    cr_expect_eq(json_array_size(at(disks, "disks")), 4);
    says(one, "desc", "read-only");
    auto_result struct lab_result text = lab_run(lab, "create", "s3", NULL);
    cr_expect(strstr(text.err, "ro is left out"), "%s", text.err);
    lab_stop(lab);
}

/* A quorum has no image of its own, and the guest writes to it. */
Test(drives, one_that_has_a_medium_and_no_image_is_not_empty)
{
    static const char *const args[] = {
        "-blockdev",
        "{\"driver\": \"quorum\", \"node-name\": \"both\", \"vote-threshold\": 1, \"children\": [{"
        "\"driver\": \"raw\", \"file\": {\"driver\": \"file\", \"filename\": \"vdz.raw\"}}]}",
        "-device", "virtio-blk-pci,drive=both,id=both", NULL};
    struct lab *lab = with(args);
    json_auto_t *disks = tells(lab, "disks");
    auto_free char *before = state_of(lab);
    json_auto_t *plain = refuses(lab, 7, "create", "s1");
    json_auto_t *memory = refuses(lab, 7, "create", "s1", "--internal", "--memory");

    cr_expect_null(text(disks, "disks.1.skipped"), "%s", text(disks, "disks.1.skipped"));
    says(plain, "desc", "disk both: a filter (quorum)");
    says(memory, "desc", "disk both: a filter (quorum)");
    unchanged(lab, before);
    does(lab, "create", "s1", "--exclude", "both");
    lab_stop(lab);
}

/* What goes on the one node is under both. */
Test(drives, two_devices_on_one_node_are_one_disk)
{
    static const char *const args[] = {
        "-blockdev",
        "{\"driver\": \"raw\", \"node-name\": \"one\", \"file\": {\"driver\": \"file\", "
        "\"filename\": \"vdz.raw\"}}",
        "-device",
        "virtio-scsi-pci",
        "-device",
        "scsi-hd,drive=one,id=left,share-rw=on",
        "-device",
        "scsi-hd,drive=one,id=right,share-rw=on",
        NULL};
    struct lab *lab = with(args);
    json_auto_t *error = refuses(lab, 1, "create", "s1");

    says(error, "hint", "--exclude right");
    does(lab, "create", "s1", "--exclude", "right");
    json_auto_t *doc = tells(lab, "revert", "s1", "--keep", "k"), *disks = tells(lab, "disks");
    cr_expect(!mentions(at(doc, "notes"), "right"));
    says(disks, "disks.2.layers.0.file", text(disks, "disks.1.layers.0.file"));
    lab_stop(lab);
}

Test(drives, excluded_ones_are_not_mentioned)
{
    static const char *const args[] = {"-drive",
                                       "if=none,id=ro,file=ro.qcow2,format=qcow2,readonly=on",
                                       "-device", "virtio-blk-pci,drive=ro", NULL};
    struct lab *lab = with(args);
    json_auto_t *doc = tells(lab, "create", "s1", "--exclude", "ro");

    cr_expect_eq(json_array_size(at(doc, "notes")), 0);
    lab_stop(lab);
}

Test(drives, a_machine_without_a_disk_has_nothing_to_snapshot)
{
    static const char *const args[] = {"-device", "ide-cd,id=tray", NULL};
    struct lab *lab = lab_start(&(struct lab_options){.args = args});
    auto_free char *before = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "create", "s1");

    says(error, "kind", "refused");
    unchanged(lab, before);
    lab_stop(lab);
}

/* Member @path of the disk's active layer, as QEMU tells it. */
static json_t *inserted(struct lab *lab, size_t disk, const char *path)
{
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);

    return json_incref(at(at(json_array_get(blocks, disk), "inserted"), path));
}

static struct lab *with_options(const char *options)
{
    auto_free char *drive =
        mem_printf("if=none,id=vdz,format=raw,file=vdz.raw,discard=unmap,%s", options);

    return with(WORDS("-drive", drive, "-device", "virtio-blk-pci,drive=vdz"));
}

/* A disk with @options has @path, and so has the overlay made by @method; takes @expected. */
static void inherits(const char *options, const char *method, const char *path, json_t *expected)
{
    struct lab *lab = with_options(options);
    json_auto_t *before = inserted(lab, 1, path), *after = NULL;

    cr_assert(json_equal(before, expected), "%s", options);
    does(lab, "create", "s1", method);
    after = inserted(lab, 1, path);
    cr_expect(json_equal(after, expected), "%s: %s", options, method);
    json_decref(expected);
    lab_stop(lab);
}

Test(drives, an_overlay_keeps_the_cache_mode)
{
    static const char *const methods[] = {"--method=snapshot", "--method=sync"};

    for (size_t i = 0; i < 2; i++) {
        inherits("cache.direct=on", methods[i], "cache.direct", json_true());
        inherits("cache.no-flush=on", methods[i], "cache.no-flush", json_true());
        inherits("cache=none", methods[i], "cache.direct", json_true());
        inherits("cache=writethrough", methods[i], "cache.writeback", json_false());
    }
}

/* We say nothing of the file's own cache: QEMU hands the image's down. */
Test(drives, the_file_below_an_overlay_has_the_same_cache_mode)
{
    struct lab *lab = with_options("cache=none");
    json_auto_t *nodes = NULL;
    const json_t *node;
    size_t i, seen = 0;

    does(lab, "create", "s1");
    nodes = lab_qmp(lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    json_array_foreach(nodes, i, node)
        if (strstr(text(node, "file"), "vdz.s1.qcow2")) {
            cr_expect(json_is_true(at(node, "cache.direct")), "%s", text(node, "drv"));
            seen++;
        }
    cr_expect_eq(seen, 2);
    lab_stop(lab);
}

static uint64_t allocated(const struct lab *lab, const char *name)
{
    auto_free char *file = lab_path(lab, name);
    struct stat st;

    cr_assert_eq(stat(file, &st), 0, "%s", file);
    return (uint64_t)st.st_blocks * 512;
}

Test(drives, what_the_guest_discards_in_an_overlay_is_given_back)
{
    struct lab *lab = with_options("cache=writeback");

    does(lab, "create", "s1");
    free(lab_human(lab, "qemu-io vdz \"write -P 7 0 4M\""));
    cr_expect_geq(allocated(lab, "vdz.s1.qcow2"), 4 << 20);
    free(lab_human(lab, "qemu-io vdz \"discard 0 4M\""));
    cr_expect_leq(allocated(lab, "vdz.s1.qcow2"), 1 << 20);
    lab_stop(lab);
}

Test(drives, an_overlay_keeps_detect_zeroes)
{
    inherits("detect-zeroes=unmap", "--method=snapshot", "detect_zeroes", json_string("unmap"));
    inherits("detect-zeroes=on", "--method=snapshot", "detect_zeroes", json_string("on"));
}

/* QEMU leaves it behind with blockdev-snapshot-sync. */
Test(drives, detect_zeroes_that_ends_is_told)
{
    struct lab *lab = with_options("detect-zeroes=on");
    json_auto_t *doc = tells(lab, "create", "s1", "--method=sync");

    cr_expect(mentions(at(doc, "notes"), "detect-zeroes=on ends"));
    lab_stop(lab);
}
