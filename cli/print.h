/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print: the parts of result documents that several verbs have, as text. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>
#include <stdbool.h>

/* "notes", on stderr; with @verbose also why it was done the way it was. */
void print_notes(const json_t *doc, bool verbose);

/* "plan": a step a line. */
void print_plan(const json_t *doc);

/* "kept": the files that stay, and why. */
void print_kept(const json_t *doc);

/* What jobs did: "jobs", "removed", "kept". A verb's print, or a part of it. */
void print_work(const json_t *doc, const void *args);

/* "findings", the cure for each, and how many there are. */
void print_findings(const json_t *doc);

/* One line "name      value". */
void print_field(const char *name, const char *value);

/* "undo": what one goes back to with it. New string; NULL: there is no undo point. */
char *print_undo(const json_t *doc);

/* The texts of an array, ", " between them. New string. */
char *print_join(const json_t *texts);

#endif
