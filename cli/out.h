/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * out: what leaves the program: lines of text, JSON documents, errors, exit codes.
 *
 * Data goes to stdout, everything else to stderr. Whatever is printed through here
 * cannot steer a terminal.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <jansson.h>
#include <stdio.h>

#include "qmp/error.h"

/* One line: formatted, made safe as a whole, and ended. */
void out_line(FILE *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* @doc as one line of JSON. */
void out_json(FILE *f, const json_t *doc);

/* @doc as JSON over several lines, for people. */
void out_json_pretty(FILE *f, const json_t *doc);

/* {"ok":true, …members of @doc…} on stdout. */
void out_result(const json_t *doc);

/* A text on stderr; with @json as {"note": …}. */
void out_note(bool json, const char *text);

/* The failure of @verb (NULL: of none): on stderr, or with @json as the document on stdout. */
void out_error(bool json, const char *verb, const struct qmp_error *err);
/* What that would print. New string. */
char *out_error_text(bool json, const char *verb, const struct qmp_error *err);

/* check found something wrong; the check itself went well. */
enum { EXIT_FINDINGS = 9 };

/* The exit code that stands for an error's kind (design.md §7). */
int out_exit_code(int kind);

#endif
