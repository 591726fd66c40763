/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain-check: is a document from outside one that chain can work on?   PURE */
#ifndef SNAPSHOT_CHAIN_CHECK_H
#define SNAPSHOT_CHAIN_CHECK_H

#include <jansson.h>

#include "qmp/error.h"

/*
 * Check shape and references of @doc in @folder: version, every member's type, every layer
 * that is named exists, no layer backs itself in a circle, no two of them have one file, no
 * two snapshots one name.
 * QRW_ERR_INVALID says which member is wrong, QRW_ERR_UNSUPPORTED that a newer
 * version wrote it.
 */
int chain_check(const char *folder, const json_t *doc, struct qmp_error *err);

#endif
