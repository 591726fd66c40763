/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * engine: a QEMU without a machine, which does offline what the VM's own QEMU does live.
 *
 * It has the images open, holds their locks, and is talked to through a socket that only we
 * have: every planner, job and recovery runs on it unchanged. Nothing else starts with it (no
 * machine, no display, no configuration files), and it ends with the thread that started it,
 * however that ends. qemu-storage-daemon would be smaller, but has no query-block and
 * query-status: it could not serve the same code.
 */
#ifndef SNAPSHOT_ENGINE_H
#define SNAPSHOT_ENGINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "snapshot/graph.h"

/* What its -name says: whoever finds an image in use can tell. */
#define ENGINE_NAME "qrewind"

struct engine {
    pid_t pid;
    int monitor; /* our end of the socket */
    int words;   /* a file of what it said on stderr */
    int status;  /* as from waitpid(), once it has ended */
};

/*
 * Start @program (NULL: the first fitting one in PATH) on the disks of @g, as graph-files.h
 * makes them, each of which becomes the drive "diskN". Whether it can open them shows when it
 * greets on the monitor, or hangs up.
 * QRW_ERR_UNSUPPORTED: there is no QEMU; QMP_ERR_SYSTEM.
 */
struct engine *engine_start(const char *program, const struct graph *g, struct qmp_error *err);

/* Why it could not open the images, as far as it said. New string, "": nothing. */
char *engine_words(const struct engine *e);

/* Is process @pid an engine, of whomever, or about to end? */
bool engine_is(pid_t pid);

/* Wait until process @pid has ended, @timeout_ms at most (0: for ever). Has it? */
bool engine_await(pid_t pid, int timeout_ms);

/* Wait for its end: it hung up, or will not greet. */
void engine_end(struct engine *e);

/* It hung up: how did it end, in words? New string, NULL: it has not ended. */
char *engine_fate(struct engine *e);

/* Ask it to close the images and end; when it does not, kill it. NULL is fine. */
void engine_stop(struct engine *e);

#endif
