/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image-empty: do the tables of an overlay lead to nothing of its own; see image.h.
 *
 * The first table leads nowhere; or, where the image was made smaller, to one second table that
 * leads nowhere: QEMU makes one for what it then takes out of it.
 */
#include <endian.h>
#include <errno.h>
#include <unistd.h>

#include "snapshot/image-error.h"
#include "snapshot/image.h"

/* Where a second table lies, in an entry of the first. */
#define TABLE UINT64_C(0x00fffffffffffe00)

/* The first byte in [*@at, @end) that is not zero: @end, none. What lies behind the end of the file
 * reads as zero, as in QEMU. */
static int skip_zeros(int fd, const char *path, uint64_t *at, uint64_t end, struct qmp_error *err)
{
    char buf[16384];

    while (*at < end) {
        size_t len = end - *at < sizeof(buf) ? (size_t)(end - *at) : sizeof(buf), n = 0;
        ssize_t got = pread(fd, buf, len, (off_t)*at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return image_error(err, "read", path);
        while (n < (size_t)got && !buf[n])
            n++;
        *at = got ? *at + n : end;
        if (n < (size_t)got)
            return 0;
    }
    return 0;
}

int image_tables_are_zero(int fd, const char *path, const struct qcow2_header *h, bool *zero,
                          struct qmp_error *err)
{
    const uint64_t end = h->l1_offset + 8 * (uint64_t)h->l1_entries;
    uint64_t at = h->l1_offset, entry = 0, second;

    *zero = false;
    if (skip_zeros(fd, path, &at, end, err))
        return -1;
    if (at == end) {
        *zero = true;
        return 0;
    }
    at -= (at - h->l1_offset) % 8;
    if (pread(fd, &entry, sizeof(entry), (off_t)at) < 0)
        return image_error(err, "read", path);
    at += 8;
    second = be64toh(entry) & TABLE;
    const uint64_t second_end = second + (UINT64_C(1) << h->cluster_bits);
    if (skip_zeros(fd, path, &at, end, err) || skip_zeros(fd, path, &second, second_end, err))
        return -1;
    *zero = at == end && second == second_end;
    return 0;
}
