/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mend-record: the mends of mend.h that only change the document.       PURE */
#ifndef SNAPSHOT_MEND_RECORD_H
#define SNAPSHOT_MEND_RECORD_H

#include <jansson.h>
#include <stdbool.h>

#include "snapshot/chain.h"
#include "snapshot/graph.h"

/* Change @c as @mend says. False: that is none for the record. */
bool mend_record(struct chain *c, const struct graph *g, const json_t *mend);

#endif
