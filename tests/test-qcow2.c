/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-qcow2: headers in, values out, and back. Input always lies in a block of
 * exactly its size, so that a read past it is seen by the address sanitizer.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/qcow2-bytes.h"
#include "snapshot/qcow2.h"

enum { HEADER = 4096 };

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

static void put(uint8_t *p, size_t at, unsigned width, uint64_t value)
{
    uint8_t be[8];

    put64(be, value);
    memcpy(p + at, be + 8 - width, width);
}

/* The first HEADER bytes of an overlay that backs on "base.qcow2". */
static void good_header(uint8_t *p)
{
    struct qcow2_options o = {GIB, 0, "base.qcow2", "qcow2"};
    struct qcow2_layout l;

    memset(p, 0, HEADER);
    cr_assert_eq(qcow2_compose(&o, &l, NULL), 0);
    memcpy(p, l.piece[0].bytes, l.piece[0].len);
    qcow2_layout_done(&l);
}

static int parse_exactly(const uint8_t *p, size_t len, struct qcow2_header *h,
                         struct qmp_error *err)
{
    uint8_t *copy = mem_alloc(len);

    memcpy(copy, p, len);
    int rc = qcow2_parse(copy, len, h, err);
    free(copy);
    return rc;
}

Test(qcow2, what_is_composed_reads_back)
{
    static const uint64_t sizes[] = {0, 1, 512, 513, MIB, GIB + 512, 3 * TIB, 8 * TIB};
    static const uint32_t clusters[] = {0, 4 << 10, 8 << 10, 64 << 10, 2 << 20};
    static const char *const backings[][2] = {
        {NULL, NULL}, {"b", "raw"}, {"/a folder/with \xff\n", "qcow2"}};

    for (size_t i = 0; i < 8 * 5 * 3; i++) {
        struct qcow2_options o = {sizes[i % 8], clusters[i / 8 % 5], backings[i / 40][0],
                                  backings[i / 40][1]};
        struct qcow2_layout l;
        struct qcow2_header h;
        uint8_t head[HEADER] = {0};

        cr_assert_eq(qcow2_compose(&o, &l, NULL), 0);
        memcpy(head, l.piece[0].bytes, l.piece[0].len);
        cr_assert_eq(parse_exactly(head, l.piece[0].len, &h, NULL), 0, "row %zu", i);
        cr_expect_eq(h.size, (o.size + 511) / 512 * 512);
        cr_expect_eq(UINT32_C(1) << h.cluster_bits, o.cluster_size ? o.cluster_size : 65536);
        cr_expect_eq(h.version, 3);
        cr_expect_eq(h.refcount_bits, 16);
        cr_expect_eq(h.nsnapshots, 0);
        cr_expect_eq(h.incompatible, 0);
        cr_expect_eq(h.need, l.piece[0].len);
        cr_expect_eq(l.length, h.l1_entries ? h.l1_offset + 8 * (uint64_t)h.l1_entries
                                            : 3 * (UINT64_C(1) << h.cluster_bits));
        cr_expect(o.backing ? !strcmp(h.backing, o.backing) : !h.backing);
        cr_expect(o.backing ? !strcmp(h.backing_format, o.backing_format) : !h.backing_format);
        qcow2_header_done(&h);
        qcow2_layout_done(&l);
    }
}

Test(qcow2, refcounts_cover_every_cluster_also_their_own)
{
    static const struct {
        uint64_t size;
        uint32_t cluster;
    } rows[] = {{TIB, 4 << 10}, {8 * TIB, 4 << 10}, {32 * TIB, 8 << 10}, {8 * TIB, 2 << 20}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qcow2_options o = {.size = rows[i].size, .cluster_size = rows[i].cluster};
        struct qcow2_layout l;

        cr_assert_eq(qcow2_compose(&o, &l, NULL), 0);
        uint64_t clusters = (l.length + o.cluster_size - 1) / o.cluster_size;
        uint64_t blocks = l.piece[1].len / 8;
        cr_expect_eq(l.piece[2].len, 2 * clusters, "row %zu", i);
        cr_expect_geq(blocks * o.cluster_size, l.piece[2].len, "row %zu", i);
        for (uint64_t b = 0; b < blocks; b++)
            cr_expect_eq(get64((uint8_t *)l.piece[1].bytes + 8 * b), (2 + b) * o.cluster_size);
        for (uint64_t c = 0; c < clusters; c++)
            cr_assert_eq(get16((uint8_t *)l.piece[2].bytes + 2 * c), 1);
        qcow2_layout_done(&l);
    }
}

