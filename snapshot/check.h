/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check: what is wrong with a VM's images, and what would mend it.      PURE
 *
 *   document ──┐
 *   survey ────┼──> findings: [{code, severity, subject, text, repair, ask, mend}]
 *   graph ─────┘
 *
 * Three things are compared: what the sidecar records, what the files and their headers
 * show (survey.h), and what QEMU has, if it runs. The headers are read by us and by no
 * engine: a chain that QEMU cannot open is what this is for.
 *
 * `code` is a stable word, of which qrewind(1) has the table; `severity` "error" (data is
 * missing or will be damaged), "warning" or "notice"; `repair` says what repair would do,
 * null: nothing. With `ask` it does that only when told so (--yes). `mend` is what carries
 * it out (mend.h), and is not for the user.
 */
#ifndef SNAPSHOT_CHECK_H
#define SNAPSHOT_CHECK_H

#include "snapshot/operations.h"
#include "snapshot/plan.h"

/*
 * Compare. Where no QEMU runs the graph is what the headers show (graph-files.h); then it is not
 * tried whether snapshots can be gone back to. New reference: an array, in an order
 * in which the findings can be mended.
 */
json_t *check_findings(const struct scene *s, const json_t *survey);

/* Has the file @entry of a survey the size and time that are remembered of @layer? */
bool check_fits(const json_t *layer, const json_t *entry);

/* Is there a finding that has the code @code? */
bool check_knows(const char *code);

/* Is there one of @findings about @subject? */
bool check_is_told(const json_t *findings, const char *subject);

/* Of @findings (NULL: none) only those with the codes @only are to be mended; NULL: all but those
 * that want to be named so. What is pending comes before them. */
void check_choose(json_t *findings, qrw_strings only);

/* One finding by hand, for what keeps @s from being there at all. New reference. */
json_t *check_finding(const char *code, const char *subject, const char *text);

#endif
