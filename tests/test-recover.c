/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of an operation whose client died: the plan was made for one picture, and what
 * the next client sees is another.
 */
#include "snapshot/recover.h"

#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "tests/scene/operation.h"

/* clang-format off */
static const struct {
    const char *title, *command, *before, *now;
    enum recover_verdict verdict;
} cases[] = {
    {"nothing was done yet", "create s1",
     "disk0: a", "disk0: a", RECOVER_UNDO},
    {"the overlay is on top", "create s1",
     "disk0: a", "disk0: a <- a.s1", RECOVER_FINISH},
    {"one of two overlays is on top (without a transaction)", "create s1",
     "disk0: a; disk1: b", "disk0: a <- a.s1; disk1: b", RECOVER_UNDO},
    {"both overlays are", "create s1",
     "disk0: a; disk1: b", "disk0: a <- a.s1; disk1: b <- b.s1", RECOVER_FINISH},
    {"a disk is gone", "create s1",
     "disk0: a; disk1: b", "disk0: a <- a.s1", RECOVER_UNDO},
    {"somebody else put another overlay on top", "create s1",
     "disk0: a", "disk0: a <- a.s1 <- x", RECOVER_UNDO},
    {"the overlay builds on something else", "create s1",
     "disk0: a", "disk0: x <- a.s1", RECOVER_UNDO},

    {"the job was never started", "commit disk0",
     "disk0: base <- a", "disk0: base <- a", RECOVER_UNDO},
    {"the job runs", "commit disk0",
     "disk0: base <- a", "disk0: base <- a; job qrw-commit-disk0 commit running", RECOVER_ATTACH},
    {"the job waits to be completed", "commit disk0",
     "disk0: base <- a", "disk0: base <- a; job qrw-commit-disk0 commit ready", RECOVER_ATTACH},
    {"the job ended, the disk switched", "commit disk0",
     "disk0: base <- a", "disk0: base; job qrw-commit-disk0 commit concluded", RECOVER_FINISH},
    {"the same, and somebody dismissed the job", "commit disk0",
     "disk0: base <- a", "disk0: base", RECOVER_FINISH},
    {"the job failed", "commit disk0",
     "disk0: base <- a", "disk0: base <- a; job qrw-commit-disk0 commit concluded No space left",
     RECOVER_UNDO},
    {"the VM was restarted on the base", "commit disk0",
     "disk0: base <- a", "disk0: base", RECOVER_FINISH},

    {"pulled up", "stream disk0 --base #base",
     "disk0: base <- a <- b", "disk0: base <- b; job qrw-stream-disk0 stream concluded",
     RECOVER_FINISH},
    {"still pulling", "stream disk0 --base #base",
     "disk0: base <- a <- b", "disk0: base <- a <- b; job qrw-stream-disk0 stream standby",
     RECOVER_ATTACH},
    {"a disk of the same chain that another client took", "stream disk0 --base #base",
     "disk0: base <- a <- b", "disk0: base <- a <- b; job qrw-stream-disk1 stream running",
     RECOVER_UNDO},

    {"a copy waits for a decision", "mirror disk0 /vm/c.qcow2",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror ready", RECOVER_ATTACH},
    {"the disk switched to the copy", "mirror disk0 /vm/c.qcow2 --pivot",
     "disk0: a", "disk0: c", RECOVER_FINISH},
    {"the copy was ended as a copy by hand", "mirror disk0 /vm/c.qcow2",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror concluded", RECOVER_FORGET},
    {"the copy ended as it should", "mirror disk0 /vm/c.qcow2 --finish",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror concluded", RECOVER_FORGET},
    {"the copy was cancelled", "mirror disk0 /vm/c.qcow2 --finish",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror concluded Operation canceled",
     RECOVER_UNDO},
    {"nobody knows how the copy ended", "mirror disk0 /vm/c.qcow2 --finish",
     "disk0: a", "disk0: a", RECOVER_UNDO},
};
/* clang-format on */

Test(recover, what_is_seen_decides_not_how_far_the_client_came)
{
    static const char *const words[] = {"finish", "attach", "forget", "undo"};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *before = picture_new(cases[i].before);
        struct picture *now = picture_new(cases[i].now);
        struct plan made, plan;

        picture_plan_as(&made, before, cases[i].command);
        json_auto_t *journal = plan_to_json(&made);
        cr_assert_eq(plan_from_json(&plan, journal, "/vm", NULL), 0);
        enum recover_verdict verdict = recover_decide(&plan, &now->graph);
        cr_expect_eq(verdict, cases[i].verdict, "%s: %s", cases[i].title, words[verdict]);

        plan_done(&made);
        plan_done(&plan);
        picture_free(before);
        picture_free(now);
    }
}
