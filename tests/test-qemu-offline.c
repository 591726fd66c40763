/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-offline: snapshots without a VM. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "tests/offline/offline.h"

TestSuite(qemu_offline, .init = offline_enter, .fini = offline_leave, .timeout = 120);

#define ON "-i base.qcow2"

static void reads(int pattern, const char *at, const char *length)
{
    auto_free char *active = offline_active(ON, 0);

    offline_reads(active, pattern, at, length);
}

Test(qemu_offline, a_snapshot_is_taken_and_gone_back_to)
{
    offline_image("base.qcow2", "64M", NULL);
    offline_write("base.qcow2", 1, "0", "1M");
    offline_ok("qrewind " ON " create s1");
    offline_write("base.s1.qcow2", 2, "0", "1M");
    json_auto_t *back = offline_json(0, "qrewind " ON " revert s1");
    cr_expect_str_eq(json_string_value(json_object_get(back, "method")), "disks");
    cr_expect_eq(json_number_value(json_object_get(back, "pause_ms")), 0);
    reads(1, "0", "1M");
    offline_ok("qrewind " ON " undo");
    reads(2, "0", "1M");
    offline_ok("qrewind " ON " delete s1");
    offline_reads("base.s1.qcow2", 2, "0", "1M");
}

/* base <- s1 <- s2 <- s3, each with @sizes[i] of its own at 8 i MiB. */
static void four_layers(const char *const sizes[4])
{
    static const char *const files[] = {"base.qcow2", "base.s1.qcow2", "base.s2.qcow2",
                                        "base.s3.qcow2"};

    offline_image("base.qcow2", "64M", NULL);
    for (int i = 0; i < 4; i++) {
        auto_free char *at = mem_printf("%dM", 8 * i);

        offline_write(files[i], i + 1, at, sizes[i]);
        if (i < 3)
            offline_ok("qrewind " ON " create s%d", i + 1);
    }
}

Test(qemu_offline, every_layer_leads_to_the_whole_chain)
{
    static const char *const names[] = {"-i base.qcow2", "-i base.s1.qcow2", "-i base.s3.qcow2",
                                        "-S base.qcow2.qrewind.json"};

    four_layers((const char *[]){"1M", "1M", "1M", "1M"});
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_auto_t *doc = offline_json(0, "qrewind %s chain", names[i]);
        json_t *disk = json_array_get(json_object_get(doc, "disks"), 0);

        cr_expect_eq(json_array_size(json_object_get(disk, "layers")), 4, "%s", names[i]);
    }
}

/* s2 pins base.s1.qcow2, whose child is base.s2.qcow2. */
static void delete_s2(const char *const sizes[4], const char *gone, const char *job)
{
    four_layers(sizes);
    json_auto_t *doc = offline_json(0, "qrewind " ON " delete s2");
    json_t *removed = json_object_get(doc, "removed");
    json_t *jobs = json_object_get(doc, "jobs");

    cr_assert_eq(json_array_size(removed), 1);
    cr_expect(strstr(json_string_value(json_array_get(removed, 0)), gone));
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(jobs, 0), "type")), job);
    for (int i = 0; i < 4; i++) {
        auto_free char *at = mem_printf("%dM", 8 * i);

        reads(i + 1, at, sizes[i]);
    }
    offline_ok("qrewind " ON " revert s3");
    reads(0, "24M", "1M");
    reads(3, "16M", sizes[2]);
}

Test(qemu_offline, a_delete_merges_down_where_that_moves_less)
{
    delete_s2((const char *[]){"1M", "6M", "1M", "1M"}, "base.s2.qcow2", "commit");
}

Test(qemu_offline, a_delete_merges_up_where_that_moves_less)
{
    delete_s2((const char *[]){"1M", "1M", "6M", "1M"}, "base.s1.qcow2", "stream");
}

Test(qemu_offline, commit_stream_and_mirror_do_what_they_do_live)
{
    four_layers((const char *[]){"1M", "1M", "1M", "1M"});
    offline_ok("qrewind " ON " delete s1 s2 s3");
    offline_image("x.qcow2", "64M", NULL);
    offline_write("x.qcow2", 9, "0", "1M");
    offline_ok("qrewind -i x.qcow2 create s1");
    offline_write("x.s1.qcow2", 8, "1M", "1M");
    offline_ok("qrewind -i x.qcow2 create s2");
    offline_ok("qrewind -i x.qcow2 stream x --base s1");
    offline_ok("qrewind -i x.qcow2 mirror x copy.qcow2");
    offline_reads("copy.qcow2", 9, "0", "1M");
    offline_reads("copy.qcow2", 8, "1M", "1M");
    offline_ok("qrewind -i x.qcow2 mirror x other.qcow2 --pivot");
    auto_free char *active = offline_active("-i x.qcow2", 0);
    cr_expect(strstr(active, "/other.qcow2"), "%s", active);
    offline_ok("qrewind -i x.qcow2 delete s1 s2");
    offline_ok("qrewind -i other.qcow2 disks");
    offline_reads("other.qcow2", 9, "0", "1M");
}

