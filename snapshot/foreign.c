/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * foreign: see foreign.h. Where the names are:
 *
 *   qcow   "QFI\xfb", version 1; from byte 8 its place (64 bits) and length (32)     big-endian
 *   qed    "QED\0"; at byte 16 bit 0: there is one; from 56 its place and length     little-endian
 *   vmdk   parentFileNameHint="NAME" in a text: from byte 512 of an image, or the whole file
 */
#include "snapshot/foreign.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "qmp/mem.h"

enum {
    MAX_NAME = 1023,
    QCOW_END = 48,
    QED_HAS_BACKING = 1,
    QED_END = 64,
    VMDK_TEXT = 512,
};

static uint32_t at32(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t at64(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static bool begins(const char *p, size_t len, const char *magic, size_t n)
{
    return len >= n && !memcmp(p, magic, n);
}

/* @n bytes at @offset, up to a NUL. */
static char *name_at(const char *p, size_t len, uint64_t offset, uint32_t n)
{
    if (!n || n > MAX_NAME || offset > len || n > len - offset || !p[offset])
        return NULL;
    return mem_printf("%.*s", (int)n, p + offset);
}

/* QEMU, too, takes the first such words, and what is between them and the next quote. */
static char *name_in(const char *text, size_t len)
{
    static const char words[] = "parentFileNameHint=\"";
    const char *at = memmem(text, len, words, sizeof(words) - 1);
    const char *name = at ? at + sizeof(words) - 1 : NULL;
    const char *end = name ? memchr(name, '"', len - (size_t)(name - text)) : NULL;

    return end ? name_at(name, (size_t)(end - name), 0, (uint32_t)(end - name)) : NULL;
}

char *foreign_backing(const void *bytes, size_t len)
{
    const char *p = bytes;

    if (len >= QCOW_END && begins(p, len, "QFI\xfb\0\0\0\1", 8))
        return name_at(p, len, be64toh(at64(p + 8)), be32toh(at32(p + 16)));
    if (len >= QED_END && begins(p, len, "QED\0", 4) && le64toh(at64(p + 16)) & QED_HAS_BACKING)
        return name_at(p, len, le32toh(at32(p + 56)), le32toh(at32(p + 60)));
    if (len > VMDK_TEXT && (begins(p, len, "KDMV", 4) || begins(p, len, "COWD", 4)))
        return name_in(p + VMDK_TEXT, len - VMDK_TEXT);
    return begins(p, len, "#", 1) ? name_in(p, len) : NULL;
}
