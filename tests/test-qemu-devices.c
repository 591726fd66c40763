/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every kind of disk that a QEMU is started with: buses, styles, formats, names. Each
 * one is snapshotted twice, merged again, and keeps its data all the time.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

/*
 * Two snapshots, each with data of its own, both merged down into the base; one more,
 * and the overlay becomes independent of everything.
 */
static void there_and_back(struct lab *lab, int disk, const char *name)
{
    json_auto_t *doc = NULL;

    write_generation(lab, disk, 1);
    does(lab, "create", "s1", "--disk", name);
    write_generation(lab, disk, 2);
    does(lab, "create", "s2", "--disk", name);
    write_generation(lab, disk, 3);
    doc = tells(lab, "chain", name);
    cr_assert_eq(json_array_size(at(doc, "disks.0.layers")), 3);
    says(doc, "disks.0.layers.1.snapshots.0", "s2");
    holds(lab, disk, 3);
    does(lab, "commit", name, "--base", "s1", "--force");
    holds(lab, disk, 3);
    write_generation(lab, disk, 4);
    does(lab, "create", "s3", "--disk", name);
    does(lab, "stream", name);
    holds(lab, disk, 4);
    write_generation(lab, disk, 5);
    holds(lab, disk, 5);
}

static const char *const buses[] = {"virtio", "virtio with an iothread", "scsi", "ide", "nvme"};

static void every_bus(bool modern)
{
    for (int bus = LAB_VIRTIO; bus <= LAB_NVME; bus++) {
        struct lab *lab =
            lab_start(&(struct lab_options){.disks = 2, .bus = bus, .modern = modern});

        cr_log_info("%s", buses[bus]);
        there_and_back(lab, 1, modern ? "disk1" : "vdb");
        chain_is(lab, 0, "vda.qcow2");
        chain_is(lab, 1, "vdb.s3.qcow2");
        turn_off(lab);
        image_holds(lab, "vdb.qcow2", "qcow2", 4);
        image_holds(lab, "vdb.s3.qcow2", "qcow2", 5);
        lab_stop(lab);
    }
}

Test(devices, every_bus_with_drive)
{
    every_bus(false);
}

Test(devices, every_bus_with_blockdev)
{
    every_bus(true);
}

Test(devices, raw_bases_are_named_as_raw)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab =
            lab_start(&(struct lab_options){.disks = 1, .format = "raw", .modern = modern});
        const char *name = modern ? "disk0" : "vda";
        json_auto_t *doc = NULL, *info = NULL;

        write_generation(lab, 0, 1);
        does(lab, "create", "s0");
        auto_result struct lab_result r =
            lab_exec(lab->folder, WORDS("qemu-img", "info", "-U", "--output=json", "vda.s0.qcow2"));
        info = json_loads(r.out, 0, NULL);
        says(info, "backing-filename-format", "raw");
        does(lab, "commit", name, "--force");
        doc = tells(lab, "chain", name);
        says(doc, "disks.0.layers.0.format", "raw");
        there_and_back(lab, 0, name);
        turn_off(lab);
        image_holds(lab, "vda.raw", "raw", 4);
        image_holds(lab, "vda.s3.qcow2", "qcow2", 5);
        lab_stop(lab);
    }
}

/* A guest can write anything to a raw disk, also what looks like a qcow2 header. */
Test(devices, a_raw_base_that_looks_like_qcow2_stays_raw)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .format = "raw"});
    auto_result struct lab_result r =
        lab_exec(lab->folder, WORDS("sh", "-c",
                                    "qemu-img create -q -f qcow2 evil 1M && "
                                    "dd if=evil of=vda.raw conv=notrunc status=none && rm evil"));

    cr_assert_eq(r.status, 0, "%s", r.err);
    does(lab, "create", "s1");
    does(lab, "create", "s2");
    json_auto_t *doc = tells(lab, "chain", "vda");
    says(doc, "disks.0.layers.2.format", "raw");
    does(lab, "stream", "vda");
    chain_is(lab, 0, "vda.s2.qcow2");
    turn_off(lab);
    auto_result struct lab_result same =
        lab_exec(lab->folder, WORDS("qemu-img", "compare", "-f", "raw", "-F", "qcow2", "vda.raw",
                                    "vda.s2.qcow2"));
    cr_assert_eq(same.status, 0, "%s%s", same.out, same.err);
    lab_stop(lab);
}

Test(devices, relative_names_are_qemus_not_ours)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .relative = true});

    there_and_back(lab, 1, "vdb");
    does(lab, "create", "s4");
    cr_expect(has_file(lab, "vda.s4.qcow2"));
    json_auto_t *doc = tells(lab, "chain", "vda");
    says(doc, "disks.0.layers.0.file", lab->folder);
    headers_are(lab, "vda.s4.qcow2", "vda.qcow2 <- vda.s4.qcow2");
    headers_are(lab, "vdb.s4.qcow2", "vdb.s3.qcow2 <- vdb.s4.qcow2");
    turn_off(lab);
    image_holds(lab, "vdb.s4.qcow2", "qcow2", 5);
    lab_stop(lab);
}

