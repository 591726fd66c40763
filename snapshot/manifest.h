/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manifest: what an exported snapshot says about itself.                PURE
 *
 * One JSON file in the folder, described in doc/export.md. It is written last, and the one
 * that comes from elsewhere is believed nothing: names are names of files in its folder,
 * numbers are numbers, and what the files hold is compared with it.
 */
#ifndef SNAPSHOT_MANIFEST_H
#define SNAPSHOT_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>

#include "snapshot/error.h"

#define MANIFEST_NAME "qrewind-export.json"

/* The manifest of @snapshot's document, with its @memory or not, still without files. @now:
 * RFC 3339. New reference. */
json_t *manifest_new(const json_t *snapshot, bool memory, const char *now);

/* The entry of @files (an array) that is called @name. Borrowed, NULL: there is none. */
json_t *manifest_file(const json_t *files, const char *name);

#endif
