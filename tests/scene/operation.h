/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * operation: planners run over pictures, from a command line, and their plans as one line.
 *
 *     picture   disk0: base <- a:1M <- b
 *     command   commit disk0 --top a
 *     plan      need unshared base, need unshared a, need space base 1M,
 *               block-commit device=#b base-node=#base top-node=#a
 *               | disk0 shows b on base | unlink a | disk0: base <- b
 *
 * Needs and steps, the promise, what follows (cleanup, kept, notes), the document afterwards;
 * empty sections are left out. A refusal is "KIND: words (hint)", the kind as in --json.
 *
 * Left unsaid, because it is checked for every plan:
 *  - a block job's job-id is "qrw-OPERATION-DISK" and auto-dismiss is false; one without another
 *    "then" waits to be finalized; what blockdev-add adds is a qcow2 node on a file, called
 * qrw-t-... in 31 bytes at most;
 *  - the recorded schemas of all releases of QEMU know every command of the plan made for that
 *    release, undo and cleanup included, and it is not deprecated;
 *  - the same arguments give the same plan, and graph and document stay as they were;
 *  - the plan survives the journal, the document afterwards survives the sidecar;
 *  - the promise is not what there is already.
 */
#ifndef TESTS_SCENE_OPERATION_H
#define TESTS_SCENE_OPERATION_H

#include "tests/scene/picture.h"

/* The plan for @command as a line, or its refusal. The caller frees. */
char *picture_plan(const struct picture *p, const char *command);

/* The plan itself; fails the test when it is refused. The caller's: plan_done(). */
void picture_plan_as(struct plan *plan, const struct picture *p, const char *command);

/* Every command that @plan may send, {"execute", "arguments"}: steps, undo, cleanup. New. */
json_t *picture_commands(const struct plan *plan);

/* A planner's table: one row is one test. */
struct picture_case {
    const char *title, *picture, *command, *plan;
};

/* Run the rows; @n of them. */
void picture_cases(const struct picture_case *cases, size_t n);

#endif
