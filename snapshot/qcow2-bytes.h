/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qcow2-bytes: the format's big-endian numbers, and its magic ones. PURE, for qcow2*.c only. */
#ifndef SNAPSHOT_QCOW2_BYTES_H
#define SNAPSHOT_QCOW2_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define QCOW2_MAGIC 0x514649fbU             /* "QFI\xfb" */
#define QCOW2_MAX_L1 (32U << 20)            /* bytes in the L1 table */
#define QCOW2_MAX_REFCOUNT_TABLE (8U << 20) /* bytes */

/* Header extensions */
#define QCOW2_EXT_END 0U
#define QCOW2_EXT_BACKING_FORMAT 0xe2792acaU
#define QCOW2_EXT_FEATURES 0x6803f857U
#define QCOW2_EXT_DATA_FILE 0x44415441U

/* Where the header's fields are */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_BACKING_OFFSET = 8,
    AT_BACKING_SIZE = 16,
    AT_CLUSTER_BITS = 20,
    AT_SIZE = 24,
    AT_CRYPT_METHOD = 32,
    AT_L1_ENTRIES = 36,
    AT_L1_OFFSET = 40,
    AT_REFCOUNT_OFFSET = 48,
    AT_REFCOUNT_CLUSTERS = 56,
    AT_NSNAPSHOTS = 60,
    AT_SNAPSHOTS_OFFSET = 64,
    V2_HEADER = 72, /* a version 2 header ends here */
    AT_INCOMPATIBLE = 72,
    AT_COMPATIBLE = 80,
    AT_AUTOCLEAR = 88,
    AT_REFCOUNT_ORDER = 96,
    AT_HEADER_LENGTH = 100,
    V3_HEADER = 104,      /* the least length of a version 3 header */
    V3_HEADER_FULL = 112, /* with the compression type, as QEMU writes it */
};

static inline uint16_t get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return be16toh(v);
}

static inline uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

static inline uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return be64toh(v);
}

static inline void put16(uint8_t *p, uint16_t v)
{
    v = htobe16(v);
    memcpy(p, &v, sizeof(v));
}

static inline void put32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
}

static inline void put64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof(v));
}

#endif