Test(qcow2, options_beyond_qemus_limits_are_refused)
{
    char long_name[QCOW2_MAX_BACKING + 2] = "";
    memset(long_name, 'x', sizeof(long_name) - 1);
    const struct {
        struct qcow2_options o;
        const char *words;
    } rows[] = {
        {{.size = GIB, .cluster_size = 2048}, "cluster size 2048"},
        {{.size = GIB, .cluster_size = 4 << 20}, "cluster size"},
        {{.size = GIB, .cluster_size = 5000}, "power of two"},
        {{.size = 8 * TIB + 1, .cluster_size = 4096}, "too many"},
        {{.size = INT64_MAX}, "out of range"},
        {{.size = UINT64_MAX}, "out of range"},
        {{.size = GIB, .backing = "", .backing_format = "raw"}, "no name"},
        {{.size = GIB, .backing = "b"}, "format must be given"},
        {{.size = GIB, .backing = "b", .backing_format = "a-name-of-16-byt"}, "format"},
        {{.size = GIB, .backing = long_name, .backing_format = "raw"}, "1024 bytes"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct qcow2_layout l;
        struct qmp_error err;
        cr_assert_eq(qcow2_compose(&rows[i].o, &l, &err), -1, "row %zu", i);
        cr_expect_eq(err.kind, QMP_ERR_USAGE);
        cr_expect(strstr(err.desc, rows[i].words), "row %zu: %s", i, err.desc);
    }
}

Test(qcow2, a_backing_name_of_1023_bytes_fits)
{
    char name[QCOW2_MAX_BACKING + 1] = "";
    struct qcow2_options o = {GIB, 4096, name, "a-15-byte-name!"};
    struct qcow2_layout l;
    struct qcow2_header h;

    memset(name, 'x', sizeof(name) - 1);
    cr_assert_eq(qcow2_compose(&o, &l, NULL), 0);
    cr_assert_eq(parse_exactly(l.piece[0].bytes, l.piece[0].len, &h, NULL), 0);
    cr_expect_str_eq(h.backing, name);
    qcow2_header_done(&h);
    qcow2_layout_done(&l);
}

Test(qcow2, a_short_header_says_how_many_bytes_it_needs)
{
    uint8_t p[HEADER];
    struct qcow2_header h;
    struct qmp_error err;

    good_header(p);
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    size_t whole = h.need;
    qcow2_header_done(&h);

    for (size_t len = 0; len < whole; len++) {
        char words[32];
        cr_assert_eq(parse_exactly(p, len, &h, &err), -1, "%zu bytes", len);
        cr_expect_eq(err.kind, QRW_ERR_INVALID);
        cr_expect(h.need > len && h.need <= whole, "%zu bytes need %zu", len, h.need);
        snprintf(words, sizeof(words), "needs %zu bytes", h.need);
        cr_expect(strstr(err.desc, words), "%s", err.desc);
    }
    cr_assert_eq(parse_exactly(p, whole, &h, NULL), 0);
    qcow2_header_done(&h);
}

/* clang-format off */
static const struct {
    size_t at; unsigned width; uint64_t value; int kind; const char *words;
} broken[] = {
    {AT_MAGIC,             4, 0x7f454c46,   QRW_ERR_INVALID,     "not a qcow2"},
    {AT_VERSION,           4, 1,            QRW_ERR_UNSUPPORTED, "version 1"},
    {AT_VERSION,           4, 4,            QRW_ERR_UNSUPPORTED, "version 4"},
    {AT_CLUSTER_BITS,      4, 8,            QRW_ERR_INVALID,     "cluster size"},
    {AT_CLUSTER_BITS,      4, 22,           QRW_ERR_INVALID,     "cluster size"},
    {AT_CLUSTER_BITS,      4, 0x80000010,   QRW_ERR_INVALID,     "cluster size"},
    {AT_SIZE,              8, UINT64_MAX,   QRW_ERR_INVALID,     "size out of range"},
    {AT_SIZE,              8, INT64_MAX,    QRW_ERR_INVALID,     "too small"},
    {AT_CRYPT_METHOD,      4, 3,            QRW_ERR_INVALID,     "encryption"},
    {AT_L1_ENTRIES,        4, 1,            QRW_ERR_INVALID,     "too small"},
    {AT_L1_ENTRIES,        4, (4 << 20) + 1, QRW_ERR_INVALID,    "too large"},
    {AT_L1_ENTRIES,        4, UINT32_MAX,   QRW_ERR_INVALID,     "too large"},
    {AT_L1_OFFSET,         8, 0x30001,      QRW_ERR_INVALID,     "L1 table out of place"},
    {AT_L1_OFFSET,         8, UINT64_MAX << 16, QRW_ERR_INVALID, "L1 table out of place"},
    {AT_REFCOUNT_OFFSET,   8, 0x10200,      QRW_ERR_INVALID,     "refcount table out of place"},
    {AT_REFCOUNT_OFFSET,   8, UINT64_C(1) << 63, QRW_ERR_INVALID, "refcount table out of place"},
    {AT_REFCOUNT_CLUSTERS, 4, 0,            QRW_ERR_INVALID,     "refcount table out of range"},
    {AT_REFCOUNT_CLUSTERS, 4, 129,          QRW_ERR_INVALID,     "refcount table out of range"},
    {AT_REFCOUNT_ORDER,    4, 7,            QRW_ERR_INVALID,     "refcount width"},
    {AT_REFCOUNT_ORDER,    4, UINT32_MAX,   QRW_ERR_INVALID,     "refcount width"},
    {AT_NSNAPSHOTS,        4, 65537,        QRW_ERR_INVALID,     "too many internal"},
    {AT_HEADER_LENGTH,     4, 103,          QRW_ERR_INVALID,     "header length"},
    {AT_HEADER_LENGTH,     4, 65537,        QRW_ERR_INVALID,     "header length"},
    {AT_HEADER_LENGTH,     4, UINT32_MAX,   QRW_ERR_INVALID,     "header length"},
    {AT_BACKING_SIZE,      4, 1024,         QRW_ERR_INVALID,     "backing file name"},
    {AT_BACKING_SIZE,      4, UINT32_MAX,   QRW_ERR_INVALID,     "backing file name"},
    {AT_BACKING_OFFSET,    8, 65536,        QRW_ERR_INVALID,     "backing file name"},
    {AT_BACKING_OFFSET,    8, UINT64_MAX,   QRW_ERR_INVALID,     "backing file name"},
    {V3_HEADER_FULL + 4,   4, 16,           QRW_ERR_INVALID,     "format too long"},
    {V3_HEADER_FULL + 4,   4, UINT32_MAX,   QRW_ERR_INVALID,     "passes the end"},
};
/* clang-format on */

Test(qcow2, every_broken_field_is_named)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct qcow2_header h;
        struct qmp_error err;
        uint8_t p[HEADER];

        good_header(p);
        put(p, broken[i].at, broken[i].width, broken[i].value);
        cr_assert_eq(parse_exactly(p, HEADER, &h, &err), -1, "row %zu is taken", i);
        cr_expect_eq(err.kind, broken[i].kind, "row %zu: kind %d", i, err.kind);
        cr_expect(strstr(err.desc, broken[i].words), "row %zu: %s", i, err.desc);
        cr_expect_eq(h.need, 0, "row %zu: more bytes do not help", i);
    }
}

