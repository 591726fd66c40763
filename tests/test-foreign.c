/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-foreign: what images of other formats name as their base, whole, cut and broken. */
#include <criterion/criterion.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/foreign.h"

static void put(uint8_t *p, size_t at, uint64_t value, size_t bytes)
{
    memcpy(p + at, &value, bytes);
}

static void qcow(uint8_t *p, uint64_t offset, uint32_t size)
{
    memcpy(p, "QFI\xfb\0\0\0\1", 8);
    put(p, 8, htobe64(offset), 8);
    put(p, 16, htobe32(size), 4);
}

static void qed(uint8_t *p, uint64_t features, uint32_t offset, uint32_t size)
{
    memcpy(p, "QED\0", 4);
    put(p, 16, htole64(features), 8);
    put(p, 56, htole32(offset), 4);
    put(p, 60, htole32(size), 4);
}

/* Of just @len bytes, so that one too many that is read is seen. */
static void expect(const uint8_t *p, size_t len, const char *expected)
{
    auto_free uint8_t *exactly = mem_alloc(len);

    memcpy(exactly, p, len);
    auto_free char *name = foreign_backing(exactly, len);
    cr_expect(expected ? name && !strcmp(name, expected) : !name, "%s, not %s", name, expected);
}

Test(foreign, a_name_is_where_the_header_says)
{
    uint8_t p[128] = {0};

    qcow(p, 100, 4);
    memcpy(p + 100, "base", 4);
    expect(p, 104, "base");
    expect(p, 103, NULL);
    expect(p, 47, NULL);
    memset(p, 0, sizeof(p));
    qed(p, 5, 64, 6);
    memcpy(p + 64, "base\0x", 6);
    expect(p, 70, "base");
    expect(p, 69, NULL);
    expect(p, 63, NULL);
}

Test(foreign, what_names_nothing_is_nobodys_overlay)
{
    uint8_t p[128] = {0};

    expect(p, 0, NULL);
    expect(p, 128, NULL);
    qcow(p, 0, 0);
    expect(p, 128, NULL);
    qcow(p, UINT64_MAX, 4);
    expect(p, 128, NULL);
    qcow(p, 48, UINT32_MAX);
    expect(p, 128, NULL);
    p[7] = 2; /* that is qcow2 */
    memcpy(p + 48, "base", 4);
    put(p, 16, htobe32(4), 4);
    expect(p, 128, NULL);
    memset(p, 0, sizeof(p));
    qed(p, 4, 64, 4);
    memcpy(p + 64, "base", 4);
    expect(p, 128, NULL);
    qed(p, 1, UINT32_MAX, 4);
    expect(p, 128, NULL);
}

Test(foreign, a_vmdk_says_it_in_words)
{
    static const char words[] = "# Disk DescriptorFile\nversion=1\nparentFileNameHint=\"a b\"\n";
    uint8_t p[512 + sizeof(words)] = "KDMV";

    memcpy(p + 512, words, sizeof(words));
    expect(p, sizeof(p), "a b");
    expect(p, sizeof(p) - 3, NULL);
    expect(p, 512, NULL);
    expect((const uint8_t *)words, sizeof(words), "a b");
    expect((const uint8_t *)words, 40, NULL);
    expect((const uint8_t *)words + 1, sizeof(words) - 1, NULL);
    expect((const uint8_t *)"#parentFileNameHint=\"\"", 22, NULL);
}
