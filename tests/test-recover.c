/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of an operation whose client died: the plan was made for one picture, and what
 * the next client sees is another.
 */
#include "snapshot/recover.h"

#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/scene/lie.h"
#include "tests/scene/operation.h"

/* clang-format off */
static const struct {
    const char *title, *command, *before, *now;
    enum recover_verdict verdict;
    bool switched; /* the journal says that the jobs were told to switch */
} cases[] = {
    {"nothing was done yet", "create s1",
     "disk0: a", "disk0: a", RECOVER_UNDO, false},
    {"the overlay is on top", "create s1",
     "disk0: a", "disk0: a <- a.s1", RECOVER_FINISH, false},
    {"one of two overlays is on top (without a transaction)", "create s1",
     "disk0: a; disk1: b", "disk0: a <- a.s1; disk1: b", RECOVER_UNDO, false},
    {"both overlays are", "create s1",
     "disk0: a; disk1: b", "disk0: a <- a.s1; disk1: b <- b.s1", RECOVER_FINISH, false},
    {"a disk is gone", "create s1",
     "disk0: a; disk1: b", "disk0: a <- a.s1", RECOVER_UNDO, false},
    {"somebody else put another overlay on top", "create s1",
     "disk0: a", "disk0: a <- a.s1 <- x", RECOVER_UNDO, false},
    {"the overlay builds on something else", "create s1",
     "disk0: a", "disk0: x <- a.s1", RECOVER_UNDO, false},

    {"the job was never started", "commit disk0",
     "disk0: base <- a", "disk0: base <- a", RECOVER_UNDO, false},
    {"the job runs", "commit disk0",
     "disk0: base <- a", "disk0: base <- a; job qrw-commit-disk0 commit running", RECOVER_ATTACH, false},
    {"the job waits to be completed", "commit disk0",
     "disk0: base <- a", "disk0: base <- a; job qrw-commit-disk0 commit ready", RECOVER_ATTACH, false},
    {"the job ended, the disk switched", "commit disk0",
     "disk0: base <- a", "disk0: base; job qrw-commit-disk0 commit concluded", RECOVER_FINISH, false},
    {"the same, and somebody dismissed the job", "commit disk0",
     "disk0: base <- a", "disk0: base", RECOVER_FINISH, true},
    {"the job failed", "commit disk0",
     "disk0: base <- a", "disk0: base <- a; job qrw-commit-disk0 commit concluded No space left",
     RECOVER_UNDO, false},
    {"the VM was restarted on the base", "commit disk0",
     "disk0: base <- a", "disk0: base", RECOVER_DOUBT, false},
    {"the VM was restarted on the base, to which it had switched", "commit disk0",
     "disk0: base <- a", "disk0: base", RECOVER_FINISH, true},

    {"pulled up", "stream disk0 --base #base",
     "disk0: base <- a <- b", "disk0: base <- b; job qrw-stream-disk0 stream concluded",
     RECOVER_FINISH, false},
    {"still pulling", "stream disk0 --base #base",
     "disk0: base <- a <- b", "disk0: base <- a <- b; job qrw-stream-disk0 stream standby",
     RECOVER_ATTACH, false},
    {"a disk of the same chain that another client took", "stream disk0 --base #base",
     "disk0: base <- a <- b", "disk0: base <- a <- b; job qrw-stream-disk1 stream running",
     RECOVER_UNDO, false},

    {"a copy waits for a decision", "mirror disk0 /vm/c.qcow2",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror ready", RECOVER_ATTACH, false},
    {"the disk switched to the copy", "mirror disk0 /vm/c.qcow2 --pivot",
     "disk0: a", "disk0: c", RECOVER_FINISH, true},
    {"the VM was restarted on the copy, which was not whole", "mirror disk0 /vm/c.qcow2 --pivot",
     "disk0: a", "disk0: c", RECOVER_DOUBT, false},
    {"the copy was ended as a copy by hand", "mirror disk0 /vm/c.qcow2",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror concluded", RECOVER_FORGET, false},
    {"the copy ended as it should", "mirror disk0 /vm/c.qcow2 --finish",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror concluded", RECOVER_FORGET, false},
    {"the copy was cancelled", "mirror disk0 /vm/c.qcow2 --finish",
     "disk0: a", "disk0: a; job qrw-mirror-disk0 mirror concluded Operation canceled",
     RECOVER_UNDO, false},
    {"nobody knows how the copy ended", "mirror disk0 /vm/c.qcow2 --finish",
     "disk0: a", "disk0: a", RECOVER_UNDO, false},

    {"nothing was switched, nothing is being saved", "create s1 --memory=live",
     "disk0: a", "disk0: a", RECOVER_UNDO, false},
    {"switched, and the memory not begun", "create s1 --memory=live",
     "disk0: a", "disk0: a <- a.s1; paused", RECOVER_DROP, false},
    {"the memory is being saved", "create s1 --memory=live",
     "disk0: a", "disk0: a <- a.s1; migration active", RECOVER_ATTACH, false},
    {"somebody gives it up just now", "create s1 --memory=live",
     "disk0: a", "disk0: a <- a.s1; migration cancelling", RECOVER_ATTACH, false},
    {"the memory is saved", "create s1 --memory=live",
     "disk0: a", "disk0: a <- a.s1; migration completed", RECOVER_FINISH, false},
    {"it could not be saved", "create s1 --memory=live",
     "disk0: a", "disk0: a <- a.s1; migration failed", RECOVER_DROP, false},
    {"it was saved, and somebody went on without the overlay", "create s1 --memory=live",
     "disk0: a", "disk0: a; migration completed", RECOVER_UNDO, false},
    {"no tag is gone yet", "delete t1",
     "disk0: a*^t1 <- b; disk1: x^t1; inside t1", "disk0: a*^t1 <- b; disk1: x^t1", RECOVER_REPEAT,
     false},
    {"one of two is, below", "delete t1",
     "disk0: a*^t1 <- b; disk1: x*^t1 <- y; inside t1", "disk0: a* <- b; disk1: x*^t1 <- y",
     RECOVER_REPEAT, false},
    {"the job failed when one was gone", "delete t1",
     "disk0: a*^t1 <- b; disk1: x*^t1 <- y; inside t1",
     "disk0: a* <- b; disk1: x*^t1 <- y; job qrw-delete-disk0 snapshot-delete concluded No space",
     RECOVER_REPEAT, false},
    {"the job has done what was its part", "delete t1",
     "disk0: a*^t1 <- b; disk1: x^t1; inside t1",
     "disk0: a* <- b; disk1: x^t1; job qrw-delete-disk0 snapshot-delete concluded", RECOVER_REPEAT,
     false},
    {"all are, and something may be open for writing yet", "delete t1",
     "disk0: a*^t1 <- b; inside t1", "disk0: a* <- b", RECOVER_REPEAT, false},
    {"they are being removed", "delete t1",
     "disk0: a*^t1 <- b; inside t1",
     "disk0: a*^t1 <- b; job qrw-delete-disk0 snapshot-delete running", RECOVER_ATTACH, false},
    {"to go back inside is no deletion", "revert t1",
     "disk0: a^t1; inside t1", "disk0: a^t1", RECOVER_UNDO, false},

    {"a memory that is loaded shows in nothing but the disks", "revert s1",
     "disk0: base* <- a; live s1; inmigrate", "disk0: base* <- base.s1; inmigrate",
     RECOVER_FINISH, false},
};
/* clang-format on */

Test(recover, what_is_seen_decides_not_how_far_the_client_came)
{
    static const char *const words[] = {"finish", "attach", "forget", "drop",
                                        "repeat", "doubt",  "undo"};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct picture *before = picture_new(cases[i].before);
        struct picture *now = picture_new(cases[i].now);
        struct plan made, plan;

        picture_plan_as(&made, before, cases[i].command);
        made.switched = cases[i].switched;
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

/* All that is done with a journal before anything is done to QEMU or files. */
static void use(const struct plan *p, const struct graph *g)
{
    json_auto_t *commands = picture_commands(p);
    json_auto_t *jobs = plan_job_list(p, g);

    recover_decide(p, g);
    cr_expect(jobs && commands);
}

Test(recover, no_lie_in_a_journal_makes_anybody_stumble)
{
    static const char *const commands[] = {"create s2", "create s2 --memory", "revert s1",
                                           "stream disk0", "mirror disk0 /vm/c.qcow2"};
    struct picture *p = picture_new("disk0: base* <- a(named) <- b");

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct plan made, plan;
        json_t *journal;

        picture_plan_as(&made, p, commands[i]);
        json_auto_t *truth = plan_to_json(&made);
        json_object_set_new(truth, "after", json_deep_copy(p->chain.doc)); /* has its own test */
        for (size_t at = 0; (journal = lie_next(truth, &at));) {
            struct qmp_error err = {0};

            if (plan_from_json(&plan, journal, "/vm", &err)) {
                cr_expect_eq(err.kind, QRW_ERR_INVALID, "%s", err.desc);
            } else {
                use(&plan, &p->graph);
                plan_done(&plan);
            }
            json_decref(journal);
        }
        plan_done(&made);
    }
    picture_free(p);
}

/* clang-format off */
static const struct {
    const char *steps, *why;
} broken[] = {
    {"5",                                                        "no steps"},
    {"[5]",                                                      "a step that is no object"},
    {"[{}]",                                                     "a step without a kind"},
    {"[{\"step\": \"qmp\"}]",                                    "qmp: it has no command"},
    {"[{\"step\": \"qmp\", \"execute\": 5}]",                    "qmp: it has no command"},
    {"[{\"step\": \"qmp\", \"execute\": \"stop\", \"arguments\": 5}]",
     "qmp: its arguments are no object"},
    {"[{\"step\": \"job\", \"execute\": \"stop\"}]",                "job: it has no id"},
    {"[{\"step\": \"job\", \"execute\": \"stop\", \"arguments\": {\"job-id\": 1}}]",
     "job: it has no id"},
    {"[{\"step\": \"unlink\"}]",                                 "unlink: it has no file"},
    {"[{\"step\": \"rebase\", \"file\": \"a\"}]",                "rebase: it has no format"},
    {"[{\"step\": \"sync\", \"files\": [\"a\", 5]}]",            "sync: a file that is no text"},
    {"[{\"step\": \"qmp\", \"execute\": \"stop\", \"undo\": 5}]",   "undo: a step that is no object"},
    {"[{\"step\": \"qmp\", \"execute\": \"stop\", \"undo\": {}}]",  "undo: it has no command"},
    {"[{\"step\": \"qmp\", \"execute\": \"stop\", \"undo\": [{}]}]", "a step without a kind"},
    /* planted */
    {"[{\"step\": \"qmp\", \"execute\": \"quit\"}]",         "no plan of qrewind's has this quit"},
    {"[{\"step\": \"qmp\", \"execute\": \"stop\", \"undo\": {\"execute\": \"transaction\"}}]",
     "no plan of qrewind's has this transaction"},
    {"[{\"step\": \"qmp\", \"execute\": \"drive-mirror\", \"again\": true}]",
     "no plan of qrewind's has this drive-mirror"},
    {"[{\"step\": \"qmp\", \"execute\": \"blockdev-add\", \"arguments\": {\"node-name\": \"x\"}}]",
     "no plan of qrewind's has this blockdev-add"},
    {"[{\"step\": \"qmp\", \"execute\": \"blockdev-add\", \"again\": true, \"arguments\": {\"node-name\":"
     " \"qrw-x\", \"driver\": \"raw\", \"file\": {\"driver\": \"file\", \"filename\": \"/etc/passwd\"}}}]",
     "no plan of qrewind's has this blockdev-add"},
    {"[{\"step\": \"qmp\", \"execute\": \"stop\", \"undo\": [{\"step\": \"job\", \"execute\":"
     " \"block-commit\", \"arguments\": {\"job-id\": \"j\", \"device\": \"qrw-x\"}}]}]",
     "no plan of qrewind's has this block-commit"},
    {"[{\"step\": \"qmp\", \"execute\": \"stop\", \"undo\": {\"execute\": \"blockdev-reopen\","
     " \"arguments\": {\"options\": [{\"file\": {\"filename\": \"/etc/passwd\"}}]}}}]",
     "no plan of qrewind's has this blockdev-reopen"},
    {"[{\"step\": \"migration\", \"file\": \"a\", \"execute\": \"migrate\","
     " \"arguments\": {\"uri\": \"exec:sh\"}}]",
     "no plan of qrewind's has this migrate"},
    {"[{\"step\": \"qmp\", \"execute\": \"human-monitor-command\","
     " \"arguments\": {\"command-line\": \"qemu-io a \\\"write 0 1M\\\"\"}}]",
     "no plan of qrewind's has this human-monitor-command"},
};
/* clang-format on */

Test(recover, a_journal_that_makes_no_sense_is_refused_with_what_is_wrong)
{
    struct picture *p = picture_new("disk0: a");
    struct plan made, plan;

    picture_plan_as(&made, p, "create s1");
    json_auto_t *journal = plan_to_json(&made);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct qmp_error err = {0};

        json_object_set_new(journal, "steps", json_loads(broken[i].steps, JSON_DECODE_ANY, NULL));
        cr_assert_eq(plan_from_json(&plan, journal, "/vm", &err), -1, "%s", broken[i].steps);
        cr_expect(strstr(err.desc, broken[i].why), "'%s' is not in '%s'", broken[i].why, err.desc);
    }
    plan_done(&made);
    picture_free(p);
}
