/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-held: who has a node open besides the device?                   PURE */
#ifndef SNAPSHOT_GRAPH_HELD_H
#define SNAPSHOT_GRAPH_HELD_H

#include <jansson.h>

/* The uppermost of the nodes that build on @node, as the answer to x-debug-query-block-graph says:
 * borrowed from @reply. NULL: none does. */
const char *graph_held_by(const json_t *reply, const char *node);

#endif
