/* SPDX-License-Identifier: GPL-2.0-or-later */
/* globals: the options that stand before or after any verb. */
#ifndef CLI_GLOBALS_H
#define CLI_GLOBALS_H

#include <stdbool.h>

#include "cli/opt.h"
#include "snapshot/vm.h"

struct globals {
    const char *socket, *agent, *sidecar, *trace;
    qrw_strings images;
    int timeout_ms;
    bool json, dry_run, quiet, verbose, insecure, help, version;
};

/* Those that not every verb takes. */
enum {
    GLOBAL_SOCKET = 1 << 0,
    GLOBAL_AGENT = 1 << 1,
    GLOBAL_IMAGE = 1 << 2,
    GLOBAL_SIDECAR = 1 << 3,
    GLOBAL_TIMEOUT = 1 << 4,
    GLOBAL_DRY_RUN = 1 << 5,
    GLOBAL_TRACE = 1 << 6,
    GLOBAL_INSECURE = 1 << 7,

    TAKES_MONITOR = GLOBAL_SOCKET | GLOBAL_TIMEOUT | GLOBAL_TRACE | GLOBAL_INSECURE,
    TAKES_VM = TAKES_MONITOR | GLOBAL_SIDECAR | GLOBAL_IMAGE,
    TAKES_VM_AND_CHANGES = TAKES_VM | GLOBAL_DRY_RUN,
};

extern const struct opt globals_opts[];

#endif
