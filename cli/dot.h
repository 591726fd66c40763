/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dot: disks and their layers as a graph for graphviz, on stdout. */
#ifndef CLI_DOT_H
#define CLI_DOT_H

#include <jansson.h>

/* @disks: as in the document of qrw_chain(). */
void dot_print(const json_t *disks);

#endif
