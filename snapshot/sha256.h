/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sha256: the hash of FIPS 180-4, to tell whether a file's content is what it was.  PURE */
#ifndef SNAPSHOT_SHA256_H
#define SNAPSHOT_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_TEXT = 65 }; /* hex digits and the end */

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    unsigned char block[64];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t n);
/* The hash of all bytes, in hex. @h is of no more use. */
void sha256_end(struct sha256 *h, char text[static SHA256_TEXT]);

#endif