Test(qcow2, mutated_headers_never_pass_the_limits)
{
    uint64_t seed = 20261121;
    unsigned taken = 0;

    for (unsigned i = 0; i < 30000; i++) {
        uint8_t p[HEADER];
        struct qcow2_header h;

        good_header(p);
        for (unsigned k = 0; k < 1 + i % 3; k++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            p[4 + (seed >> 33) % 540] ^= (uint8_t)(seed >> 56);
        }
        if (parse_exactly(p, HEADER - i % 3500, &h, NULL)) {
            cr_assert(h.need <= QCOW2_MAX_HEADER && !h.backing && !h.backing_format);
            continue;
        }
        taken++;
        cr_assert(h.cluster_bits >= 9 && h.cluster_bits <= 21 && h.l1_entries <= 4 << 20);
        cr_assert(!h.backing || strlen(h.backing) <= QCOW2_MAX_BACKING);
        cr_assert(!h.backing_format || strlen(h.backing_format) <= QCOW2_MAX_FORMAT);
        qcow2_header_done(&h);
    }
    cr_expect_gt(taken, 1000, "only %u of the headers were taken: no test of these limits", taken);
}

Test(qcow2, strings_end_at_nul_as_for_qemu)
{
    uint8_t p[HEADER];
    struct qcow2_header h;

    good_header(p);
    size_t at = get64(p + AT_BACKING_OFFSET);
    p[at + 4] = 0;
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    cr_expect_str_eq(h.backing, "base");
    qcow2_header_done(&h);

    p[at] = 0;
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    cr_expect_null(h.backing, "an empty name is no backing file");
    qcow2_header_done(&h);
}

