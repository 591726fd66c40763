/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image-error: the operating system's refusals in words. For image*.c only. */
#ifndef SNAPSHOT_IMAGE_ERROR_H
#define SNAPSHOT_IMAGE_ERROR_H

#include "snapshot/error.h"

/* "VERB PATH: strerror(errno)", with a hint where there is something to do. Returns -1. */
int image_error(struct qmp_error *err, const char *verb, const char *path);

#endif
