/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner: carries a plan out, one step after the other, and takes it back on failure.
 *
 *   steps  ──all done──> RUN_DONE
 *     │  └──a job left to itself──> RUN_LEFT         `pending` stands, the job goes on
 *     ├──refused, failed──> undo in reverse──> QRW_ERR_FAILED
 *     └──connection lost──> QRW_ERR_UNKNOWN          `pending` stands
 *
 * Commands that can be taken back are sent, and while QEMU reads them the steps go on that
 * touch files; one that cannot goes alone, after everything before it has succeeded.
 */
#ifndef SNAPSHOT_RUNNER_H
#define SNAPSHOT_RUNNER_H

#include "qmp/client.h"
#include "snapshot/image.h"
#include "snapshot/plan.h"
#include "snapshot/vm.h"

struct ask;
struct quiesce;

struct runner {
    struct qmp_client *client;
    const bool *stop; /* the user wants to wait no longer */
    bool no_wait;     /* leave jobs alone once they are started */
    bool offline;     /* a job that is not waited for ends with us: it is taken back */
    int wait_ms;      /* how long to wait for jobs, 0: as long as it takes */
    bool files_reachable;
    bool same;   /* this is the QEMU that it was begun with, for certain */
    uid_t owner; /* of the sidecar: only this one's files are removed; 0: anybody's */
    pid_t pid;   /* QEMU's, 0: unknown */
    const struct qrw_options *options; /* whom to tell: progress, notes */
    /* called while QEMU works (@switches: at jobs that will be told to switch, and it is called
     * once), and before such jobs are told, so that the journal has it; NULL: no journal */
    void (*meanwhile)(void *journal, bool switches);
    int (*switching)(void *journal, struct qmp_error *err);
    /* is what was read what is recorded still? NULL: that is certain */
    int (*unchanged)(void *journal, struct qmp_error *err);
    void *journal;
    /* adds the question for the disks, which the end of a job has changed, to the one for the jobs;
     * returns its index. Its answer replaces what the graph holds. NULL: nobody needs it */
    size_t (*ask_disks)(void *arg, struct ask *a);
    int (*look)(void *arg); /* what the graph holds becomes what is true now; -1: it is as it was */
    void *graph_arg;        /* of both */
    bool disks_asked;       /* out: that was the last that happened */
    bool ran;               /* all steps of the plan were taken by us, and QEMU is the same */
    int64_t stopped_us;     /* when the guest was stopped by us, 0: it was not */
    int64_t pause_us;       /* out: how long the command took that cannot be taken back */
    json_t *jobs;           /* out: an array, how the jobs were seen last */
    struct quiesce *quiesce; /* while the guest is frozen */
    int64_t frozen_us;       /* out: how long it was */
    bool unquiesced;         /* out: it had to be until the snapshot was taken, and was not */
    int workspace;           /* the locked folder of an export, -1: none; closed by the owner */
    json_t *files;           /* out: what an export made, NULL: none */
};

enum run_end { RUN_DONE, RUN_LEFT };

/*
 * Carry out the steps of @p. @attach: its jobs run already, go on from them.
 * Returns enum run_end, or -1: QRW_ERR_FAILED (undone: nothing has changed), QRW_ERR_UNSUPPORTED
 * (the same, and trying again does not help), QMP_ERR_CONNECT or QMP_ERR_USAGE (the same: the agent
 * is not reached),
 * QRW_ERR_UNKNOWN (the connection went in the middle), QRW_ERR_WAITING (stopped
 * waiting; the job goes on).
 */
int runner_run(struct runner *r, struct plan *p, bool attach, struct qmp_error *err);

/* Do again what @p marks so: a later client found in @g the goal reached, but the guest not
 * going. */
int runner_again(struct runner *r, struct plan *p, const struct graph *g, struct qmp_error *err);

/*
 * Take back what an earlier client told QEMU of @p, as far as @g shows that it did; then,
 * with @g as it is afterwards, the files that it made. What holds data that nobody else
 * has is kept, and noted in the plan's result.
 */
int runner_undo(struct runner *r, struct plan *p, const struct graph *g, struct qmp_error *err);
/* Has all of that been taken back, which @g was looked at after? QRW_ERR_UNKNOWN. Of another QEMU
 * than it was begun with nothing is said. */
int runner_check_undone(const struct runner *r, const struct plan *p, const struct graph *g,
                        struct qmp_error *err);
void runner_undo_files(struct runner *r, struct plan *p, const struct graph *g);

/* Tell QEMU to dismiss the jobs and to close the nodes that the new state does not need. What that
 * returns is for the next function: */
struct ask *runner_close(struct runner *r, const struct plan *p);
/* Wait until QEMU has done so (@closing, taken), and remove the files, and tags from images, which
 * QEMU may have open (@g). What had to be left is noted in the result; only a lost connection is an
 * error. */
int runner_cleanup(struct runner *r, struct plan *p, struct ask *closing, const struct graph *g,
                   struct qmp_error *err);

/* ---- runner-jobs.c ---- */

/* Run @n job steps together; @attach: they were started before. As runner_run(). */
int runner_jobs(struct runner *r, const json_t *const *steps, size_t n, bool attach,
                struct qmp_error *err);

/* End the jobs of @p that still run, by force, and wait for their end. */
int runner_cancel_jobs(struct runner *r, const struct plan *p, struct qmp_error *err);

/* ---- runner-cleanup.c ---- */

