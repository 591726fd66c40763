/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * foreign: what images of other formats than qcow2 build on.              PURE
 *
 * qrewind makes none of them, and needs of them but this: whose base may not be written to. A
 * beginning that only looks like one of theirs (a guest wrote it, say) is taken for one, which
 * costs nobody anything.
 */
#ifndef SNAPSHOT_FOREIGN_H
#define SNAPSHOT_FOREIGN_H

#include <stddef.h>

/* So many bytes of an image's beginning suffice: a vmdk's description ends there, and QEMU writes
 * the others' names right behind the header. */
enum { FOREIGN_HEADER = 11 << 10 };

/*
 * The backing file name of the qcow (version 1), qed or vmdk image that begins with these @len
 * bytes, as it is there, not resolved. New string; NULL: it names none, or is no such image.
 */
char *foreign_backing(const void *bytes, size_t len);

#endif
