/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mem: allocation that cannot fail, and cleanup attributes.
 *
 * As in GLib and QEMU, running out of memory aborts: there is no sensible way on,
 * and code that pretends otherwise is never tested. Sizes that come from outside
 * are limited before they reach these functions.
 */
#ifndef QMP_MEM_H
#define QMP_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed */
void *mem_grow(void *p, size_t n, size_t size);
char *mem_strdup(const char *s); /* NULL gives NULL */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void mem_free_cleanup(void *p);
void mem_close_cleanup(const int *fd);

#define auto_free __attribute__((cleanup(mem_free_cleanup)))
#define auto_close __attribute__((cleanup(mem_close_cleanup)))

#endif
