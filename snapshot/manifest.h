/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest: what an exported snapshot says about itself.                PURE
 *
 * One JSON file in the folder, described in doc/export.md. One that comes from elsewhere is
 * believed nothing: it is checked once when it is taken in, names are names of files in its
 * folder, and what the files hold is compared with it.
 */
#ifndef SNAPSHOT_MANIFEST_H
#define SNAPSHOT_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>

#include "snapshot/error.h"

#define MANIFEST_NAME "qrewind-export.json"

/* The format of a memory that was saved while the guest ran: the bytes of a migration. */
#define MANIFEST_STREAM "stream"

enum { MANIFEST_MAX_BYTES = 4 << 20, MANIFEST_MAX_FILES = 256 };

/* The manifest of @snapshot's document, with its @memory or not, still without files. @now:
 * RFC 3339. New reference. */
json_t *manifest_new(const json_t *snapshot, bool memory, const char *now);

/* The entry of @files (an array) that is called @name. Borrowed, NULL: there is none. */
json_t *manifest_file(const json_t *files, const char *name);

/*
 * Does it make sense? Then all of this is there, and of its type: snapshot.name, .created;
 * files, with at least one of a disk, each with name, format, size, sha256, and disk and disk_size
 * or memory: true, the latter once at most and only with snapshot.memory.tag.
 * QRW_ERR_INVALID; QRW_ERR_UNSUPPORTED: of a newer qrewind.
 */
int manifest_check(const json_t *manifest, struct qmp_error *err);

#endif
