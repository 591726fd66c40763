/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema: what the commands of four releases of QEMU take, as QEMU itself said.
 *
 * tests/schema/5.2.json and its brothers hold the greeting and a reduced form of
 * query-qmp-schema: every command, and the types that arguments are made of.
 *
 *     "commands": {"block-commit": "12", "drive-backup": "!40"}
 *     "types":    {"12": {"members": {"device": "str", "job-id": "?str", "base": "?!str"}},
 *                  "13": {"members": {…}, "tag": "driver", "variants": {"qcow2": "14"}},
 *                  "15": {"enum": ["full", "top"]},
 *                  "16": {"array": "12"},  "17": {"one-of": ["13", "str"]}}
 *
 * "?" marks what may be left out, "!" what is deprecated. The names of types mean
 * nothing and differ between releases. make record-schema writes the files anew.
 */
#ifndef TESTS_SCHEMA_SCHEMA_H
#define TESTS_SCHEMA_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/* "5.2", "7.2", "10.0", "11.1", NULL. */
extern const char *const schema_releases[];

/*
 * What is wrong with @command ({"execute": …, "arguments": …}) for @release: no such
 * command or argument, one missing, a value of the wrong type or unknown, anything
 * deprecated; nested objects (blockdev-add, transaction) included. The caller frees
 * the text. NULL: nothing.
 */
char *schema_check(const char *release, const json_t *command);

/* Has @release the command? */
bool schema_has(const char *release, const char *command);

/* The recorded greeting, as it came (borrowed). */
const json_t *schema_greeting(const char *release);

/* The reduced form, from the greeting and the return of query-qmp-schema (borrowed). */
json_t *schema_reduce(json_t *greeting, json_t *entries);

/* The file of @release (borrowed; read once). */
const json_t *schema_load(const char *release);

#endif
