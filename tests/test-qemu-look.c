/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What list, show, current, chain, disks and info tell, held against what QEMU itself and
 * qemu-img say.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

/* Does QEMU's node @name have the image @file? */
static bool node_has(const json_t *nodes, const char *name, const char *file)
{
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (!strcmp(text(node, "node-name"), name))
            return strstr(text(node, "image.filename"), strrchr(file, '/')) != NULL;
    return false;
}

/* Every layer that the program tells is what QEMU has at that depth. */
static void is_true(struct lab *lab, int line)
{
    json_auto_t *doc = tells(lab, "chain"), *blocks = lab_qmp(lab, "query-block", NULL);
    json_auto_t *nodes = lab_qmp(lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    const json_t *disk, *layer;
    size_t i, k;

    cr_assert_eq(json_array_size(at(doc, "disks")), json_array_size(blocks), "line %d", line);
    json_array_foreach(at(doc, "disks"), i, disk) {
        const json_t *image = at(json_array_get(blocks, i), "inserted.image");

        json_array_foreach(at(disk, "layers"), k, layer) {
            const char *file = text(layer, "file"), *node = text(layer, "node");

            cr_assert(image, "line %d: %s is not in QEMU's chain", line, file);
            cr_assert(strstr(text(image, "filename"), strrchr(file, '/')), "line %d: %s", line,
                      file);
            cr_assert_eq(number(layer, "size"), number(image, "virtual-size"), "line %d", line);
            cr_assert_str_eq(text(layer, "format"), text(image, "format"), "line %d", line);
            cr_assert_eq(json_is_true(at(layer, "active")), k == 0, "line %d", line);
            cr_assert(node && node_has(nodes, node, file), "line %d: the node of %s is not %s",
                      line, file, node);
            image = at(image, "backing-image");
        }
        cr_assert_null(image, "line %d: QEMU's chain goes on", line);
    }
}

Test(look, the_chain_is_qemus_before_and_after_everything)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = modern});
        const char *disk = first_disk(lab);

        is_true(lab, __LINE__);
        for (int i = 1; i <= 4; i++) {
            auto_free char *name = mem_printf("s%d", i);

            does(lab, "create", name);
            is_true(lab, __LINE__);
        }
        does(lab, "stream", disk, "--base", "s2");
        is_true(lab, __LINE__);
        does(lab, "commit", disk, "--top", "s2", "--base", "s1", "--force");
        is_true(lab, __LINE__);
        does(lab, "mirror", disk, "../copy.qcow2", "--sync=top", "--pivot");
        is_true(lab, __LINE__);
        does(lab, "mirror", disk, "../all.qcow2");
        is_true(lab, __LINE__);
        does(lab, "mirror", disk, "--pivot");
        is_true(lab, __LINE__);
        lab_stop(lab);
    }
}

Test(look, sizes_are_those_of_qemu_img)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);
    json_auto_t *doc = tells(lab, "chain", "vda");
    const json_t *layer;
    size_t i;

    json_array_foreach(at(doc, "disks.0.layers"), i, layer) {
        auto_result struct lab_result r =
            lab_exec(NULL, WORDS("qemu-img", "info", "-U", "--output=json", text(layer, "file")));
        json_auto_t *info = json_loads(r.out, 0, NULL);

        cr_expect_eq(number(layer, "size"), number(info, "virtual-size"));
        if (i > 0)
            cr_expect_eq(number(layer, "allocated"), number(info, "actual-size"));
    }
    lab_stop(lab);
}

Test(look, a_machine_without_snapshots)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *state = state_of(lab);
    json_auto_t *list = tells(lab, "list"), *current = tells(lab, "current");
    json_auto_t *chain = tells(lab, "chain");

    cr_expect_eq(json_array_size(at(list, "snapshots")), 0);
    cr_expect(json_is_null(at(list, "current")));
    cr_expect(json_is_null(at(list, "sidecar")));
    cr_expect(json_is_null(at(current, "current")));
    cr_expect_eq(json_array_size(at(chain, "disks.0.layers.0.snapshots")), 0);
    json_decref(refuses(lab, 3, "show", "s1"));
    json_decref(refuses(lab, 3, "chain", "vdq"));
    unchanged(lab, state);
    lab_stop(lab);
}

Test(look, one_disk_by_any_of_its_names)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true});
    static const char *const names[] = {"disk1", "vdb-fmt",
                                        "/machine/peripheral/disk1/virtio-backend"};

    for (size_t i = 0; i < 3; i++) {
        json_auto_t *doc = tells(lab, "chain", names[i]);

        cr_expect_eq(json_array_size(at(doc, "disks")), 1, "%s", names[i]);
        says(doc, "disks.0.id", "disk1");
        says(doc, "disks.0.layers.0.file", "/vdb.qcow2");
    }
    does(lab, "create", "s1", "--disk", "vdb-fmt");
    chain_is(lab, 1, "vdb.qcow2 <- vdb.s1.qcow2");
    lab_stop(lab);
}

