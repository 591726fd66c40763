/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* path: file names as strings, without looking at any file.             PURE */
#ifndef SNAPSHOT_PATH_H
#define SNAPSHOT_PATH_H

#include <stdbool.h>

/* The folder of @file, "/" and "." included. New string. */
char *path_folder(const char *file);

/* The last component, inside @file. */
const char *path_name(const char *file);

/* @file, joined to @folder where it is relative, without "." and empty parts. New string. */
char *path_join(const char *folder, const char *file);

/* @file seen from @folder: "x.qcow2" if it lies in there, else @file as it is. New string. */
char *path_relative(const char *folder, const char *file);

/* The same across folders that lie in a common one: "../two/x.qcow2". Both are whole. New string;
 * NULL: they have but "/" in common. */
char *path_across(const char *folder, const char *file);

/* @file, whole, without "..", by name alone: what it means where no folder is a link. New string.
 */
char *path_climb(const char *file);

/* The name without folder and last extension: "disk" of "/a/disk.qcow2". New string. */
char *path_stem(const char *file);

/* @value as QEMU's options take it, where a comma is written twice. New string. */
char *path_escape(const char *value);

/* @word as a shell takes it in a command that a hint shows: in quotes where it needs them. New
 * string. */
char *path_quote(const char *word);

/* The same of an image that --image names, with the header of qcow2 (@qcow2): "qcow2:…" where its
 * name does not say so; not where that says that it is raw, whose beginning a guest writes. New
 * string. */
char *path_image(const char *file, bool qcow2);

/* The same as the last word of such a command, also where it looks like an option: "-- -n". */
char *path_argument(const char *word);

/* Does @file end in @tail, with something before that? */
bool path_ends(const char *file, const char *tail);

#endif
