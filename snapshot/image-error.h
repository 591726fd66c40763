/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image-error: the operating system's refusals in words, for those that look at files. */
#ifndef SNAPSHOT_IMAGE_ERROR_H
#define SNAPSHOT_IMAGE_ERROR_H

#include <dirent.h>
#include <stdbool.h>

#include "snapshot/error.h"

/* "VERB PATH: strerror(errno)", with a hint where there is something to do. Returns -1,
 * and errno is what it was. */
int image_error(struct qmp_error *err, const char *verb, const char *path);

/* Does errno @code tell of a file that it is not there, or that we may not look? Else somebody who
 * asks again may be told something else. */
bool image_is_answer(int code);

/* The next entry. NULL: no more (errno is 0), or none can be had. */
struct dirent *image_next(DIR *d);

#endif