Test(look, the_machine_by_its_names)
{
    static const char *const args[] = {"-name", "web1", "-uuid",
                                       "01234567-89ab-cdef-0123-456789abcdef", NULL};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .args = args});
    json_auto_t *info = tells(lab, "info"), *sidecar = NULL;

    says(info, "name", "web1");
    says(info, "uuid", "01234567-89ab-cdef-0123-456789abcdef");
    says(info, "machine", "pc-i440fx-");
    says(info, "status", "prelaunch");
    cr_expect_eq(number(info, "pid"), lab->pid);
    cr_expect_eq(number(info, "disks"), 1);
    cr_expect_eq(atoi(text(info, "qemu")), number(lab->greeting, "QMP.version.qemu.major"));
    does(lab, "create", "s1");
    sidecar = sidecar_of(lab, "vda.qcow2");
    says(sidecar, "vm.name", "web1");
    says(sidecar, "vm.uuid", "01234567");
    json_auto_t *after = tells(lab, "info");
    says(after, "current", "s1");
    says(after, "sidecar", "/vda.qcow2.qrewind.json");
    lab_stop(lab);
}

Test(look, what_was_changed_behind_our_back_is_told)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1);
    auto_free char *file = lab_path(lab, "x.qcow2");

    json_decref(lab_qmp(lab, "blockdev-snapshot-sync", "{s:s, s:s, s:s}", "device", "vda",
                        "snapshot-file", file, "format", "qcow2"));
    auto_result struct lab_result list = lab_run(lab, "list", NULL);
    cr_expect_eq(list.status, 0);
    cr_expect(strstr(list.out, "s1"), "%s", list.out);
    cr_expect(strstr(list.err, "x.qcow2"), "%s", list.err);
    lab_stop(lab);
}

Test(look, sixteen_disks_and_thirty_layers)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 16, .size = "1M"});

    for (int i = 0; i < 30; i++) {
        auto_free char *name = mem_printf("s%d", i);
        does(lab, "create", name);
    }
    json_auto_t *chain = tells(lab, "chain"), *list = tells(lab, "list");
    for (size_t i = 0; i < 16; i++)
        cr_expect_eq(json_array_size(at(json_array_get(at(chain, "disks"), i), "layers")), 31);
    cr_expect_eq(json_object_size(at(list, "snapshots.29.disks")), 16);
    cr_expect(ends_with(text(list, "snapshots.29.disks.vdp.file"), "/vdp.s28.qcow2"));
    lab_stop(lab);
}

static void image(const char *folder, void *arg)
{
    auto_free char *path = mem_printf("%s/vda.qcow2", folder);

    lab_image(path, "qcow2", "16M", NULL, NULL);
}

/* Under the format all is well; over it no snapshot can be put, and looking does no harm. */
Test(look, filters_given_by_hand)
{
    static const char *const over[] = {
        "-object",   "throttle-group,id=g",
        "-blockdev", "driver=file,node-name=f,filename=vda.qcow2",
        "-blockdev", "driver=qcow2,node-name=q,file=f",
        "-blockdev", "driver=throttle,node-name=t,throttle-group=g,file=q",
        "-device",   "virtio-blk-pci,drive=t,id=d",
        NULL};
    static const char *const under[] = {
        "-object",   "throttle-group,id=g",
        "-blockdev", "driver=file,node-name=f,filename=vda.qcow2",
        "-blockdev", "driver=throttle,node-name=t,throttle-group=g,file=f",
        "-blockdev", "driver=qcow2,node-name=q,file=t",
        "-device",   "virtio-blk-pci,drive=q,id=d",
        NULL};
    struct lab *lab = lab_start(&(struct lab_options){.args = over, .prepare = image});
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "create", "s1"), *doc = tells(lab, "disks");

    says(error, "desc", "a filter (throttle) is on top of its image");
    says(doc, "disks.0.layers.0.file", "/vda.qcow2");
    unchanged(lab, state);
    lab_stop(lab);

    lab = lab_start(&(struct lab_options){.args = under, .prepare = image});
    does(lab, "create", "s1");
    json_auto_t *chain = tells(lab, "chain");
    says(chain, "disks.0.layers.1.file", "/vda.qcow2");
    does(lab, "stream", "d");
    does(lab, "create", "s2");
    lab_stop(lab);
}
