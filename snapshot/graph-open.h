/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-open: may the images that graph-files.h has found be opened?       PURE */
#ifndef SNAPSHOT_GRAPH_OPEN_H
#define SNAPSHOT_GRAPH_OPEN_H

#include "snapshot/graph.h"

/* Layer @k of @d: QRW_ERR_INVALID if it could not be read, QRW_ERR_REFUSED if its format is a
 * guess. What a running QEMU told of is always fine. */
int graph_check_layer(const struct graph_disk *d, size_t k, struct qmp_error *err);

/* All of @d, by an engine, which writes to the active one. The same, and QRW_ERR_UNSUPPORTED if
 * a layer is encrypted. */
int graph_check_open(const struct graph_disk *d, struct qmp_error *err);

#endif
