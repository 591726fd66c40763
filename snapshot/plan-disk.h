/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-disk: what every planner asks about the disks of a scene.        PURE */
#ifndef SNAPSHOT_PLAN_DISK_H
#define SNAPSHOT_PLAN_DISK_H

#include "snapshot/plan.h"

/* @list (NULL: none yet), @between and @more; frees the old text. New string. */
char *plan_enumerate(char *list, const char *between, const char *more);

/* QRW_ERR_NOT_FOUND lists the disks that there are. */
const struct graph_disk *plan_find_disk(const struct graph *g, const char *name,
                                        struct qmp_error *err);

/* The disk that a snapshot calls @id. QRW_ERR_NOT_FOUND, QRW_ERR_REFUSED (it is empty): what has to
 * be plugged or put in again. */
const struct graph_disk *plan_snapshot_disk(const struct scene *s, const char *id,
                                            struct qmp_error *err);

/*
 * The layer of @d that @name means: a snapshot's name (the layer it pins), a node, or
 * a file (as given, or its last component when only one layer is called so).
 * QRW_ERR_NOT_FOUND lists the layers.
 */
const struct graph_layer *plan_find_layer(const struct scene *s, const struct graph_disk *d,
                                          const char *name, struct qmp_error *err);

/* QRW_ERR_LOCKED when a job holds @d. QRW_ERR_REFUSED when that has ended and is not dismissed, or
 * a migration is under way. QRW_ERR_UNSUPPORTED when its root is a filter, when QEMU does not name
 * its nodes, or when the name of an image says nothing to us. */
int plan_check_idle(const struct graph *g, const struct graph_disk *d, struct qmp_error *err);
/* The same where a migration may be under way: its disk belongs to QEMU or not. */
int plan_check_disk(const struct graph *g, const struct graph_disk *d, struct qmp_error *err);

/* QRW_ERR_REFUSED: the file of @l, a layer of @d, is gone, and only QEMU has it. @more (may be
 * NULL) ends the hint. */
int plan_check_lost(const struct graph_disk *d, const struct graph_layer *l, const char *more,
                    struct qmp_error *err);

/* The job that works on @d, NULL: none that can be told. */
const struct graph_job *plan_disk_job(const struct graph *g, const struct graph_disk *d);

/* The file that the user means by @name: absolute, as the graph would have it. New string. */
char *plan_file(const struct scene *s, const char *name);

/* Can the file's name go into a document? QMP_ERR_USAGE: it is not UTF-8. */
int plan_check_name(const char *file, struct qmp_error *err);

/* The format of the new image @file: @asked, or (NULL) what its name says, qcow2 but for *.raw. */
const char *plan_image_format(const char *asked, const char *file);

/* Is @file a layer in the graph or in the document? */
bool plan_knows_file(const struct scene *s, const char *file);

/* @name with everything that is awkward in a file name replaced by "_". New string. */
char *plan_safe_name(const char *name);

/* A job id for @operation on @disk: "qrw-commit-vda". New string. */
char *plan_job_id(const char *operation, const struct graph_disk *d);

/* What lets us find QEMU's files. */
#define PLAN_REACH                                                                                 \
    "where QEMU runs, a monitor on a unix socket tells whose files they are: -qmp "                \
    "unix:PATH,server=on,wait=off"

#endif