Test(qemu_offline, what_only_a_vm_has_is_refused_with_words)
{
    offline_image("base.qcow2", "64M", NULL);
    offline_fails(7, "there is no memory", "qrewind " ON " create --memory m");
    offline_fails(7, "there is no memory", "qrewind " ON " create --internal --memory m");
    offline_fails(7, "there is no guest", "qrewind " ON " create --quiesce m");
    offline_fails(3, "no image", "qrewind -i nothing.qcow2 list");
    offline_fails(3, "no sidecar", "qrewind -S nothing.json list");
    offline_files("base.qcow2");
}

/* A guest may have written it there, and the file that it names would be the guest's. */
Test(qemu_offline, a_header_that_names_a_file_is_not_believed)
{
    offline_image("secret.qcow2", "1M", NULL);
    offline_image("disk", "1M", "secret.qcow2");
    offline_image("disk.raw", "1M", NULL);
    offline_image("plain", "1M", NULL);
    offline_ok("cp disk disk.img");
    offline_fails(1, "qcow2:", "qrewind -i disk create s1");
    offline_fails(1, "qcow2:", "qrewind -i disk.img create s1");
    offline_fails(1, "qcow2:", "qrewind -i disk.raw create s1");
    offline_files("disk disk.img disk.raw plain secret.qcow2");
    offline_ok("qrewind -i qcow2:disk create s1");
    offline_ok("qrewind -i disk create s2");
    offline_ok("qrewind -i plain create s1");
}

Test(qemu_offline, no_format_is_guessed)
{
    offline_ok("truncate -s 1M disk.img");
    offline_fails(1, "--image raw:", "qrewind -i disk.img create s1");
    offline_files("disk.img");
    offline_ok("qrewind -i raw:disk.img create s1");
    /* it is recorded now */
    offline_ok("qrewind -i disk.img revert s1");
    json_auto_t *doc = offline_json(0, "qrewind -i disk.img chain");
    json_t *disk = json_array_get(json_object_get(doc, "disks"), 0);
    json_t *base = json_array_get(json_object_get(disk, "layers"), 1);
    cr_expect_str_eq(json_string_value(json_object_get(base, "format")), "raw");
}

Test(qemu_offline, names_are_taken_as_they_are)
{
    static const char *const names[] = {"a,b.qcow2", "json:{}.qcow2", "nbd:x.qcow2", "a=b%s.qcow2"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        auto_free char *here = mem_printf("./%s", names[i]);

        offline_image("new", "1M", NULL);
        cr_assert(!rename("new", here));
        offline_ok("qrewind -i %s create s1", here);
        offline_ok("qrewind -i %s revert s1", here);
        offline_ok("qrewind -i %s undo", here);
        offline_ok("qrewind -i %s delete s1", here);
    }
}

Test(qemu_offline, without_a_qemu_only_looking_works)
{
    offline_image("base.qcow2", "64M", NULL);
    setenv("QREWIND_QEMU", "/nowhere/qemu", 1);
    offline_ok("qrewind " ON " list");
    offline_fails(7, "QREWIND_QEMU", "qrewind " ON " create s1");
    unsetenv("QREWIND_QEMU");
}

/* Each layer's format is in the header above it: QEMU need not be told all of them in one word. */
Test(qemu_offline, a_chain_of_256_layers_is_long_and_no_more)
{
    offline_image("base.qcow2", "64M", NULL);
    offline_write("base.qcow2", 1, "0", "1M");
    for (int i = 1; i < 256; i++) {
        auto_free char *below = i > 1 ? mem_printf("l%d.qcow2", i - 1) : mem_strdup("base.qcow2");
        auto_free char *file = mem_printf("l%d.qcow2", i);
        struct qcow2_options o = {64 << 20, 0, below, "qcow2"};
        struct qmp_error err;

        cr_assert_eq(image_create_overlay(file, &o, NULL, &err), 0, "%s", err.desc);
    }
    offline_ok("qrewind -i qcow2:l255.qcow2 create s1");
    offline_reads("l255.s1.qcow2", 1, "0", "1M");
    offline_ok("qrewind -i l255.qcow2 delete s1");
    offline_reads("l255.qcow2", 1, "0", "1M");
}

/* Nobody has its key, wherever in the chain it is. */
Test(qemu_offline, an_encrypted_base)
{
    const struct qcow2_options o = {16 << 20, 0, "base.qcow2", "qcow2"};
    int status = 1;

    /* qemu-img gives up where a loaded machine makes it hard to measure time */
    for (int i = 0; i < 10 && status; i++) {
        auto_result struct lab_result r =
            offline_run("qemu-img create -q -f qcow2 --object secret,id=key,data=secret -o "
                        "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10 "
                        "base.qcow2 16M");

        status = r.status;
    }
    cr_assert_eq(image_create_overlay("a.qcow2", &o, NULL, NULL), 0);
    offline_fails(7, "disk a is encrypted, in ", "qrewind -i a.qcow2 create s1");
}
