/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qcow2-compose: the bytes of an empty image; see qcow2.h for the layout. */
#include "snapshot/qcow2.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/qcow2-bytes.h"

enum {
    DEFAULT_CLUSTER = 64 << 10,
    MIN_CLUSTER = 4 << 10,
    MAX_CLUSTER = 2 << 20,
    REFCOUNT_ORDER = 4, /* 1 << 4 bits each */
    REFCOUNT_BYTES = 2,
    FEATURE_BYTES = 48,    /* kind, bit, 46 bytes of name */
    HEADER_ROOM = 4 << 10, /* holds the largest header: 112 + 24 + 392 + 8 + 1023 bytes */
};

/* The names of the feature bits, for tools that do not know them; QEMU writes the same. */
static const struct {
    uint8_t kind; /* 0: incompatible, 1: compatible, 2: autoclear */
    uint8_t bit;
    char name[FEATURE_BYTES - 2];
} features[] = {
    {0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
    {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
    {2, 0, "bitmaps"},          {2, 1, "raw external data"},
};

_Static_assert(sizeof(features[0]) == FEATURE_BYTES, "an entry is written as it is");

struct geometry {
    uint64_t size;    /* whole sectors */
    uint64_t cluster; /* bytes */
    unsigned cluster_bits;
    uint64_t l1_entries;
    uint64_t refcount_blocks; /* clusters */
    uint64_t clusters;        /* in the whole file */
};

static uint64_t div_up(uint64_t n, uint64_t by)
{
    return n / by + !!(n % by);
}

static int check_options(const struct qcow2_options *o, uint64_t cluster, struct qmp_error *err)
{
    if (cluster < MIN_CLUSTER || cluster > MAX_CLUSTER || cluster & (cluster - 1))
        return qmp_error_set(err, QMP_ERR_USAGE,
                             "cluster size %" PRIu64 " is not a power of two from 4 KiB to 2 MiB",
                             cluster);
    if (o->size > INT64_MAX - QCOW2_SECTOR)
        return qmp_error_set(err, QMP_ERR_USAGE, "size %" PRIu64 " is out of range", o->size);
    if (!o->backing)
        return 0;
    if (!o->backing[0])
        return qmp_error_set(err, QMP_ERR_USAGE, "the backing file has no name");
    if (strlen(o->backing) > QCOW2_MAX_BACKING) {
        qmp_error_set(err, QMP_ERR_USAGE, "the backing file's name has %zu bytes, qcow2 holds %d",
                      strlen(o->backing), QCOW2_MAX_BACKING);
        return qmp_error_hint(err, "put the images into a folder with a shorter name");
    }
    if (!o->backing_format || !o->backing_format[0] || strlen(o->backing_format) > QCOW2_MAX_FORMAT)
        return qmp_error_set(err, QMP_ERR_USAGE, "the backing file's format must be given");
    return 0;
}

/* Refcount blocks count themselves too: grow until all clusters are covered. */
static int measure(const struct qcow2_options *o, struct geometry *g, struct qmp_error *err)
{
    g->cluster = o->cluster_size ? o->cluster_size : DEFAULT_CLUSTER;
    if (check_options(o, g->cluster, err))
        return -1;
    g->cluster_bits = (unsigned)__builtin_ctzll(g->cluster);
    g->size = div_up(o->size, QCOW2_SECTOR) * QCOW2_SECTOR;

    uint64_t l2_covers = g->cluster * (g->cluster / 8);
    g->l1_entries = div_up(g->size, l2_covers);
    if (g->l1_entries > QCOW2_MAX_L1 / 8) {
        qmp_error_set(err, QMP_ERR_USAGE,
                      "%" PRIu64 " bytes are too many for clusters of %" PRIu64 " bytes", g->size,
                      g->cluster);
        return qmp_error_hint(err,
                              "with this cluster size at most %" PRIu64 " GiB; use a larger one",
                              (QCOW2_MAX_L1 / 8 * l2_covers) >> 30);
    }
    uint64_t fixed = 2 + div_up(g->l1_entries * 8, g->cluster);
    uint64_t covers = g->cluster / REFCOUNT_BYTES;
    g->refcount_blocks = 1;
    while (g->refcount_blocks * covers < fixed + g->refcount_blocks)
        g->refcount_blocks++;
    g->clusters = fixed + g->refcount_blocks;
    return 0;
}

/* Returns where the next extension begins. */
static size_t put_extension(uint8_t *p, size_t at, uint32_t type, const void *data, size_t n)
{
    put32(p + at, type);
    put32(p + at + 4, (uint32_t)n);
    memcpy(p + at + 8, data, n);
    return at + 8 + ((n + 7) & ~(size_t)7);
}

static size_t put_header(uint8_t *p, const struct qcow2_options *o, const struct geometry *g)
{
    put32(p + AT_MAGIC, QCOW2_MAGIC);
    put32(p + AT_VERSION, 3);
    put32(p + AT_CLUSTER_BITS, g->cluster_bits);
    put64(p + AT_SIZE, g->size);
    put32(p + AT_L1_ENTRIES, (uint32_t)g->l1_entries);
    put64(p + AT_L1_OFFSET, g->l1_entries ? (2 + g->refcount_blocks) * g->cluster : 0);
    put64(p + AT_REFCOUNT_OFFSET, g->cluster);
    put32(p + AT_REFCOUNT_CLUSTERS, 1);
    put32(p + AT_REFCOUNT_ORDER, REFCOUNT_ORDER);
    put32(p + AT_HEADER_LENGTH, V3_HEADER_FULL);

    size_t at = V3_HEADER_FULL;
    if (o->backing)
        at = put_extension(p, at, QCOW2_EXT_BACKING_FORMAT, o->backing_format,
                           strlen(o->backing_format));
    if (g->cluster > MIN_CLUSTER) /* QEMU leaves it out where room is short */
        at = put_extension(p, at, QCOW2_EXT_FEATURES, features, sizeof(features));
    at += 8; /* the end mark is all zero */
    if (o->backing) {
        size_t n = strlen(o->backing);
        put64(p + AT_BACKING_OFFSET, at);
        put32(p + AT_BACKING_SIZE, (uint32_t)n);
        memcpy(p + at, o->backing, n);
        at += n;
    }
    return at;
}

int qcow2_compose(const struct qcow2_options *o, struct qcow2_layout *out, struct qmp_error *err)
{
    struct geometry g = {0};

    if (measure(o, &g, err))
        return -1;
    uint8_t *header = mem_alloc(HEADER_ROOM);
    uint8_t *table = mem_alloc(g.refcount_blocks * 8);
    uint8_t *counts = mem_alloc(g.clusters * REFCOUNT_BYTES);
    for (uint64_t i = 0; i < g.refcount_blocks; i++)
        put64(table + i * 8, (2 + i) * g.cluster);
    for (uint64_t i = 0; i < g.clusters; i++)
        put16(counts + i * REFCOUNT_BYTES, 1);

    /* the L1 table need not reach the end of its last cluster, as with QEMU */
    *out = (struct qcow2_layout){
        .length = (2 + g.refcount_blocks) * g.cluster + g.l1_entries * 8,
        .piece =
            {
                {0, header, put_header(header, o, &g)},
                {g.cluster, table, g.refcount_blocks * 8},
                {2 * g.cluster, counts, g.clusters * REFCOUNT_BYTES},
            },
    };
    return 0;
}

void qcow2_layout_done(struct qcow2_layout *out)
{
    for (int i = 0; i < QCOW2_PIECES; i++)
        free(out->piece[i].bytes);
    memset(out, 0, sizeof(*out));
}
