/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * survey: what the files of a VM are like, as one value: what check compares.
 *
 * Every layer of the document and of the graph, the memories, whatever their headers lead to,
 * and what else lies in those folders: looked at once, by reading headers. Nothing is changed,
 * no lock is taken, no format is guessed, nothing is opened for writing.
 *
 *   {"sidecar": FILE, "mode": 0600, "holder": "pid 12 (qrewind)", "leftovers": [FILE],
 *    "sidecars": {OTHER: {IMAGE: {"ours", "active"}}},
 *    "named": the same of those that are not called so: copies, perhaps
 *    "names": {OTHER: how many snapshots that has},
 *    "away": {LINK: SIDECAR},                  beside images: to sidecars that are not there
 *    "pointers": {LINK: true},                 by vm-check.c: those that the document needs
 *    "gone": {FOLDER: true | false},            by survey_away(): is it not there, or empty?
 *    "live": true,                             by vm-check.c, of a VM that runs
 *    "nodes": [NAME], "opened": {FILE: true},  by vm-opened.c, of one that nothing works on
 *    "restarted": true,                        the same: since what is pending was begun
 *    "unrecorded": true,                       the same: there is no sidecar
 *    "unread": true,                           a header may name any of the files
 *    "files": {FILE: {"id", "size", "mtime_ns", "inode", "mode", "link", "problem",
 *                     "memory": true | false,                 of what is called as one of ours
 *                     "born_ns",                        of a top that the document does not have
 *                     "backing", "backing_format", "leads",                  of a qcow2 image:
 *                     "virtual", "corrupt", "empty", "tags": [NAME], "user", "data",
 *                     "sha256", "damage", "leaks"}}}                         SURVEY_DEEP
 *
 * A file that is not among them is not there. Each has one name: the one that the document
 * has for it, if any. `leads` is where its backing string leads, in such a name (also of the
 * formats of foreign.h); `data` the data file, in such a
 * name, or a relative one that is not found; `link` what the name is a link to. The mode of what is
 * no file and no disk is nobody's business: 0.
 */
#ifndef SNAPSHOT_SURVEY_H
#define SNAPSHOT_SURVEY_H

#include <jansson.h>

#include "snapshot/chain.h"
#include "snapshot/graph.h"

/*
 * Look at the files of @c, whose sidecar is @sidecar (NULL: it has none), and of @g, which may
 * be empty. New reference; NULL: the system could not be asked what there is, as @err says.
 */
json_t *survey_take(const struct chain *c, const struct graph *g, const char *sidecar,
                    struct qmp_error *err);

/* Add which folders that @c names are away. */
void survey_away(json_t *survey, const struct chain *c);

/*
 * Add what only the whole of each file tells, which takes as long as reading them: the hash of
 * what is frozen, and what qemu-img check finds in images that nobody writes to. Of @r the
 * loop, the progress and the stop are used. QMP_ERR_CANCELLED; QRW_ERR_UNSUPPORTED: a program
 * is missing.
 */
struct runner;
int survey_deepen(json_t *survey, const struct chain *c, const struct runner *r,
                  struct qmp_error *err);

#endif
