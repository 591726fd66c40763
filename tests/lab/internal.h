/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the lab share.
 */
#ifndef TESTS_LAB_INTERNAL_H
#define TESTS_LAB_INTERNAL_H

#include "tests/lab/lab.h"

/* In QEMU, before it starts: the listening sockets that it takes over. */
enum { LAB_PROGRAM_FD = 100, LAB_TEST_FD = 101 };

/* A growing argument vector. */
struct lab_args {
    char **v;
    size_t n;
};

void lab_add(struct lab_args *args, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lab_args_done(struct lab_args *args);

/* QEMU, its machine with @mib of memory, and both monitors. */
void lab_add_machine(struct lab_args *args, const char *mib);

/* Make the images that @o asks for in @folder, and their drives and devices. */
void lab_add_disks(struct lab_args *args, const char *folder, const struct lab_options *o);

/* Bind @folder/@name, listen, as descriptor @fd. In the child: prints and _exits. */
void lab_listen(const char *folder, const char *name, int fd);
void lab_monitor_open(struct lab *lab);
void lab_monitor_close(struct lab *lab);

#endif
