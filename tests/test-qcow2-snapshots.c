/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qcow2-snapshots: the table of internal snapshots, whole, cut and broken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/qcow2-bytes.h"
#include "snapshot/qcow2.h"

enum { ENTRY = 40, EXTRA_SIZE = 36 };

/* Append an entry with @extra bytes of extra data; returns where the next one begins. */
static size_t add(uint8_t *p, size_t at, const char *id, const char *name, uint32_t extra)
{
    uint8_t *e = p + at;

    put16(e + 12, (uint16_t)strlen(id));
    put16(e + 14, (uint16_t)strlen(name));
    put32(e + 16, 1700000000);
    put32(e + 20, 5);
    put64(e + 24, 77);
    put32(e + 32, 4096);
    put32(e + EXTRA_SIZE, extra);
    uint64_t more[] = {htobe64(UINT64_C(5) << 32), htobe64(1 << 30), htobe64(123)};
    memcpy(e + ENTRY, more, extra < sizeof(more) ? extra : sizeof(more));
    memcpy(e + ENTRY + extra, id, strlen(id));
    memcpy(e + ENTRY + extra + strlen(id), name, strlen(name));
    return at + ((ENTRY + extra + strlen(id) + strlen(name) + 7) & ~(size_t)7);
}

static int parse_exactly(uint32_t n, const uint8_t *p, size_t len, struct qcow2_snapshot **list,
                         size_t *need, struct qmp_error *err)
{
    struct qcow2_header h = {.nsnapshots = n};
    uint8_t *copy = mem_alloc(len);

    memcpy(copy, p, len);
    int rc = qcow2_parse_snapshots(&h, copy, len, list, need, err);
    free(copy);
    return rc;
}

Test(qcow2_snapshots, every_field_is_read)
{
    static uint8_t p[4096];
    struct qcow2_snapshot *list;
    size_t need, len = add(p, 0, "1", "before the update", 24);
    len = add(p, len, "2", "old", 0);

    cr_assert_eq(parse_exactly(2, p, len, &list, &need, NULL), 0);
    cr_expect_str_eq(list[0].id, "1");
    cr_expect_str_eq(list[0].name, "before the update");
    cr_expect_eq(list[0].vm_state_size, UINT64_C(5) << 32, "the wide field wins");
    cr_expect_eq(list[0].disk_size, 1 << 30);
    cr_expect_eq(list[0].icount, 123);
    cr_expect_eq(list[0].date_sec, 1700000000);
    cr_expect_eq(list[0].date_nsec, 5);
    cr_expect_eq(list[0].vm_clock_nsec, 77);
    cr_expect_str_eq(list[1].name, "old");
    cr_expect_eq(list[1].vm_state_size, 4096);
    cr_expect_eq(list[1].icount, -1, "not recorded");
    cr_expect_eq(qcow2_snapshot_find(list, 2, "old"), &list[1]);
    cr_expect_null(qcow2_snapshot_find(list, 2, "new"));
    cr_expect_null(qcow2_snapshot_find(list, 1, "old"));
    qcow2_snapshots_free(list, 2);
}

Test(qcow2_snapshots, none_is_no_error)
{
    struct qcow2_snapshot *list = (void *)&list;
    size_t need;

    cr_assert_eq(parse_exactly(0, (const uint8_t *)"", 0, &list, &need, NULL), 0);
    cr_expect_null(list);
}

Test(qcow2_snapshots, a_cut_table_says_how_many_bytes_it_needs)
{
    static uint8_t p[4096];
    struct qcow2_snapshot *list;
    struct qmp_error err;
    size_t need, second = add(p, 0, "1", "one", 24);
    add(p, second, "22", "two", 16);
    size_t end = second + ENTRY + 16 + 5; /* the last padding need not be there */

    for (size_t len = 0; len < end; len++) {
        cr_assert_eq(parse_exactly(2, p, len, &list, &need, &err), -1, "%zu bytes", len);
        cr_expect_eq(err.kind, QRW_ERR_INVALID);
        cr_expect(need > len && need <= end, "%zu bytes need %zu", len, need);
    }
    cr_assert_eq(parse_exactly(2, p, end, &list, &need, NULL), 0);
    cr_expect_str_eq(list[1].name, "two");
    qcow2_snapshots_free(list, 2);
}

Test(qcow2_snapshots, absurd_numbers_allocate_nothing)
{
    static uint8_t p[64];
    struct qcow2_snapshot *list;
    struct qmp_error err;
    size_t need;

    put32(p + EXTRA_SIZE, UINT32_MAX);
    cr_expect_eq(parse_exactly(1, p, sizeof(p), &list, &need, &err), -1);
    cr_expect_eq(need, 0, "more bytes do not help");
    cr_expect_eq(parse_exactly(QCOW2_MAX_SNAPSHOTS, p, sizeof(p), &list, &need, &err), -1);
    cr_expect_eq(need, (size_t)QCOW2_MAX_SNAPSHOTS * ENTRY);
}
