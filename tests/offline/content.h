/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * content: two disks with snapshots, of which each layer's content can be told; and a memory.
 *
 * Byte 8 k MiB of disk d is 10 d + k once layer k was written; which bytes are there tells what a
 * layer shows, as a mask.
 */
#ifndef TESTS_OFFLINE_CONTENT_H
#define TESTS_OFFLINE_CONTENT_H

#include <stdbool.h>

struct lab;

/* What there is before: a, b <- s1 <- s2 [i1], and after the operation @more (may be NULL). */
void content_prepare(const char *more);

/* The same with m1, which has a memory, on top: [i1] <- m1, and after the operations @more (parted
 * by "; "; may be NULL). False: this QEMU cannot save one. */
bool content_prepare_memory(const char *more);

/* A virtual machine's QEMU on the disks, whose active layers are a.TAG.qcow2 and b.TAG.qcow2. */
struct lab *content_run(const char *tag);

/* What lies there as m1's memory is whole. (To load it QEMU writes to it.) */
void content_keep_memory(void);

/* Every snapshot shows what it did, and its memory is whole; the disks show the same of both: what,
 * as a mask; -1: no. */
int content_check(const char *where);

/* The memory in @file is byte for byte one that was kept. */
bool content_is_memory(const char *file);

/* What the image @file of disk @d (0: a, 1: b) shows; -1: it cannot be read, or what never was. */
int content_shows(const char *file, int d);

/* Nothing is pending, and no file is there that nobody knows. */
bool content_check_files(const char *where);

#endif
