/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qcow2: parse a header; see qcow2.h. */
#include "snapshot/qcow2.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/qcow2-bytes.h"

static int invalid(struct qmp_error *err, const char *what)
{
    return qmp_error_set(err, QRW_ERR_INVALID, "broken qcow2 header: %s", what);
}

/* Are @n bytes there? If not, @h->need tells the caller to come back with them. */
static int want(struct qcow2_header *h, size_t len, size_t n, struct qmp_error *err)
{
    if (n > h->need)
        h->need = n;
    if (n <= len)
        return 0;
    return qmp_error_set(err, QRW_ERR_INVALID, "the qcow2 header needs %zu bytes, there are %zu", n,
                         len);
}

/* As QEMU reads a string: up to the first NUL. Empty is none. */
static char *text(const uint8_t *p, size_t len)
{
    size_t n = strnlen((const char *)p, len);

    return n ? mem_printf("%.*s", (int)n, (const char *)p) : NULL;
}

bool qcow2_magic(const void *bytes, size_t len)
{
    return len >= 4 && get32(bytes) == QCOW2_MAGIC;
}

static void parse_numbers(const uint8_t *p, struct qcow2_header *h)
{
    h->cluster_bits = get32(p + AT_CLUSTER_BITS);
    h->size = get64(p + AT_SIZE);
    h->crypt_method = get32(p + AT_CRYPT_METHOD);
    h->l1_entries = get32(p + AT_L1_ENTRIES);
    h->l1_offset = get64(p + AT_L1_OFFSET);
    h->refcount_offset = get64(p + AT_REFCOUNT_OFFSET);
    h->refcount_clusters = get32(p + AT_REFCOUNT_CLUSTERS);
    h->nsnapshots = get32(p + AT_NSNAPSHOTS);
    h->snapshots_offset = get64(p + AT_SNAPSHOTS_OFFSET);
    h->refcount_bits = 16;
    if (h->version == 2)
        return;
    uint32_t order = get32(p + AT_REFCOUNT_ORDER);
    h->refcount_bits = order <= 6 ? 1U << order : 0;
    h->incompatible = get64(p + AT_INCOMPATIBLE);
}

/* How many L1 entries the guest's size takes: each stands for one cluster of L2 entries. */
static uint64_t l1_needed(const struct qcow2_header *h)
{
    unsigned entry_bits = h->incompatible & QCOW2_EXTENDED_L2 ? 4 : 3;
    unsigned shift = 2 * h->cluster_bits - entry_bits;

    return (h->size >> shift) + !!(h->size & ((UINT64_C(1) << shift) - 1));
}

/* A table's place: on a cluster boundary, and its end is still a valid file offset. */
static bool bad_place(const struct qcow2_header *h, uint64_t offset, uint64_t bytes)
{
    return offset & ((UINT64_C(1) << h->cluster_bits) - 1) || offset > INT64_MAX - bytes;
}

static int check_numbers(const struct qcow2_header *h, struct qmp_error *err)
{
    if (h->cluster_bits < 9 || h->cluster_bits > 21)
        return invalid(err, "cluster size out of range");
    if (!h->refcount_bits)
        return invalid(err, "refcount width out of range");
    if (h->crypt_method > 2)
        return invalid(err, "unknown encryption");
    if (h->size > INT64_MAX)
        return invalid(err, "size out of range");
    if (h->l1_entries > QCOW2_MAX_L1 / 8)
        return invalid(err, "L1 table too large");
    if (h->l1_entries < l1_needed(h))
        return invalid(err, "L1 table too small");
    if (bad_place(h, h->l1_offset, 8 * (uint64_t)h->l1_entries))
        return invalid(err, "L1 table out of place");
    if (!h->refcount_clusters || h->refcount_clusters > QCOW2_MAX_REFCOUNT_TABLE >> h->cluster_bits)
        return invalid(err, "size of the refcount table out of range");
    if (bad_place(h, h->refcount_offset, QCOW2_MAX_REFCOUNT_TABLE))
        return invalid(err, "refcount table out of place");
    if (h->nsnapshots > QCOW2_MAX_SNAPSHOTS)
        return invalid(err, "too many internal snapshots");
    if (h->nsnapshots && bad_place(h, h->snapshots_offset, QCOW2_MAX_SNAPSHOT_TABLE))
        return invalid(err, "snapshot table out of place");
    return 0;
}

