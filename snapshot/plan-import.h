/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-import: an exported snapshot, or an image of any format, becomes a chain.   PURE */
#ifndef SNAPSHOT_PLAN_IMPORT_H
#define SNAPSHOT_PLAN_IMPORT_H

#include "snapshot/plan.h"

struct import_args {
    /* A checked manifest. A file in it without a checksum is of any format, and becomes qcow2. */
    const json_t *manifest;
    const char *from; /* the folder of its files */
    const char *to;   /* the folder that is made; both absolute */
    const char *name; /* what the snapshot is called here */
};

extern const struct qrw_operation plan_import;

#endif
