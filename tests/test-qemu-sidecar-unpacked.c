/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-sidecar-unpacked: a folder that came from somebody else, whose sidecar names images of
 * ours beside it. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

#define SIDECAR "pack/disk.qcow2.qrewind.json"

TestSuite(qemu_sidecar_unpacked, .init = offline_enter, .fini = offline_leave, .timeout = 60);

/* Our images, vm.qcow2 with a snapshot in it, and a VM that knows nothing of them. */
static json_t *beside_ours(void)
{
    cr_assert(!mkdir("home", 0700) && !mkdir("pack", 0700));
    offline_image("home/vm.qcow2", "1M", NULL);
    offline_image("home/old.qcow2", "1M", NULL);
    offline_ok("qemu-img snapshot -c backup home/vm.qcow2");
    offline_image("pack/disk.qcow2", "1M", NULL);
    offline_ok("qrewind -i pack/disk.qcow2 create s1");
    return json_load_file(SIDECAR, 0, NULL);
}

static void add_layer(json_t *doc, const char *id, const char *name, bool ours)
{
    json_object_set_new(json_object_get(doc, "layers"), id,
                        json_pack("{s:o, s:s, s:i, s:n, s:b}", "file",
                                  json_sprintf("%s/home/%s", scratch_folder(), name), "format",
                                  "qcow2", "size", 1 << 20, "backing", "ours", ours));
}

/* An older snapshot, of @held (taken), is in the record, too. */
static void plant(json_t *doc, const char *kind, json_t *held)
{
    json_t *all = json_object_get(doc, "snapshots"), *s = json_deep_copy(json_array_get(all, 0));

    json_object_set_new(s, "name", json_string("old"));
    json_object_set_new(s, "id", json_string("aaaaaa"));
    json_object_set_new(s, "created", json_string("2020-01-01T00:00:00.000Z"));
    json_object_set_new(s, "kind", json_string(kind));
    json_object_set_new(json_object_get(s, "disks"), "disk", held);
    json_array_insert_new(all, 0, s);
    cr_assert(!json_dump_file(doc, SIDECAR, 0));
}

/* Who knows of it: a link to the record that was unpacked would have it work on our images. */
static bool is_led(const char *image)
{
    auto_free char *link = mem_printf("%s.qrewind.json", image);
    struct stat st;

    return !lstat(link, &st);
}

Test(qemu_sidecar_unpacked, calls_no_folder_of_ours_its_own)
{
    json_auto_t *doc = beside_ours();

    add_layer(doc, "L8", "old.qcow2", true);
    add_layer(doc, "L9", "vm.qcow2", false);
    json_object_set_new(json_object_get(doc, "disks"), "x",
                        json_pack("{s:s, s:s}", "active", "L9", "stem", "x"));
    plant(doc, "external", json_pack("{s:s}", "layer", "L8"));
    offline_ok("qrewind -i pack/disk.s1.qcow2 edit s1 --pin");
    cr_expect(!is_led("home/vm.qcow2") && !is_led("home/old.qcow2"));
    offline_ok("qrewind -i pack/disk.s1.qcow2 prune --keep-last 1");
    cr_expect(!access("home/old.qcow2", F_OK));
    cr_expect(!is_led("home/vm.qcow2"));
}

/* Nobody has deleted a snapshot here: what is due somebody else has written. */
Test(qemu_sidecar_unpacked, has_nothing_of_ours_merged_into_unasked)
{
    json_auto_t *first = beside_ours(), *doc;
    const char *id;
    json_t *layers, *layer;

    offline_write("pack/disk.qcow2", 7, "0", "64k");
    offline_ok("qrewind -i pack/disk.s1.qcow2 create s2");
    doc = json_load_file(SIDECAR, 0, NULL);
    json_array_remove(json_object_get(doc, "snapshots"), 0);
    json_object_set_new(json_array_get(json_object_get(doc, "snapshots"), 0), "parent",
                        json_null());
    layers = json_object_get(doc, "layers");
    add_layer(doc, "L9", "old.qcow2", false);
    json_object_set_new(json_object_get(layers, "L9"), "loose", json_true());
    json_object_foreach(layers, id, layer)
        if (strstr(json_string_value(json_object_get(layer, "file")), "disk.qcow2"))
            json_object_set_new(layer, "backing", json_string("L9"));
    cr_assert(!json_dump_file(doc, SIDECAR, 0));
    offline_sh("qemu-img rebase -u -f qcow2 -F qcow2 -b ../home/old.qcow2 pack/disk.qcow2");
    offline_sh("cp home/old.qcow2 was");
    offline_sh("qrewind -i pack/disk.s2.qcow2 check >said || test $? = 9; "
               "grep -A3 due-merge said | grep 'repair --yes: merge it'");
    offline_sh("qrewind -i pack/disk.s2.qcow2 repair; cmp home/old.qcow2 was");
    offline_sh("qrewind -i pack/disk.s2.qcow2 repair --yes; ! cmp -s home/old.qcow2 was");
}

Test(qemu_sidecar_unpacked, takes_no_snapshot_out_of_an_image_of_ours)
{
    json_auto_t *doc = beside_ours();

    add_layer(doc, "L9", "vm.qcow2", false);
    plant(doc, "internal", json_pack("{s:s, s:s}", "tag", "backup", "inside", "L9"));
    offline_fails(1, "vm.qcow2 does not look like an image of this VM",
                  "qrewind -i pack/disk.s1.qcow2 prune --keep-last 1");
    offline_ok("qemu-img snapshot -a backup home/vm.qcow2");
    offline_ok("qrewind -i pack/disk.s1.qcow2 delete --metadata old");
}