Test(qcow2, version_2_has_no_feature_bits)
{
    uint8_t p[HEADER] = {0};
    struct qcow2_header h;

    good_header(p);
    put(p, AT_VERSION, 4, 2);
    memset(p + V2_HEADER, 0, 8); /* an end mark, where version 3 has its feature bits */
    put(p, AT_REFCOUNT_ORDER, 4, UINT32_MAX);
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    cr_expect_eq(h.version, 2);
    cr_expect_eq(h.incompatible, 0);
    cr_expect_eq(h.refcount_bits, 16);
    cr_expect_str_eq(h.backing, "base.qcow2");
    cr_expect_null(h.backing_format);
    qcow2_header_done(&h);
}

Test(qcow2, extended_l2_halves_what_an_l1_entry_covers)
{
    uint8_t p[HEADER];
    struct qcow2_header h;

    good_header(p); /* 1 GiB at 64 KiB: two entries, with sub-clusters four */
    put(p, AT_INCOMPATIBLE, 8, QCOW2_EXTENDED_L2);
    cr_expect_eq(parse_exactly(p, HEADER, &h, NULL), -1);
    put(p, AT_L1_ENTRIES, 4, 4);
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    qcow2_header_done(&h);
}

Test(qcow2, the_data_file_is_named_if_there_is_one)
{
    uint8_t p[HEADER];
    struct qcow2_header h;

    good_header(p);
    size_t at = get32(p + AT_HEADER_LENGTH); /* what is there says no more than the format below */
    put(p, at, 4, QCOW2_EXT_DATA_FILE);
    put(p, at + 4, 4, 5);
    memcpy(p + at + 8, "d.raw\0\0\0\0\0\0", 11);
    put(p, at + 16, 4, QCOW2_EXT_END);
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    cr_expect_null(h.data_file, "without the bit nobody looks at it");
    qcow2_header_done(&h);
    put(p, AT_INCOMPATIBLE, 8, QCOW2_DATA_FILE);
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    cr_expect_str_eq(h.data_file, "d.raw");
    qcow2_header_done(&h);
    put(p, at + 4, 4, QCOW2_MAX_DATA + 1);
    cr_expect_eq(parse_exactly(p, HEADER, &h, NULL), -1);
}

Test(qcow2, bits_that_nobody_knows_yet_are_reported)
{
    uint8_t p[HEADER];
    struct qcow2_header h;

    good_header(p);
    put(p, AT_INCOMPATIBLE, 8, QCOW2_DIRTY | UINT64_C(1) << 40);
    cr_assert_eq(parse_exactly(p, HEADER, &h, NULL), 0);
    cr_expect_eq(h.incompatible & QCOW2_KNOWN, QCOW2_DIRTY);
    cr_expect_neq(h.incompatible & ~(uint64_t)QCOW2_KNOWN, 0);
    qcow2_header_done(&h);
}
