/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offline: images in the scratch folder, and programs that work on them without a VM.
 *
 * Commands are lines: words between single spaces. What fails here fails the test.
 */
#ifndef TESTS_OFFLINE_OFFLINE_H
#define TESTS_OFFLINE_OFFLINE_H

#include <jansson.h>

#include "tests/lab/lab.h"

/* A scratch folder, and no QREWIND_SOCKET. */
void offline_enter(void);
void offline_leave(void);

/* Run the line. The caller's: lab_result_done(). */
struct lab_result offline_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* It succeeds. */
void offline_ok(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* It ends with @status, and says @words on stderr. */
void offline_fails(int status, const char *words, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* It ends with @status; the document that it prints with --json (new reference). */
json_t *offline_json(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A qcow2 image; @backing (another one) may be NULL. */
void offline_image(const char *path, const char *size, const char *backing);

/* Write, or expect, @length bytes of the value @pattern at @at of the image @path. */
void offline_write(const char *path, int pattern, const char *at, const char *length);
void offline_reads(const char *path, int pattern, const char *at, const char *length);

/* The file that disk @disk (0, …) of "qrewind @options" runs on. The caller frees. */
char *offline_active(const char *options, size_t disk);

/* The names in the folder, sorted, are @names: "a.qcow2 b.qcow2". */
void offline_files(const char *names);

/* Commands for a shell that knows qrewind; they must all succeed. */
void offline_sh(const char *commands);

/* From now on qemu-img is the shell @script, which knows the real one by that name. NULL: it is the
 * real one again. */
void offline_qemu_img(const char *script);

/* base.qcow2 <- base.s1.qcow2 <- base.s2.qcow2, snapshots s1 and s2: layer I holds the value I,
 * from 1 on, at (I - 1) MiB, and at 3 MiB. */
void offline_tower(void);

/* As if something had been interrupted that had not begun yet. */
void offline_interrupt(const char *sidecar);

#endif
