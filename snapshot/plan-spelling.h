/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan-spelling: what QEMU will call the images.                        PURE
 *
 * A node is called by its file where its header alone leads to all that is below it. Where the
 * header names that by other words than QEMU does ("base", and the node is called "/w/base"), and
 * for all nodes above, it makes up a name of the files of the whole chain
 *
 *     json:{"backing": {"backing": …}, "driver": "qcow2", "file": {…, "filename": "/w/top"}}
 *
 * and cuts it off after 4,095 characters: then nobody can tell any more which file it is.
 */
#ifndef SNAPSHOT_PLAN_SPELLING_H
#define SNAPSHOT_PLAN_SPELLING_H

#include "snapshot/plan.h"

/* What the header of the overlay @file calls @base: as QEMU does, where that can be. New string. */
char *plan_base_name(const char *file, const struct graph_layer *base);

/* QRW_ERR_UNSUPPORTED: QEMU would cut off the name of the overlay @file of @base, which is a layer
 * of @d. */
int plan_check_spelling(const struct scene *s, const struct graph_disk *d,
                        const struct graph_layer *base, const char *file, struct qmp_error *err);

/* How QEMU is to open the layer @id of @c, and those below it that @d does not run on; @overlay
 * goes on top. */
enum opening {
    OPEN_EACH,  /* one after the other, on what @d runs on */
    OPEN_WHOLE, /* as the headers lead it, all the way down: so it calls each by its file */
    OPEN_NOT,   /* its name would be cut off, and the headers do not lead there */
};
enum opening plan_opening(const struct scene *s, const struct chain *c, const struct graph_disk *d,
                          const char *id, const char *overlay);

/* What is OPEN_NOT, @file, a layer of @d: QRW_ERR_UNSUPPORTED. */
int plan_refuse_opening(const struct graph_disk *d, const char *file, struct qmp_error *err);

#endif
