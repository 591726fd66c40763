/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine-find: which QEMU works offline. */
#ifndef SNAPSHOT_ENGINE_FIND_H
#define SNAPSHOT_ENGINE_FIND_H

#include "snapshot/error.h"

/*
 * The absolute path of a QEMU: @wanted (a path, or a name in PATH), or where that is NULL the
 * one for this machine, or any one: which guests it could run does not matter. New string, NULL
 * with QRW_ERR_UNSUPPORTED.
 */
char *engine_find(const char *wanted, struct qmp_error *err);

#endif
