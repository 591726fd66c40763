/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qcow2: read an image's header, compose an empty image.              PURE
 *
 * Bytes in, values out, and the other way round; who reads and writes files is
 * image.h. The bytes of an image come from anybody (a guest's owner may have
 * written them): every number is checked against the limits that QEMU has before
 * it is used, and the strings may hold any byte but NUL.
 *
 *     0            header, extensions, backing file name    1 cluster
 *     1            refcount table                           1 cluster
 *     2            refcount blocks                          n clusters
 *     2 + n        L1 table, all zero: a hole               the rest
 */
#ifndef SNAPSHOT_QCOW2_H
#define SNAPSHOT_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/error.h"

enum {
    QCOW2_SECTOR = 512,
    QCOW2_MAX_BACKING = 1023,   /* bytes in a backing file name */
    QCOW2_MAX_FORMAT = 15,      /* bytes in the name of its format */
    QCOW2_MAX_DATA = 4095,      /* bytes in the name of an external data file */
    QCOW2_MAX_HEADER = 2 << 20, /* the header ends within the first cluster */
    QCOW2_MAX_SNAPSHOTS = 65536,
    QCOW2_MAX_SNAPSHOT_TABLE = 64 << 20,
};

/* The image for a memory shows a blank disk of so many bytes: what is saved lies behind it. */
enum { QCOW2_MEMORY_SIZE = 1 << 20 };

/* Incompatible features: who does not know one must not open the image. */
enum {
    QCOW2_DIRTY = 1 << 0,       /* refcounts may be stale: it was not closed */
    QCOW2_CORRUPT = 1 << 1,     /* QEMU found it damaged and opens it only for reading */
    QCOW2_DATA_FILE = 1 << 2,   /* the guest's data is in another file */
    QCOW2_COMPRESSION = 1 << 3, /* compressed with something else than zlib */
    QCOW2_EXTENDED_L2 = 1 << 4, /* sub-clusters */
    QCOW2_KNOWN = (1 << 5) - 1,
};

struct qcow2_header {
    unsigned version;       /* 2 or 3 */
    unsigned cluster_bits;  /* 9 to 21 */
    unsigned refcount_bits; /* 1 to 64 */
    uint64_t size;          /* what the guest sees, in bytes */
    uint64_t incompatible;  /* QCOW2_DIRTY and so on, and bits that nobody knows yet */
    uint32_t crypt_method;  /* 0: none, 1: AES, 2: LUKS */
    char *backing;          /* as the header has it, not resolved; NULL: none */
    char *backing_format;   /* NULL: not recorded */
    char *data_file;        /* of QCOW2_DATA_FILE, as the header has it; NULL: it does not say */
    uint64_t l1_offset;
    uint32_t l1_entries;
    uint64_t refcount_offset;
    uint32_t refcount_clusters;
    uint64_t snapshots_offset;
    uint32_t nsnapshots;
    size_t need; /* how many bytes of the image the header takes up */
};

/* Are these bytes the beginning of a qcow2 image? */
bool qcow2_magic(const void *bytes, size_t len);

/*
 * Read the header at the beginning of an image.
 *
 * @bytes are the image's first @len bytes; 4 KiB nearly always suffice. @h owns
 * its strings: qcow2_header_done(). Returns -1 with QRW_ERR_INVALID for bytes that
 * are no sound header, QRW_ERR_UNSUPPORTED for a version that we do not know; @h
 * then holds nothing to free. When only bytes are missing, @h->need is greater
 * than @len and says how many to come back with (never above QCOW2_MAX_HEADER);
 * after any other failure it is 0.
 */
int qcow2_parse(const void *bytes, size_t len, struct qcow2_header *h, struct qmp_error *err);
void qcow2_header_done(struct qcow2_header *h);

struct qcow2_options {
    uint64_t size;              /* bytes; rounded up to whole sectors, as QEMU does */
    uint32_t cluster_size;      /* 4 KiB to 2 MiB, a power of two; 0: 64 KiB */
    const char *backing;        /* NULL: none; goes into the header as it is */
    const char *backing_format; /* must be there when @backing is: nobody probes */
};

enum { QCOW2_PIECES = 3 };

/* What to write into a new file of @length bytes; everything else stays a hole. */
struct qcow2_layout {
    uint64_t length;
    struct {
        uint64_t offset;
        void *bytes;
        size_t len;
    } piece[QCOW2_PIECES];
};

/*
 * Compose an empty image, as "qemu-img create -f qcow2 -u" makes it (version 3,
 * 16 bit refcounts, zlib). Every piece of @out is owned by it:
 * qcow2_layout_done(). Returns -1 with QMP_ERR_USAGE for options that make no
 * sense or pass one of QEMU's limits.
 */
int qcow2_compose(const struct qcow2_options *o, struct qcow2_layout *out, struct qmp_error *err);
void qcow2_layout_done(struct qcow2_layout *out);

/* A snapshot inside an image (savevm, qemu-img snapshot). */
struct qcow2_snapshot {
    char *id;
    char *name;
    uint64_t l1_offset; /* its own table of what the guest sees */
    uint32_t l1_entries;
    uint64_t vm_state_size; /* bytes; 0: disk only */
    uint64_t disk_size;     /* bytes; the image's size then, 0: not recorded */
    int64_t icount;         /* instructions executed, -1: not recorded */
    uint32_t date_sec;
    uint32_t date_nsec;
    uint64_t vm_clock_nsec;
};

/*
 * Read the table of internal snapshots: @bytes begin at @h->snapshots_offset.
 *
 * *@list gets @h->nsnapshots entries (NULL when there are none), owned by the
 * caller: qcow2_snapshots_free(). Returns -1 with QRW_ERR_INVALID; when only bytes
 * are missing, *@need is greater than @len (and at most QCOW2_MAX_SNAPSHOT_TABLE),
 * else 0.
 */
int qcow2_parse_snapshots(const struct qcow2_header *h, const void *bytes, size_t len,
                          struct qcow2_snapshot **list, size_t *need, struct qmp_error *err);
void qcow2_snapshots_free(struct qcow2_snapshot *list, size_t n);

/* The one that QEMU means by @name: the first. Borrowed, NULL: there is none. */
const struct qcow2_snapshot *qcow2_snapshot_find(const struct qcow2_snapshot *list, size_t n,
                                                 const char *name);

#endif
