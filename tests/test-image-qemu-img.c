/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-image-qemu-img: our overlays beside those of qemu-img, and under its hands. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "tests/lab/lab.h"
#include "tests/scratch/scratch.h"

TestSuite(image_qemu_img, .init = scratch_enter, .fini = scratch_leave);

static void tool(const char *const *argv)
{
    auto_result struct lab_result r = lab_exec(NULL, argv);

    cr_assert_eq(r.status, 0, "%s %s: exit %d: %s%s", argv[0], argv[1], r.status, r.out, r.err);
}

/* What "qemu-img info" says of @path, bar its name and how much room it takes. */
static json_t *info(const char *path)
{
    auto_result struct lab_result r =
        lab_exec(NULL, (const char *[]){"qemu-img", "info", "--output=json", path, NULL});
    json_t *doc = json_loads(r.out, 0, NULL);

    cr_assert(doc, "%s", r.err);
    json_object_del(doc, "filename");
    json_object_del(doc, "actual-size");
    json_object_del(doc, "children"); /* newer ones: the file below, with its name and length */
    return doc;
}

static bool same_bytes(const char *a, const char *b)
{
    auto_result struct lab_result r = lab_exec(NULL, (const char *[]){"cmp", "-s", a, b, NULL});

    return r.status == 0;
}

static void compare(const struct qcow2_options *o)
{
    char size[32], cluster[64];
    const char *argv[16] = {"qemu-img", "create", "-q", "-u", "-f", "qcow2", "-o", cluster};
    int n = 8;

    snprintf(size, sizeof(size), "%llu", (unsigned long long)o->size);
    snprintf(cluster, sizeof(cluster), "cluster_size=%u", o->cluster_size);
    if (o->backing) {
        const char *more[] = {"-b", o->backing, "-F", o->backing_format};
        memcpy(argv + n, more, sizeof(more));
        n += 4;
    }
    argv[n++] = "theirs.qcow2";
    argv[n++] = size;
    tool(argv);
    cr_assert_eq(image_create_overlay("ours.qcow2", o, NULL, NULL), 0);
    tool((const char *[]){"qemu-img", "check", "-q", "ours.qcow2", NULL});

    json_auto_t *ours = info("ours.qcow2"), *theirs = info("theirs.qcow2");
    cr_expect(json_equal(ours, theirs), "%s clusters of %u, backing %s: %s", size, o->cluster_size,
              o->backing, json_dumps(ours, 0));
    /* one refcount block suffices: then even every byte is where theirs is */
    if (o->size <= UINT64_C(1) << 40 && o->cluster_size > 4096)
        cr_expect(same_bytes("ours.qcow2", "theirs.qcow2"), "%s clusters of %u, backing %s", size,
                  o->cluster_size, o->backing);
    cr_assert(!unlink("ours.qcow2") && !unlink("theirs.qcow2"));
}

Test(image_qemu_img, overlays_are_those_of_qemu_img)
{
    static const uint64_t sizes[] = {
        0, 512, 1 << 20, (1 << 30) + 513, UINT64_C(1) << 40, UINT64_C(5) << 40};
    static const uint32_t clusters[] = {4 << 10, 8 << 10, 64 << 10, 256 << 10, 2 << 20};
    static const char *const backings[][2] = {
        {NULL, NULL}, {"base.qcow2", "qcow2"}, {"./base: 1.raw", "raw"}};

    lab_image("base.qcow2", "qcow2", "1M", NULL, NULL);
    lab_image("./base: 1.raw", "raw", "1M", NULL, NULL);
    for (size_t s = 0; s < 6; s++)
        for (size_t c = 0; c < 5; c++) {
            const char *const *b = backings[(s + c) % 3];
            compare(&(struct qcow2_options){sizes[s], clusters[c], b[0], b[1]});
        }
}

