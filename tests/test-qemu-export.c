/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * export beside a VM: what comes out is the snapshot, whole and alone, whatever the guest writes
 * meanwhile; and the VM does not notice. What goes wrong: test-qemu-export-failure.c.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/inside.h"
#include "tests/tidy/tidy.h"

static json_t *info(struct lab *lab, const char *file)
{
    auto_result struct lab_result r =
        lab_exec(lab->folder, (const char *[]){"qemu-img", "info", "--output=json", file, NULL});

    return json_loads(r.out, 0, NULL);
}

/* A sound image that needs no other. */
static void is_whole(struct lab *lab, const char *file)
{
    auto_result struct lab_result r = lab_exec(
        lab->folder, (const char *[]){"qemu-img", "check", "-q", "-f", "qcow2", file, NULL});
    json_auto_t *what = info(lab, file);

    cr_expect_eq(r.status, 0, "%s: %s%s", file, r.out, r.err);
    cr_expect_null(at(what, "backing-filename"), "%s", file);
}

static void agrees_with_manifest(struct lab *lab, const json_t *doc, const char *folder)
{
    auto_free char *path = mem_printf("%s/%s/qrewind-export.json", lab->folder, folder);
    json_auto_t *manifest = json_load_file(path, 0, NULL);
    const json_t *file;
    size_t i;

    cr_assert_not_null(manifest, "%s", path);
    cr_expect(json_equal(at(manifest, "files"), at(doc, "files")));
    says(manifest, "snapshot.name", text(doc, "snapshot"));
    json_array_foreach(at(doc, "files"), i, file) {
        auto_free char *name = mem_printf("%s/%s/%s", lab->folder, folder, text(file, "name"));
        auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"sha256sum", name, NULL});
        struct stat st;

        cr_expect(!strncmp(r.out, text(file, "sha256"), 64), "%s", name);
        cr_assert_eq(stat(name, &st), 0);
        cr_expect_eq(st.st_size, number(file, "size"));
        cr_expect_eq(st.st_mode & 0777, 0600);
    }
}

static void exports_each(struct lab *lab)
{
    auto_free char *before = state_of(lab);

    for (int i = 1; i <= 3; i++) {
        auto_free char *name = mem_printf("s%d", i), *to = mem_printf("out-%d", i);
        auto_free char *image = mem_printf("client/%s/%s.qcow2", to, first_disk(lab));
        auto_free char *folder = mem_printf("client/%s", to);
        json_auto_t *doc = tells(lab, "export", name, to);

        is_whole(lab, image);
        image_holds(lab, image, "qcow2", i);
        agrees_with_manifest(lab, doc, folder);
    }
    is_tidy(lab);
    auto_result struct lab_result r =
        lab_exec(lab->folder, (const char *[]){"rm", "-r", "client/out-1", "client/out-2",
                                               "client/out-3", NULL});
    unchanged(lab, before);
}

Test(export, every_layer_of_a_tower_becomes_an_image_of_its_own)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = tower(&(struct lab_options){.disks = 1, .modern = modern}, 3);

        exports_each(lab);
        lab_stop(lab);
    }
}

Test(export, a_snapshot_of_a_branch_that_QEMU_has_left)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 3);

    does(lab, "revert", "s1", "--discard");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1-2.qcow2");
    exports_each(lab);
    turn_off(lab);
    lab_stop(lab);
}

/* As a daemon may leave it to what it starts: then nobody hears how a child ended. */
Test(export, who_started_us_ignores_the_ends_of_its_children)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1);
    auto_free char *program = lab_program();
    auto_result struct lab_result r =
        lab_exec(lab->folder, WORDS("env", "--ignore-signal=CHLD", program, "-s", lab->socket,
                                    "export", "s1", "out"));

    cr_expect_eq(r.status, 0, "%s", r.err);
    lab_stop(lab);
}

Test(export, one_image_alone_raw_or_compressed)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 2}, 2);
    auto_free char *part = lab_path(lab, "client/c.qcow2.part"),
                   *empty = lab_path(lab, "client/empty");
    struct stat st;

    does(lab, "export", "s2", "c.qcow2", "--compress");
    does(lab, "export", "s2", "r.raw", "--format=raw");
    image_holds(lab, "client/c.qcow2", "qcow2", 2);
    is_whole(lab, "client/c.qcow2");
    image_holds(lab, "client/r.raw", "raw", 2);
    cr_expect(stat(part, &st), "%s stays", part);
    /* an empty folder will do as well as none */
    cr_assert_eq(mkdir(empty, 0755), 0);
    does(lab, "export", "s1", "empty");
    image_holds(lab, "client/empty/vda.qcow2", "qcow2", 1);
    lab_stop(lab);
}

/* ---- other formats ---- */

static void make_base(const char *folder, void *format)
{
    auto_free char *path = mem_printf("%s/base.%s", folder, (const char *)format);
    auto_free char *write = mem_strdup("write -P 7 1M 1M");

    lab_image(path, format, "16M", NULL, NULL);
    auto_result struct lab_result r =
        lab_exec(NULL, (const char *[]){"qemu-io", "-f", format, "-c", write, path, NULL});
    cr_assert_eq(r.status, 0, "%s: %s", path, r.err);
}

