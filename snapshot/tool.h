/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool: qemu-img and sha256sum at work on one file.
 *
 * Of the runner they use the loop, the stop, the progress, and the locked folder that they work
 * in. All fail with QRW_ERR_FAILED and the program's words, QRW_ERR_UNSUPPORTED without the
 * program, QMP_ERR_CANCELLED.
 */
#ifndef SNAPSHOT_TOOL_H
#define SNAPSHOT_TOOL_H

#include "snapshot/runner.h"

/*
 * Convert what the layers (an array of {"file", "format"}, from the top) show together, or the
 * internal snapshot @tag of the topmost (NULL: none), into the new file @to.
 */
struct tool_image {
    const json_t *layers;
    const char *tag, *to, *format;
    bool compress;
    bool verbatim; /* raw from raw: @to gets the very bytes, also behind the last whole sector */
};
int tool_convert(const struct runner *r, const struct tool_image *i, struct qmp_error *err);

/* The SHA-256 of @file in hex, by sha256sum. */
int tool_checksum(const struct runner *r, const char *file, char sum[static 65],
                  struct qmp_error *err);

/*
 * Let the image @file show what it shows with @backing (NULL: nothing) below it: the data of the
 * layers between is copied into it, and is on the disk. QRW_ERR_LOCKED when somebody has it open.
 * Failed, or ended, it may show less: until its header names again what it did.
 */
int tool_rebase(const struct runner *r, const char *file, const char *format, const char *backing,
                const char *backing_format, struct qmp_error *err);

/*
 * Let the empty image @file, which is backed by @backing (NULL: nothing), show what @source showed
 * when its internal snapshot @tag was taken: its data is copied. Nobody may write to @source.
 */
int tool_copy_snapshot(const struct runner *r, const char *file, const char *source,
                       const char *tag, const char *backing, struct qmp_error *err);

/*
 * tool-scratch.c: let the file @to be a copy of @image that shows what its snapshot @tag holds, as
 * large as the disk was then. It has the snapshots, too, until tool_untag_all().
 */
int tool_scratch(const struct runner *r, const char *image, const char *tag, const char *to,
                 struct qmp_error *err);
int tool_untag_all(const char *image, struct qmp_error *err);

/* What "qemu-img VERB" reports of @file alone: what that builds on is not opened. Also where it
 * calls what it finds a failure. New reference; NULL: it fails, and has no report. */
json_t *tool_report(const struct runner *r, const char *verb, const char *file, const char *format,
                    struct qmp_error *err);

#endif