Test(image_qemu_img, the_largest_size_of_each_cluster_size_is_the_same)
{
    for (uint32_t cluster = 4096; cluster <= 8192; cluster *= 2) {
        /* an L1 table of 32 MiB, each entry for a cluster of L2 entries */
        uint64_t most = (UINT64_C(32) << 20) / 8 * (cluster / 8) * cluster;
        struct qcow2_options o = {.size = most, .cluster_size = cluster};
        char size[32], option[64];

        compare(&o);
        snprintf(size, sizeof(size), "%llu", (unsigned long long)most + 512);
        snprintf(option, sizeof(option), "cluster_size=%u", cluster);
        auto_result struct lab_result r =
            lab_exec(NULL, (const char *[]){"qemu-img", "create", "-f", "qcow2", "-o", option,
                                            "theirs.qcow2", size, NULL});
        cr_expect_neq(r.status, 0);
        o.size += 512;
        cr_expect_eq(image_create_overlay("ours.qcow2", &o, NULL, NULL), -1);
        cr_expect_neq(access("ours.qcow2", F_OK), 0);
    }
}

Test(image_qemu_img, overlays_with_many_refcount_blocks_can_be_written)
{
    static const char *const writes[] = {"write -P 5 0 64k", "write -P 6 4T 64k",
                                         "write -P 7 8191G 1M"};
    struct qcow2_options o = {.size = UINT64_C(8) << 40, .cluster_size = 4096};
    bool empty;

    cr_assert_eq(image_create_overlay("big.qcow2", &o, NULL, NULL), 0);
    cr_assert_eq(image_is_empty_overlay("big.qcow2", &empty, NULL), 0);
    cr_expect(empty);
    for (size_t i = 0; i < 3; i++)
        tool((const char *[]){"qemu-io", "-f", "qcow2", "-c", writes[i], "big.qcow2", NULL});
    tool((const char *[]){"qemu-img", "check", "-q", "big.qcow2", NULL});
    auto_result struct lab_result r =
        lab_exec(NULL, (const char *[]){"qemu-io", "-f", "qcow2", "-c", "read -P 7 8191G 1M",
                                        "big.qcow2", NULL});
    cr_expect(strstr(r.out, "read 1048576/") && !strstr(r.out, "failed"), "%s", r.out);
    cr_assert_eq(image_is_empty_overlay("big.qcow2", &empty, NULL), 0);
    cr_expect_not(empty);
}