/* Start QEMU with one disk given by @drive, where %s is the folder; disk "vda". */
static struct lab *with_drive(const char *drive, void (*prepare)(const char *folder, void *arg))
{
    const char *args[] = {"-drive", drive, "-device", "virtio-blk-pci,drive=vda", NULL};

    return lab_start(&(struct lab_options){.args = args, .prepare = prepare});
}

static void make_image(const char *folder, const char *name)
{
    auto_free char *path = mem_printf("%s/%s", folder, name);

    lab_image(path, "qcow2", "16M", NULL, NULL);
}

static void plain(const char *folder, void *arg)
{
    make_image(folder, "a.qcow2");
}

Test(devices, images_opened_in_other_ways)
{
    static const char *const drives[] = {
        "if=none,id=vda,driver=qcow2,file.driver=file,file.filename=a.qcow2",
        "if=none,id=vda,driver=qcow2,file.filename=a.qcow2,l2-cache-size=1M",
        /* a comma is doubled in an option */
        "if=none,id=vda,file=json:{\"driver\":\"qcow2\",,\"file.filename\":\"a.qcow2\"}",
        "if=none,id=vda,format=qcow2,file=file:a.qcow2",
        "if=none,id=vda,file=a.qcow2",
    };

    for (size_t i = 0; i < sizeof(drives) / sizeof(drives[0]); i++) {
        struct lab *lab = with_drive(drives[i], plain);

        there_and_back(lab, 0, "vda");
        does(lab, "create", "s4");
        headers_are(lab, "a.s4.qcow2", "a.s3.qcow2 <- a.s4.qcow2");
        turn_off(lab);
        image_holds(lab, "a.qcow2", "qcow2", 4);
        image_holds(lab, "a.s4.qcow2", "qcow2", 5);
        lab_stop(lab);
    }
}

static void linked(const char *folder, void *arg)
{
    auto_result struct lab_result r =
        lab_exec(folder, WORDS("sh", "-c", "mkdir store && ln -s store/real.qcow2 a.qcow2"));

    cr_assert_eq(r.status, 0);
    make_image(folder, "store/real.qcow2");
}

Test(devices, a_link_to_an_image)
{
    struct lab *lab = with_drive("if=none,id=vda,format=qcow2,file=a.qcow2", linked);

    does(lab, "create", "s0");
    json_auto_t *sidecar = sidecar_of(lab, "store/real.qcow2");
    says(sidecar, "current", "s0");
    chain_is(lab, 0, "a.qcow2 <- real.s0.qcow2");
    does(lab, "commit", "vda", "--force");
    chain_is(lab, 0, "a.qcow2");
    there_and_back(lab, 0, "vda");
    does(lab, "create", "s4");
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 2);
    turn_off(lab);
    image_holds(lab, "store/real.s4.qcow2", "qcow2", 5);
    lab_stop(lab);
}

static const char *const odd_folders[] = {"zwei Wörter", "a:b", "nbd:x", "q\"u'ote", "a=b", "日本"};

static void odd(const char *folder, void *arg)
{
    auto_free char *path = mem_printf("%s/%s", folder, (char *)arg);
    auto_free char *image = mem_printf("%s/a b:c.qcow2", (char *)arg);

    cr_assert_eq(mkdir(path, 0700), 0);
    make_image(folder, image);
}

Test(devices, folders_with_odd_names)
{
    for (size_t i = 0; i < sizeof(odd_folders) / sizeof(odd_folders[0]); i++) {
        auto_free char *drive =
            mem_printf("if=none,id=vda,format=qcow2,file=./%s/a b:c.qcow2", odd_folders[i]);
        const char *args[] = {"-drive", drive, "-device", "virtio-blk-pci,drive=vda", NULL};
        struct lab *lab = lab_start(&(struct lab_options){
            .args = args, .prepare = odd, .prepare_arg = (void *)odd_folders[i]});
        auto_free char *last = mem_printf("%s/a b:c.s4.qcow2", odd_folders[i]);

        there_and_back(lab, 0, "vda");
        does(lab, "create", "s4");
        chain_is(lab, 0, "a b:c.s3.qcow2 <- a b:c.s4.qcow2");
        cr_expect(has_file(lab, last));
        turn_off(lab);
        auto_free char *spelled = mem_printf("./%s", last);
        image_holds(lab, spelled, "qcow2", 5);
        lab_stop(lab);
    }
}
