/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process: run a program and wait for it on a loop.
 *
 * There is no shell, and nothing is inherited but what is said here and the environment.
 * Other work on the same loop goes on meanwhile.
 */
#ifndef SNAPSHOT_PROCESS_H
#define SNAPSHOT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "snapshot/error.h"

struct event_base;

struct process {
    const char *const *argv; /* [0] is looked for in PATH; NULL at the end */
    int input;               /* becomes its stdin: a descriptor, -1: /dev/null */
    struct event_base *base;
    const bool *stop; /* once true, it is ended; NULL: never */
    bool is_strict;   /* it has failed, too, when it says anything but a warning on stderr */

    /* What it says on stdout, a line at a time, ended by \n or \r. May be NULL. */
    void (*heard)(const char *line, void *arg);
    /* Called a few times a second. May be NULL. */
    void (*tick)(void *arg);
    void *arg;
};

/*
 * Returns 0 when it ends with exit status 0, else -1:
 * QRW_ERR_UNSUPPORTED: it could not be started, what to install the caller may add;
 * QRW_ERR_FAILED: with the last line that it wrote to stderr;
 * QMP_ERR_CANCELLED: it was ended because of @stop.
 * In every case it has ended.
 */
int process_run(const struct process *p, struct qmp_error *err);

/* The same. *@said: the first @max bytes of what it wrote to stdout, also where it failed. New
 * string. */
int process_read(const struct process *p, size_t max, char **said, struct qmp_error *err);

#endif