/* Make QEMU forget the ended jobs of @p. */
void runner_dismiss(struct runner *r, const struct plan *p);
/* The same among other questions. A job whose end @p promises is the proof that the goal is
 * reached: it is left, until that is recorded, unless @promised. */
void runner_add_dismissals(struct ask *a, const struct plan *p, bool promised);
/* The one that the step @job started. */
void runner_dismiss_one(struct runner *r, const json_t *job);

/* ---- runner-undo.c ---- */

/* Take the @step of @p back by what it says: a command, or several steps: commands, and jobs to
 * run. A tag whose image does not show what it holds ("shows") is kept, and noted: then it is not
 * taken back, and false is returned. @g: what another QEMU may call the images (NULL: it is the
 * one that it was done in). */
bool runner_send_undo(struct runner *r, struct plan *p, const json_t *step, const struct graph *g);

/* Close the nodes that @p has opened, those that nothing uses. */
void runner_close_nodes(struct runner *r, struct plan *p);

/* Run this job, which is none of the plan's, to its end. -1: it has not ended well. */
int runner_job_aside(struct runner *r, const json_t *job, struct qmp_error *err);

/* ---- runner-untag.c ---- */

/* Remove the internal snapshot @tag from the image @file, as @g has that open, and its nodes. One
 * that is gone already is no failure. */
int runner_untag(struct runner *r, const struct plan *p, const char *file, const char *tag,
                 const struct graph *g, struct qmp_error *err);

/* QEMU makes the tags of a snapshot one after the other: take out those that @p, a create that did
 * not get to its end, has come to. */
void runner_untag_made(struct runner *r, const struct plan *p, const struct graph *g);

/* The same of all that @p, which does nothing else, has to remove. -1: at least one stays, and why
 * the first does. */
int runner_untag_rest(struct runner *r, const struct plan *p, const struct graph *g,
                      struct qmp_error *err);

/* ---- runner-reset.c ---- */

/* Reset the guest, also where QEMU was told to end then. */
int runner_reset(struct runner *r, struct qmp_error *err);
/* Was QEMU, process @pid (0: unknown), told to end when the guest is reset? */
bool runner_reset_ends(pid_t pid);
/* Send a @command (takes @arguments) beside the steps, whoever interrupts; a reset is one as above.
 */
int runner_tell(struct runner *r, const char *command, json_t *arguments, struct qmp_error *err);
/* The same of a plan's @step, or of an undo. */
int runner_tell_step(struct runner *r, const json_t *step, struct qmp_error *err);
/* Before the @step of an earlier client, if it loads a memory, is done again: as
 * plan_memory_ready(). */
void runner_ready(struct runner *r, const json_t *step, const struct graph *g);

/* ---- runner-unload.c ---- */

/* Did an earlier client's load of internal snapshots, as @p says, leave disks of two times in @g,
 * and no job that tells of it? Then load into them what they showed before, and reset a guest
 * that has seen them. */
void runner_unload(struct runner *r, const struct plan *p, const struct graph *g);

/* Has it worked? QRW_ERR_UNKNOWN: it has not, and no guest has written anything since; so it can be
 * tried again. */
int runner_is_unloaded(const struct runner *r, const struct plan *p, const struct graph *g,
                       struct qmp_error *err);

/* ---- runner-migration.c ---- */

/* The guest has been told to stop, and a migration is to save its memory: see that it is 'paused',
 * and nothing else. @ours becomes false where something else has stopped it before. */
int runner_settle(struct runner *r, bool *ours, struct qmp_error *err);

/* Save or load the memory by a migration, and see that the guest goes on after a save.
 * @attach: an earlier client has begun it. As runner_run(). */
int runner_migration(struct runner *r, const json_t *step, bool attach, struct qmp_error *err);

/* ---- runner-quiesce.c ---- */

/* Freeze, or thaw. What did not go well fails where the step requires it, else it is a note in the
 * plan's result. */
int runner_quiesce_step(struct runner *r, struct plan *p, const json_t *step,
                        struct qmp_error *err);

/* Thaw if the guest is frozen: the operation has failed. */
void runner_thaw(struct runner *r);

/* Thaw what the earlier client that began @p may have left frozen. */
void runner_thaw_left(struct runner *r, const struct plan *p);

/* ---- runner-rebase.c ---- */

/* A step that merges layers into an image. QRW_ERR_UNKNOWN: it has failed, and what the header
 * names is not what the image needs; else a failure has changed nothing. */
int runner_rebase(struct runner *r, const json_t *step, struct qmp_error *err);

/* Has @p, which was interrupted, merged layers, and removed the first of them already? */
bool runner_has_rebased(const struct plan *p);

/* Let the images of such steps be backed by what they were, whatever was copied. */
int runner_undo_rebase(const struct plan *p, struct qmp_error *err);

/* ---- runner-files.c ---- */

/* One step that only touches files. QMP_ERR_USAGE: no such kind of step. */
int runner_file_step(struct runner *r, const json_t *step, struct qmp_error *err);

/* What came and went in the folders of @files (paths) is so after a power cut, too. */
int runner_sync_folders(const json_t *files, struct qmp_error *err);

/* Remove what the step of @p made. @g NULL: this client made it just now; else only if it holds
 * nothing of use and no node of @g names it. Notes in the result what had to stay. @p NULL: of no
 * plan, nothing is noted. */
void runner_file_undo(struct runner *r, struct plan *p, const json_t *step, const struct graph *g);

/* What of @p was removed so stays so after a power cut: to be called before the record that does
 * not know of it. */
void runner_sync_undone(const struct runner *r, const struct plan *p);

#endif
