/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qmp-lines: QMP objects as lines on stdin, replies and events as lines on stdout. */
#ifndef CLI_QMP_LINES_H
#define CLI_QMP_LINES_H

#include "cli/main.h"

/*
 * Connect, and serve stdin until it ended and every command is answered. What is wrong
 * with a line is answered like QEMU would, by an error line. 0, or -1 when the monitor
 * is not reached or goes.
 */
int qmp_lines(struct app *app, struct qmp_error *err);

#endif
