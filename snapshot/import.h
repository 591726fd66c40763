/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: what is read of an exported snapshot, or of an image, and how it is checked. */
#ifndef SNAPSHOT_IMPORT_H
#define SNAPSHOT_IMPORT_H

#include "snapshot/runner.h"

/* The manifest in @folder, checked. New reference; NULL: QRW_ERR_INVALID, QRW_ERR_NOT_FOUND. */
json_t *import_manifest(const char *folder, struct qmp_error *err);

/*
 * A manifest for the image @file of @format, as the disk @disk of a snapshot taken at @now. By
 * qemu-img info. QRW_ERR_REFUSED: it builds on another file, or its data is in another one.
 */
json_t *import_image(const struct runner *r, const char *file, const char *format, const char *disk,
                     const char *now, struct qmp_error *err);

/* Steps, as in runner-files.c: is the copy what the manifest says? Write the sidecar. */
int import_verify(struct runner *r, const json_t *step, struct qmp_error *err);
int import_document(struct runner *r, const json_t *step, struct qmp_error *err);

#endif