Test(export, a_base_of_any_format_that_QEMU_writes)
{
    static const char *const formats[] = {"raw", "vmdk", "vdi", "vhdx", "vpc", "qcow"};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        auto_free char *drive =
            mem_printf("file=base.%s,format=%s,if=none,id=vda", formats[i], formats[i]);
        const char *const args[] = {"-drive", drive, "-device", "virtio-blk-pci,drive=vda", NULL};
        struct lab *lab = lab_start(&(struct lab_options){
            .args = args, .prepare = make_base, .prepare_arg = (void *)formats[i]});

        does(lab, "create", "s1");
        lab_write(lab, 0, 8, "1M", "1M");
        json_auto_t *doc = tells(lab, "export", "s1", "out");
        says(doc, "files.0.format", "qcow2");
        auto_result struct lab_result r = lab_exec(
            lab->folder, (const char *[]){"qemu-io", "-r", "-f", "qcow2", "-c", "read -P 7 1M 1M",
                                          "-c", "read -P 0 2M 1M", "client/out/vda.qcow2", NULL});
        cr_expect(r.status == 0 && !strstr(r.out, "failed"), "%s: %s%s", formats[i], r.out, r.err);
        is_whole(lab, "client/out/vda.qcow2");
        lab_stop(lab);
    }
}

/* ---- while it is written to ---- */

/* The guest writes at one place after the other until the program ends. Returns how often. */
static int write_until_it_ends(struct lab *lab, const struct lab_process *p)
{
    int n = 0;

    for (struct pollfd end = {p->out, 0, 0}; poll(&end, 1, 0) == 0; n++) {
        auto_free char *at = mem_printf("%dk", (n * 192) % (60 << 10));

        lab_write(lab, 0, 90 + n % 10, at, "64k");
    }
    return n;
}

static void same_content(struct lab *lab, const char *a, const char *b)
{
    auto_result struct lab_result r =
        lab_exec(lab->folder,
                 (const char *[]){"qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", a, b, NULL});

    cr_expect_eq(r.status, 0, "%s%s", r.out, r.err);
}

static void while_written(struct lab *lab, const char *name)
{
    int writes = 0;

    does(lab, "export", name, "calm");
    for (int i = 0; i < 3; i++) {
        auto_free char *to = mem_printf("busy-%d", i),
                       *image = mem_printf("client/%s/vda.qcow2", to);
        struct lab_process p = lab_begin(lab, "export", name, to, "-q", NULL);

        writes += write_until_it_ends(lab, &p);
        auto_result struct lab_result r = lab_finish(&p);
        cr_assert_eq(r.status, 0, "%s", r.err);
        is_whole(lab, image);
        same_content(lab, "client/calm/vda.qcow2", image);
    }
    cr_expect_gt(writes, 3);
    turn_off(lab);
    lab_stop(lab);
}

static struct lab *full(const char *how)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .size = "64M", .running = true});

    lab_write(lab, 0, 1, "0", "48M");
    does(lab, "create", "s1", how);
    return lab;
}

Test(export, in_layers_is_what_it_was_while_the_guest_writes)
{
    while_written(full("--method=auto"), "s1");
}

Test(export, inside_of_the_image_is_what_it_was_while_the_guest_writes)
{
    struct lab *lab = full("--internal");

    /* others come and go beside it */
    lab_write(lab, 0, 2, "1M", "2M");
    does(lab, "create", "s2", "--internal");
    does(lab, "create", "s3", "--internal");
    does(lab, "delete", "s2");
    while_written(lab, "s1");
}

Test(export, inside_of_the_image_above_a_frozen_one)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1);

    does(lab, "create", "i1", "--internal");
    write_generation(lab, 0, 3);
    does(lab, "export", "i1", "out");
    image_holds(lab, "client/out/vda.qcow2", "qcow2", 2);
    is_whole(lab, "client/out/vda.qcow2");
    /* nothing takes the memory out of the image */
    if (has_snapshot_jobs(lab)) {
        does(lab, "create", "m1", "--internal", "--memory");
        json_auto_t *error = refuses(lab, 7, "export", "m1", "m");
        says(error, "hint", "--no-memory");
        does(lab, "export", "m1", "m", "--no-memory");
        image_holds(lab, "client/m/vda.qcow2", "qcow2", 3);
    }
    lab_stop(lab);
}

Test(export, inside_of_an_image_that_was_resized_since)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    write_generation(lab, 0, 1);
    does(lab, "create", "i1", "--internal");
    json_decref(lab_qmp(lab, "block_resize", "{s:s, s:i}", "device", "vda", "size", 32 << 20));
    lab_write(lab, 0, 9, "8M", "16M");
    json_auto_t *doc = tells(lab, "export", "i1", "out"), *raw = NULL;
    cr_expect_eq(number(doc, "files.0.disk_size"), 16 << 20);
    image_holds(lab, "client/out/vda.qcow2", "qcow2", 1);
    is_whole(lab, "client/out/vda.qcow2");
    raw = tells(lab, "export", "i1", "out.raw", "--format=raw");
    cr_expect_eq(number(raw, "files.0.size"), 16 << 20);
    lab_stop(lab);
}

Test(export, memory_goes_along)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = true, .running = true});

    if (has_snapshot_jobs(lab)) {
        write_both(lab, 1);
        does(lab, "create", "m1", "--memory");
        write_both(lab, 2);
        json_auto_t *doc = tells(lab, "export", "m1", "out");
        agrees_with_manifest(lab, doc, "client/out");
        json_auto_t *memory = info(lab, "client/out/memory.qcow2");
        says(memory, "snapshots.0.name", "m1");
        cr_expect_gt(number(memory, "snapshots.0.vm-state-size"), 0);
        image_holds(lab, "client/out/disk1.qcow2", "qcow2", 1);
        json_auto_t *error = refuses(lab, 1, "export", "m1", "m.qcow2", "--no-memory");
        says(error, "desc", "several disks");
        does(lab, "export", "m1", "m.qcow2", "--disk", "disk1");
        image_holds(lab, "client/m.qcow2", "qcow2", 1);
    }
    lab_stop(lab);
}