/* The text of an extension, of at most @most bytes, in place of *@out. */
static int take_text(const uint8_t *p, size_t len, size_t at, uint32_t n, uint32_t most,
                     const char *too_long, struct qcow2_header *h, char **out,
                     struct qmp_error *err)
{
    if (n > most)
        return invalid(err, too_long);
    if (want(h, len, at + n, err))
        return -1;
    free(*out);
    *out = text(p + at, n);
    return 0;
}

/* Extensions: type, length, data padded to 8 bytes; up to type 0 or to @end. */
static int parse_extensions(const uint8_t *p, size_t len, size_t at, size_t end,
                            struct qcow2_header *h, struct qmp_error *err)
{
    while (at + 8 <= end) {
        if (want(h, len, at + 8, err))
            return -1;
        uint32_t type = get32(p + at), n = get32(p + at + 4);
        at += 8;
        if (type == QCOW2_EXT_END)
            return 0;
        if (n > end - at)
            return invalid(err, "a header extension passes the end");
        if (type == QCOW2_EXT_BACKING_FORMAT &&
            take_text(p, len, at, n, QCOW2_MAX_FORMAT, "name of the backing format too long", h,
                      &h->backing_format, err))
            return -1;
        if (type == QCOW2_EXT_DATA_FILE && h->incompatible & QCOW2_DATA_FILE &&
            take_text(p, len, at, n, QCOW2_MAX_DATA, "name of the data file too long", h,
                      &h->data_file, err))
            return -1;
        at += (n + UINT64_C(7)) & ~UINT64_C(7);
    }
    return 0;
}

static int parse(const uint8_t *p, size_t len, struct qcow2_header *h, struct qmp_error *err)
{
    if (len >= 4 && !qcow2_magic(p, len))
        return qmp_error_set(err, QRW_ERR_INVALID, "not a qcow2 image");
    if (want(h, len, V2_HEADER, err))
        return -1;
    h->version = get32(p + AT_VERSION);
    if (h->version != 2 && h->version != 3)
        return qmp_error_set(err, QRW_ERR_UNSUPPORTED, "qcow2 version %u is not known", h->version);
    if (h->version == 3 && want(h, len, V3_HEADER, err))
        return -1;

    parse_numbers(p, h);
    if (check_numbers(h, err))
        return -1;
    size_t cluster = (size_t)1 << h->cluster_bits;
    size_t header = h->version == 2 ? V2_HEADER : get32(p + AT_HEADER_LENGTH);
    if (header > cluster || (h->version == 3 && header < V3_HEADER))
        return invalid(err, "header length out of range");

    uint64_t backing = get64(p + AT_BACKING_OFFSET);
    uint32_t n = get32(p + AT_BACKING_SIZE);
    if (backing > cluster || (backing && (n > QCOW2_MAX_BACKING || n > cluster - backing)))
        return invalid(err, "backing file name out of range");
    if (parse_extensions(p, len, header, backing ? backing : cluster, h, err))
        return -1;
    if (!backing)
        return 0;
    if (want(h, len, backing + n, err))
        return -1;
    h->backing = text(p + backing, n);
    return 0;
}

int qcow2_parse(const void *bytes, size_t len, struct qcow2_header *h, struct qmp_error *err)
{
    memset(h, 0, sizeof(*h));
    if (!parse(bytes, len, h, err))
        return 0;
    size_t need = h->need > len ? h->need : 0;
    qcow2_header_done(h);
    memset(h, 0, sizeof(*h));
    h->need = need;
    return -1;
}

void qcow2_header_done(struct qcow2_header *h)
{
    free(h->backing);
    free(h->backing_format);
    free(h->data_file);
    h->backing = h->backing_format = h->data_file = NULL;
}
