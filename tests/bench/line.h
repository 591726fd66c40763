/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * line: a monitor socket read line by line and written as it comes, with nothing
 * parsed, and figures written down. What the floor and the probes are made of.
 *
 * Only measuring programs use this: a failure ends the program.
 */
#ifndef TESTS_BENCH_LINE_H
#define TESTS_BENCH_LINE_H

#include <stddef.h>

struct line {
    int fd;
    char *buf;
    size_t size, len, at; /* bytes there is room for, read, and handed out */
};

/* Connect to the unix socket @path. */
void line_open(struct line *l, const char *path);
void line_close(struct line *l);

void line_send(struct line *l, const char *text, size_t len);

/* The next line without its end, terminated; valid until the next call. */
char *line_read(struct line *l);

/* Read until a line contains @text. */
void line_await(struct line *l, const char *text);

/* The greeting has been read and the capabilities negotiated. */
void line_negotiate(struct line *l);

/* A socket that listens at @path; so many may wait to be accepted. */
int line_listen(const char *path, int backlog);

/* Milliseconds of CLOCK_MONOTONIC. */
double line_now(void);

/* Add a line of figures to @file, as row.awk reads them: LABEL MS KIB MS. */
void line_note(const char *file, const char *label, double ms, long kib, double stall);

#endif
