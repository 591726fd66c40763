/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loopback: is what a name was resolved to this very host? */
#ifndef QMP_LOOPBACK_H
#define QMP_LOOPBACK_H

#include <stdbool.h>

#include "qmp/error.h"

struct sockaddr;

/*
 * May we talk to @where, which @text (the user's) was resolved to? What goes over the wire is
 * neither encrypted nor authenticated: only to this very host, 127.0.0.0/8 and ::1, unless
 * @insecure. QMP_ERR_USAGE
 */
int loopback_check(const struct sockaddr *where, const char *text, bool insecure,
                   struct qmp_error *err);

#endif
