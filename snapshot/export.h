/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * export: the steps that make a folder, or one image, out of a snapshot.
 *
 *   workspace   make TO.part, mode 0700, and lock it
 *   convert     … an image in it, by qemu-img
 *   seal        sync the files, take their sizes and checksums, write the manifest last
 *   publish     give it its name, if nobody else has that
 *
 * The lock is held by qrewind and by the qemu-img that works for it: a folder that is there
 * and not locked is what an export left that was cut off, and is taken over.
 */
#ifndef SNAPSHOT_EXPORT_H
#define SNAPSHOT_EXPORT_H

#include "snapshot/runner.h"

/* As in runner-files.c. After workspace, @r->workspace is the locked folder. */
int export_workspace(struct runner *r, const json_t *step, struct qmp_error *err);
int export_convert(struct runner *r, const json_t *step, struct qmp_error *err);
/* @r->files is what was made, as it goes into the manifest. */
int export_seal(struct runner *r, const json_t *step, struct qmp_error *err);
int export_publish(struct runner *r, const json_t *step, struct qmp_error *err);

/* Remove the folder with all that the steps have made in it. */
void export_undo(struct runner *r, const json_t *step, json_t *notes);

/* Can the folder @path be made, or taken over? QRW_ERR_LOCKED: somebody is at work in it;
 * QRW_ERR_REFUSED: there is nothing to make it in. */
int export_check_makeable(const char *path, struct qmp_error *err);

/* Is @path a folder, not a link to one, with nothing in it? */
bool export_is_empty(const char *path);

#endif