Test(image_qemu_img, only_what_nothing_was_written_to_is_empty)
{
    static const struct {
        const char *make[12];
        bool empty;
    } rows[] = {
        {{"true"}, true},
        {{"qemu-io", "-c", "write 63M 512", "o.qcow2"}, false},
        {{"qemu-io", "-c", "write -z 0 64k", "o.qcow2"}, false},
        {{"qemu-img", "snapshot", "-c", "s", "o.qcow2"}, false},
        {{"qemu-img", "resize", "-q", "o.qcow2", "+1G"}, true},
        {{"qemu-img", "resize", "-q", "--shrink", "o.qcow2", "32M"}, true},
        {{"qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file=raw", "o.qcow2", "64M"},
         false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool empty = !rows[i].empty;
        lab_image("o.qcow2", "qcow2", "64M", NULL, NULL);
        tool((const char *const *)rows[i].make);
        cr_assert_eq(image_is_empty_overlay("o.qcow2", &empty, NULL), 0, "row %zu", i);
        cr_expect_eq(empty, rows[i].empty, "row %zu", i);
    }
}

Test(image_qemu_img, headers_by_qemu_img_are_understood)
{
    struct qcow2_header h;

    lab_image("base.raw", "raw", "1M", NULL, NULL);
    tool((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-o",
                          "compat=0.10,cluster_size=512", "-b", "base.raw", "-F", "raw", "a",
                          NULL});
    cr_assert_eq(image_read_header("a", &h, NULL), 0);
    cr_expect(h.version == 2 && h.cluster_bits == 9 && h.size == 1 << 20);
    cr_expect_str_eq(h.backing, "base.raw");
    cr_expect_str_eq(h.backing_format, "raw");
    qcow2_header_done(&h);

    tool((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-o",
                          "extended_l2=on,refcount_bits=1,compression_type=zstd", "b", "1G", NULL});
    cr_assert_eq(image_read_header("b", &h, NULL), 0);
    cr_expect(h.version == 3 && h.refcount_bits == 1 && !h.backing);
    cr_expect_eq(h.incompatible, QCOW2_EXTENDED_L2 | QCOW2_COMPRESSION);
    qcow2_header_done(&h);
}

Test(image_qemu_img, internal_snapshots_by_qemu_img_are_listed)
{
    struct qcow2_snapshot *list;
    size_t n;

    lab_image("o.qcow2", "qcow2", "1M", NULL, NULL);
    tool((const char *[]){"qemu-img", "snapshot", "-c", "first", "o.qcow2", NULL});
    tool((const char *[]){"qemu-img", "snapshot", "-c", "the second", "o.qcow2", NULL});
    cr_assert_eq(image_snapshots("o.qcow2", &list, &n, NULL), 0);
    cr_assert_eq(n, 2);
    cr_expect_str_eq(list[0].name, "first");
    cr_expect_str_eq(list[1].id, "2");
    cr_expect_str_eq(list[1].name, "the second");
    cr_expect_eq(list[1].disk_size, 1 << 20);
    cr_expect_eq(list[1].vm_state_size, 0);
    qcow2_snapshots_free(list, n);
    lab_image("none.qcow2", "qcow2", "1M", NULL, NULL);
    cr_expect(!image_snapshots("none.qcow2", &list, &n, NULL) && !list && !n);
    struct qmp_error err;
    cr_expect(image_snapshots("nowhere", &list, &n, &err) && !list && !n);
    cr_expect_eq(err.kind, QMP_ERR_SYSTEM);
}

/* @what is a command of qemu-io, or with a @letter of "qemu-img snapshot" its tag. */
static void act(const char *path, const char *letter, const char *what)
{
    if (letter)
        tool((const char *[]){"qemu-img", "snapshot", letter, what, path, NULL});
    else
        tool((const char *[]){"qemu-io", "-c", what, path, NULL});
}

Test(image_qemu_img, an_image_shows_what_a_snapshot_in_it_holds_until_it_is_written_to)
{
    static const char *const options[] = {"compat=0.10", "cluster_size=4k", "cluster_size=2M",
                                          "extended_l2=on", "lazy_refcounts=on"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *o = options[i];

        unlink("a.qcow2");
        tool((const char *[]){"qemu-img", "create", "-q", "-f", "qcow2", "-o", o, "a.qcow2", "99M",
                              NULL});
        act("a.qcow2", NULL, "write -P 1 98M 4k");
        act("a.qcow2", "-c", "t1");
        cr_expect(image_shows("a.qcow2", "t1"), "%s: just taken", o);
        cr_expect(!image_shows("a.qcow2", "t2"), "%s: there is none", o);
        act("a.qcow2", NULL, "write -P 2 98M 4k");
        cr_expect(!image_shows("a.qcow2", "t1"), "%s: written to", o);
        act("a.qcow2", "-c", "t2");
        cr_expect(image_shows("a.qcow2", "t2") && !image_shows("a.qcow2", "t1"), "%s", o);
        cr_assert_eq(image_apply("a.qcow2", "t1", NULL), 0);
        cr_expect(image_shows("a.qcow2", "t1") && !image_shows("a.qcow2", "t2"), "%s", o);
        act("a.qcow2", NULL, "write -z 98M 4k");
        cr_expect(!image_shows("a.qcow2", "t1"), "%s: zeroed", o);
    }
    cr_expect(!image_shows("nothing.qcow2", "t1"));
}
