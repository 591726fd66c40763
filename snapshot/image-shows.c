/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image-shows: what an image shows, by its first table, and whether that is nothing but a memory;
 * see image.h.
 *
 * Taking an internal snapshot, and going back to one, leaves both with the same second tables;
 * every write after that gets one of its own, and so another entry in the first.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"

/* Says who may write in place, not what is there. */
#define COPIED (UINT64_C(1) << 63)

enum { MAX_ENTRIES = 4 << 20 };

/* The first table at @offset of the open image; @n entries, those that are not there are 0. */
static uint64_t *table(int fd, uint64_t offset, uint32_t entries, size_t n)
{
    uint64_t *t = mem_alloc((n ? n : 1) * sizeof(*t));
    size_t len = (entries < n ? entries : n) * sizeof(*t);

    /* what lies behind the end of the file reads as zero */
    if (pread(fd, t, len, (off_t)offset) < 0) {
        free(t);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        t[i] = be64toh(t[i]) & ~COPIED;
    return t;
}

/* How many entries the disk itself takes up: a saved memory lies behind them. */
static size_t disk_entries(const struct qcow2_header *h)
{
    unsigned entry_bits = h->incompatible & QCOW2_EXTENDED_L2 ? 4 : 3;
    unsigned bits = 2 * h->cluster_bits - entry_bits; /* of what one entry covers */

    return (size_t)((h->size >> bits) + ((h->size & ((UINT64_C(1) << bits) - 1)) != 0));
}

static bool is_same(int fd, const struct qcow2_header *h, const struct qcow2_snapshot *s)
{
    size_t n = disk_entries(h);

    if (n > MAX_ENTRIES || (s->disk_size && s->disk_size != h->size))
        return false;
    auto_free uint64_t *now = table(fd, h->l1_offset, h->l1_entries, n);
    auto_free uint64_t *then = table(fd, s->l1_offset, s->l1_entries, n);
    return now && then && !memcmp(now, then, n * sizeof(*now));
}

/* Does the first table at @offset lead nowhere, where the disk is? */
static bool is_blank(int fd, const struct qcow2_header *h, uint64_t offset, uint32_t entries)
{
    size_t n = disk_entries(h);
    auto_free uint64_t *t = table(fd, offset, entries, n);
    bool blank = t != NULL;

    for (size_t i = 0; blank && i < n; i++)
        blank = !t[i];
    return blank;
}

/* A save that was killed has no snapshot yet. */
static bool holds_memory(int fd, const struct qcow2_header *h, const struct qcow2_snapshot *list,
                         size_t n)
{
    if (h->backing || h->incompatible & QCOW2_DATA_FILE || h->size != QCOW2_MEMORY_SIZE ||
        n != h->nsnapshots || n > 1 || !is_blank(fd, h, h->l1_offset, h->l1_entries))
        return false;
    return !n || (list->vm_state_size && is_blank(fd, h, list->l1_offset, list->l1_entries));
}

/* How a live memory begins. */
static const char magic[4] = "QEVM";

/* The end of a stream: of the description, or where a machine writes none, as old types do, of the
 * last section: a footer (the number of the section between) and the mark of the end. Older types
 * write no configuration, which else comes first, and no footer. */
static bool ends_well(const char last[6], char begins)
{
    enum { END = 0, CONFIGURATION = 7, FOOTER = 0x7e };

    return !memcmp(last + 4, "]}", 2) ||
           (last[5] == END && (last[0] == FOOTER || begins != CONFIGURATION));
}

bool image_is_cut(const char *path)
{
    char first[sizeof(magic) + 5], last[6]; /* magic, version, first section; end */
    auto_close int fd = image_open(path, false, NULL);
    const off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    if (size < 0)
        return false;
    if (size < (off_t)(sizeof(first) + sizeof(last)))
        return true;
    return pread(fd, first, sizeof(first), 0) == (ssize_t)sizeof(first) &&
           pread(fd, last, sizeof(last), size - (off_t)sizeof(last)) == (ssize_t)sizeof(last) &&
           (memcmp(first, magic, sizeof(magic)) || !ends_well(last, first[sizeof(first) - 1]));
}

bool image_is_memory(const char *path, bool live)
{
    char first[sizeof(magic)];
    struct qcow2_header h = {0};
    struct qcow2_snapshot *list;
    size_t n;
    auto_close int fd = image_open(path, false, NULL);

    if (live)
        return fd >= 0 && pread(fd, first, sizeof(first), 0) == (ssize_t)sizeof(first) &&
               !memcmp(first, magic, sizeof(magic));
    if (fd < 0 || image_read_header(path, &h, NULL))
        return false;
    image_snapshots(path, &list, &n, NULL);
    bool memory = holds_memory(fd, &h, list, n);
    qcow2_snapshots_free(list, n);
    qcow2_header_done(&h);
    return memory;
}

bool image_shows(const char *path, const char *tag)
{
    struct qcow2_header h = {0};
    struct qcow2_snapshot *list;
    size_t n;
    auto_close int fd = image_open(path, false, NULL);

    if (fd < 0 || image_read_header(path, &h, NULL))
        return false;
    image_snapshots(path, &list, &n, NULL);
    const struct qcow2_snapshot *s = qcow2_snapshot_find(list, n, tag);
    bool shows = s && is_same(fd, &h, s);
    qcow2_snapshots_free(list, n);
    qcow2_header_done(&h);
    return shows;
}

int64_t image_resized_since(const char *path, const char *tag)
{
    struct qcow2_header h = {0};
    struct qcow2_snapshot *list;
    size_t n;

    if (image_read_header(path, &h, NULL))
        return 0;
    image_snapshots(path, &list, &n, NULL);
    const struct qcow2_snapshot *s = qcow2_snapshot_find(list, n, tag);
    const uint64_t size =
        s && s->disk_size != h.size && s->disk_size < INT64_MAX ? s->disk_size : 0;
    qcow2_snapshots_free(list, n);
    qcow2_header_done(&h);
    return (int64_t)size;
}

bool image_untouched(const char *path, const char *tag)
{
    bool empty = false;

    return tag ? image_shows(path, tag) : !image_is_empty_overlay(path, &empty, NULL) && empty;
}
