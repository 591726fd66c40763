/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-private: what the vm*.c files share. */
#ifndef SNAPSHOT_VM_PRIVATE_H
#define SNAPSHOT_VM_PRIVATE_H

#include <time.h>

#include "snapshot/plan.h"
#include "snapshot/runner.h"
#include "snapshot/vm.h"

struct engine;

struct qrw_vm {
    struct qrw_options options; /* strings borrowed from the fields below */
    char *sidecar_option;
    bool offline;           /* there is no VM, */
    struct engine *engine;  /* but an engine, once something is to be changed; */
    json_t *drives;         /* of its disks, in order: {"id", "told"} */
    json_t *dead;           /* vm-dead.h: what it could not open, in that order, or null */
    char *sidecar_found;    /* by vm_observe_files() */
    struct qmp_error doubt; /* by the same: where the guest was cannot be told */
    char **climbed;         /* the images that vm_climb() came to, NULL at the end */
    struct qmp_client *client;
    bool stop;   /* qrw_interrupt() was called */
    bool deaf;   /* never mind: what is done is looked at, and recorded */
    int wait_ms; /* how long to wait for jobs, 0: as long as it takes */
    char *cwd;   /* ours */

    /* from the last vm_observe() */
    struct graph graph;
    struct timespec observed; /* when that began: a CLOCK_REALTIME */
    bool locked;              /* a journal of ours is open: the sidecar's lock is ours */
    bool stale;               /* something was done since that may have changed it */
    json_t *names; /* what disks without a name are called, by their place in the machine */
    struct machine machine; /* from the last vm_observe_machine() */
    struct ask *asked;      /* what it waits for, NULL: nothing was asked ahead */
    struct ask *nodes;      /* what vm_observe_nodes() will wait for, NULL: nothing */
    bool files_reachable;
    bool strange;  /* QEMU's file names are here, and mean other files: no sidecar is looked for */
    uid_t owner;   /* of the last sidecar that was loaded; see struct chain */
    pid_t pid;     /* QEMU's, 0: unknown */
    char *process; /* its image_process_id(), NULL: unknown */

    struct plan before; /* in a dry run: the last plan that could be foretold, or all zero */

    char *agent;               /* from the last vm_observe_agent(): its address, NULL: … */
    struct qmp_error no_agent; /* … why not */
};

/* Ask QEMU what it has, as deep as @level. The errors of the connection are found here. */
int vm_observe(struct qrw_vm *vm, enum graph_level level, struct qmp_error *err);
/* The same in two parts: while QEMU still answers about the nodes, there is time for the sidecar.
 */
int vm_observe_first(struct qrw_vm *vm, enum graph_level level, struct qmp_error *err);
int vm_observe_nodes(struct qrw_vm *vm, struct qmp_error *err);

/* Look at the disks again; the status and the jobs stay as they were seen last. @asked: the
 * answer is there, by the following. */
int vm_observe_disks(struct qrw_vm *vm, bool asked, struct qmp_error *err);
/* Among other questions; returns its index. */
size_t vm_ask_disks(void *vm, struct ask *a);
int vm_look_again(void *vm);

/* Ask how the migration into @file stands; NULL: there is none to be asked for. */
int vm_observe_migration(struct qrw_vm *vm, const char *file, struct qmp_error *err);

/* Ask what a saved memory depends on; @live: and how QEMU would save it while the guest runs. */
int vm_observe_machine(struct qrw_vm *vm, bool live, struct qmp_error *err);

/* Let QEMU think about that already; or never mind, the answers are not of now any more. */
void vm_ask_machine(struct qrw_vm *vm, bool live);
void vm_forget_machine(struct qrw_vm *vm);

/* Find the guest agent. That there is none is no failure. */
void vm_observe_agent(struct qrw_vm *vm);

/* Call disks that have no name of their own what @c calls them, and in @c those that have
 * got another name by that one. */
void vm_adopt_names(struct qrw_vm *vm, struct chain *c);

/* "7.2.22" of the greeting. New string. */
char *vm_qemu_version(const struct qrw_vm *vm);

/* The UUID of a query-uuid reply, NULL for the null UUID that QEMU has where none was given. */
const char *vm_uuid(const json_t *reply);

/* @file: where the sidecar is, or would be; NULL when no disk is a file and none was given. New
 * string. -1: that cannot be told. */
int vm_sidecar_file(struct qrw_vm *vm, char **file, bool *exists, char **foreign,
                    struct qmp_error *err);

/* vm-elsewhere.c: the sidecar that no disk leads to, but all of whose disks QEMU has, perhaps on an
 * old image. New string, NULL: there is none. */
char *vm_find_elsewhere(const struct qrw_vm *vm);

/* QRW_ERR_REFUSED if a sidecar that no disk leads to says that one of them is the
 * active image of a VM, or has it at all and QEMU runs on it, or if the sidecar @foreign (NULL:
 * none), which does not know what a disk runs on, misses an image that builds on the same: renamed,
 * perhaps. */
int vm_check_elsewhere(const struct qrw_vm *vm, const char *foreign, struct qmp_error *err);

/* The same: QRW_ERR_REFUSED if a link beside a layer leads to a sidecar that is not there. */
int vm_check_away(const struct qrw_vm *vm, struct qmp_error *err);

/* The document of the VM, an empty one when there is no sidecar. */
int vm_load(struct qrw_vm *vm, const char *file, struct chain *c, struct qmp_error *err);

/* vm-opened.c: add to @survey what QEMU has open, and no disk uses. */
void vm_take_opened(struct qrw_vm *vm, const struct chain *c, json_t *survey);

/* vm-mixed.c: QRW_ERR_REFUSED if a layer builds on another file than @c, the document in @sidecar,
 * has, and both are there, or on one where the other has none: vm_check_alone(); or if it is
 * another VM's: vm_check_theirs(). @branches: where a VM runs, the headers of layers that no disk
 * runs on count, too, which QEMU would open. */
int vm_check_mixed(const struct qrw_vm *vm, const struct chain *c, const char *sidecar,
                   bool branches, struct qmp_error *err);

/* vm-theirs.c: QRW_ERR_REFUSED if a link beside a layer of @c, the document in @sidecar, leads to
 * another sidecar, which keeps that layer. */
int vm_check_theirs(const struct qrw_vm *vm, const struct chain *c, const char *sidecar,
                    struct qmp_error *err);

/* vm-above.c, before they are frozen: is what the active layers show the newest that the guest
 * wrote? Where no VM runs, QRW_ERR_REFUSED: something lies on them that is newer, and that no
 * record has. An undo point that was written to is noted. */
int vm_check_above(struct qrw_vm *vm, const struct chain *c, struct qmp_error *err);

/* vm-climb.c: offline, and without a record: look at the images that lie on top of those that were
 * named. QRW_ERR_REFUSED: which these are has to be said. */
int vm_climb(struct qrw_vm *vm, struct qmp_error *err);

/* The same: what lies on top of @file (new string; NULL: nobody can tell), and path_image() of what
 * is there. */
char *vm_top(const char *file, struct qmp_error *err);
char *vm_image_argument(const char *file);
/* Offline, what was settled may have done away with what the user named, the sidecar too: the disks
 * are then what they run on. */
int vm_stay(struct qrw_vm *vm, struct qmp_error *err);

/* Tell the user something (level 0: always, 1: with -v). */
void vm_note(struct qrw_vm *vm, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* vm-run.c: a few hex digits that no other operation has. */
void vm_random_token(char token[static 9]);

/* The time as documents have it: "2026-11-21T10:00:00.123Z". */
void vm_stamp(char *buf, size_t size);

struct journal;
/* vm-mixed.c: QRW_ERR_REFUSED where vm_check_mixed() refuses, or where an internal snapshot does
 * not see any more what it needs, and the record still says what that is; but delete, edit may. */
int vm_check_bases(const struct qrw_vm *vm, const struct journal *j, const struct qrw_operation *op,
                   struct qmp_error *err);

/* vm-verify.c: is the host as the plan needs it? QRW_ERR_REFUSED. */
int vm_check_needs(struct qrw_vm *vm, const struct plan *p, const struct journal *j,
                   struct qmp_error *err);

/* vm-adopt.c: is it there what QEMU says it has (@within: something inside of)? QRW_ERR_REFUSED. */
int vm_check_there(const struct qrw_vm *vm, const struct journal *j, const struct chain *within,
                   struct qmp_error *err);

/* Add to the object @taken the names that @p chose although a file has them. Is there one? */
bool vm_find_taken(const struct plan *p, json_t *taken);

/* Take from the cleanup of @p the files that images of others build on, and say so. */
void vm_spare_shared(struct qrw_vm *vm, struct plan *p, const struct journal *j);

/* vm-headers.c: does the header of @layer say that it builds on @backing (NULL: nothing)? True also
 * when it cannot be read. */
bool vm_header_names(const char *layer, const char *backing);

/*
 * Whatever the headers of the images say, QEMU's graph is as @p promised: what it could not write
 * is written now, or else noted. -1: a header still names a file that is to be removed.
 */
int vm_check_headers(struct qrw_vm *vm, struct plan *p, struct qmp_error *err);

/* vm-journal.c */
struct journal {
    char *file; /* the sidecar */
    char *like; /* the image whose permissions it follows, may be NULL */
    int lock;
    bool given;         /* the user said where it is */
    bool stays;         /* that is a place of his own, or we cannot reach the images */
    bool gave_up;       /* vm_give_up() or vm_take_away() did: merges are due */
    bool dropped;       /* snapshots that were overwritten in part, before it was undone */
    bool tidies;        /* vm_tidy() follows: its first note may have what there is to record */
    bool believed;      /* the user says that a job was told to switch, where nobody knows */
    bool unsaved;       /* that is so: the document was not saved yet */
    bool saved;         /* it was replaced at least once */
    bool first;         /* there was none when it was opened */
    bool prepared;      /* the note of a switch is written, and not yet in place */
    int replaced;       /* what the sidecar was before, open until there is time; -1 */
    json_t *pointers;   /* pointers_of() what was saved last */
    json_t *pretended;  /* in a dry run: the files that would be gone by now, NULL: none */
    struct chain begun; /* as loaded, where no VM runs */
    struct chain chain; /* as loaded, or as saved last */
};

enum journal_use {
    JOURNAL_WRITE, /* the lock is ours */
    JOURNAL_READ,  /* the same where it can be made; else see journal_guard() */
    JOURNAL_LOOK,  /* nothing is made: somebody may begin to write at any time */
};
/* Lock and load the sidecar; what somebody else did since the VM was observed is observed, too. @j
 * needs journal_close() always. QRW_ERR_LOCKED: somebody writes. */
int journal_open(struct journal *j, struct qrw_vm *vm, enum journal_use use, struct qmp_error *err);
void journal_close(struct journal *j, struct qrw_vm *vm);
/* Save the present document with @p as pending. */
int journal_begin(struct journal *j, struct qrw_vm *vm, const struct plan *p,
                  struct qmp_error *err);
/*
 * The image that the sidecar lies beside may have left every chain (a stream, a copy that was
 * switched to): nobody would find it any more. Then it moves beside the image that is active now,
 * and what led to it leads there.
 */
int journal_follow(struct journal *j, struct qrw_vm *vm, struct qmp_error *err);
/*
 * @p may make the image that the sidecar lies beside leave every chain: a stream, a copy
 * that is switched to. Whoever then looks for what is pending must find it: a link lies
 * where the sidecar will be, as long as @p is under way. New string, NULL: no need.
 */
char *journal_link(const struct journal *j, const struct graph *g, const struct plan *p);
/* Does the sidecar of @j, which is loaded, stay where the user said that it is? */
bool journal_stays(const struct journal *j, const struct qrw_vm *vm);
/* There is time, QEMU works: free what the last save replaced. */
void journal_let_go(struct journal *j);
/* What @r carries out may fill a file and switch to it: from then on that file counts, and @j has
 * to say so. */
void journal_listen(struct journal *j, struct runner *r);
/* The job of what is pending in @j is about to be told to switch, or was not: save that. One that
 * does not switch is none. */
int journal_switch(struct journal *j, bool switched, struct qmp_error *err);
/* vm-aside.c. @r only reads: where @j has no lock it fails before it publishes what it made, if
 * somebody has begun to write meanwhile. */
void journal_guard(struct journal *j, struct runner *r);
/* Save @p's new document (@after) or the present one, without pending. */
int journal_end(struct journal *j, struct qrw_vm *vm, const struct plan *p, bool after,
                struct qmp_error *err);
/* @err left the operation pending: QRW_ERR_UNKNOWN, and what to do then. */
void journal_stands(struct qmp_error *err);
/* No operation has come of it: who was interrupted (@err) has nothing to wait for. Returns NULL. */
json_t *journal_unbegun(struct qmp_error *err);
/* @p failed with @why. Is it undone? Then that is recorded; what is done after all, or cannot be
 * recorded, stands. */
void journal_undone(struct journal *j, struct qrw_vm *vm, const struct plan *p,
                    struct qmp_error *why);
/* Save what is pending with what has changed in it, where the record lies. */
int journal_keep(struct journal *j, struct qmp_error *err);
/* Save the present document as it is; one that holds nothing worth keeping is removed. */
int journal_save(struct journal *j, struct qrw_vm *vm, struct qmp_error *err);

/* vm-sweep.c: remove what was left where a sidecar might have been begun, but for @ours. */
void vm_sweep(const struct qrw_vm *vm, const char *ours);

/* vm-pointers.c: the links to the sidecar @file that @c needs: in each other folder beside the
 * lowest layers there. The keys of an object (new reference). */
json_t *pointers_of(const struct chain *c, const char *file);
/* Does the sidecar @file lie beside an image of @c? */
bool pointers_beside(const struct chain *c, const char *file);
/* Is @id more than what others keep for us, a template? @pinned: chain_pinned(). */
bool pointers_held(const struct chain *c, const json_t *pinned, const char *id);
/* Remove those of @had that are not @wanted (may be NULL), and lead to @file. */
void pointers_drop(json_t *had, const json_t *wanted, const char *file);
/* Remove all that the document of @j had, and has: it goes. */
void pointers_drop_all(const struct journal *j);

/* Make what the document of @j needs, drop what the one before needed, and that leads to @was: the
 * sidecar, or where it was. */
void journal_point(struct journal *j, struct qrw_vm *vm, const char *was);

/*
 * vm-check.c: mend what check finds in the VM of @j, with nothing pending, but only findings with
 * the codes @only, unless that is NULL. Returns the findings that are left, and what was "mended";
 * with QRW_DRY_RUN the "plan".
 */
json_t *vm_mend(struct qrw_vm *vm, struct journal *j, qrw_strings only, unsigned flags,
                struct qmp_error *err);

/* vm-pretend.c, in a dry run: graph and document are as if @p had been carried out and recorded.
 * False: that cannot be foretold; the document is as it was, and the graph, or half-way. */
bool vm_pretend(struct qrw_vm *vm, struct journal *j, const struct plan *p);
/* The same of the plan that the last dry run showed. QRW_ERR_UNSUPPORTED */
int vm_pretend_again(struct qrw_vm *vm, struct journal *j, struct qmp_error *err);

/*
 * vm-run.c: plan @op for what was observed last, journal, carry out and record it; or, in a
 * dry run, only show the plan.
 */
json_t *vm_plan_and_run(struct qrw_vm *vm, struct journal *j, const struct qrw_operation *op,
                        const void *args, unsigned flags, struct qmp_error *err);

/*
 * vm-tidy.c: do the merges that are due, one plan and one journal for each, and add to @result
 * what they did. The operation itself is done and recorded by then: that a merge fails is
 * told, and the next operation tries again. -1 only with QRW_ERR_WAITING, QRW_ERR_UNKNOWN.
 */
int vm_tidy(struct qrw_vm *vm, struct journal *j, json_t *result, unsigned flags,
            struct qmp_error *err);

/* vm-settle.c: @result, which would have named what is left over, is not told: note that. */
void vm_note_kept(struct qrw_vm *vm, const json_t *result);

/* vm-settle.c: tell the notes of @result from number @from on, where nobody gets to see it. */
void vm_tell(struct qrw_vm *vm, const json_t *result, size_t from);

/* A runner for this VM. */
struct runner vm_runner(struct qrw_vm *vm, bool no_wait);

/* vm-writes.c: do @steps write to files of the sidecar's owner alone, where that is neither root
 * nor we? QRW_ERR_REFUSED. */
int vm_check_writes(const struct qrw_vm *vm, const json_t *steps, struct qmp_error *err);

/* vm-trust.c: may what is pending in @j, @p, be carried out? QRW_ERR_REFUSED. */
int vm_check_journal(struct qrw_vm *vm, const struct journal *j, const struct plan *p,
                     struct qmp_error *err);

/* vm-owners.c: does @p write for another user only to what is his? QRW_ERR_REFUSED. */
int vm_check_owners(const struct qrw_vm *vm, const struct plan *p, struct qmp_error *err);

/* vm-trust.c: what may repair change of what @c names? Those of @findings that it may not are not
 * mended, or asked about. */
void vm_check_mends(const struct qrw_vm *vm, const struct chain *c, json_t *findings);
/* Do all layers that are to be merged lie where the VM does? A record may call any file a layer. */
bool vm_may_merge_unasked(const struct qrw_vm *vm, const struct chain *c);

/* vm-moved.c: offline, with something pending in @j: headers that name a file that is gone get the
 * name of the recorded one that is called so. Returns how many; -1: @err, some may have been. */
int vm_follow_move(struct qrw_vm *vm, struct journal *j, struct qmp_error *err);

/* vm-aside.c: offline, @op, which changes nothing, without an engine: *@result (NULL: @err). False:
 * something is pending, that has to be settled first, and nothing is done. */
bool vm_run_aside(struct qrw_vm *vm, const struct qrw_operation *op, const void *args,
                  unsigned flags, json_t **result, struct qmp_error *err);

enum settled {
    SETTLED_NOTHING,
    SETTLED_FINISHED,
    SETTLED_UNDONE,
    SETTLED_RUNNING,
    SETTLED_PARTLY, /* what cannot come back is gone, the rest is recorded yet */
};

/* vm-repair.c: does the user say that what is pending in @j, @p, was told to switch? Then the files
 * that it left stay, as nobody else knows. */
bool vm_believe(const struct journal *j, struct plan *p);

/*
 * Settle what an earlier client left behind in @j. @decision (may be NULL): what becomes
 * of a job left ready. @follow: a job that still runs is waited for, else it is left:
 * SETTLED_RUNNING. The plan's result is given back in @result (new reference, may be NULL).
 */
int vm_settle(struct qrw_vm *vm, struct journal *j, const char *decision, bool follow,
              enum settled *how, json_t **result, struct qmp_error *err);

/*
 * @p has failed where no step can be taken back. Is it one that can be given up all the same,
 * because the guest writes to overlays that can be merged again? Then that is recorded, and the
 * merges are due.
 */
bool vm_give_up(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p);

/* vm-take-back.c: @p has not reached its goal: take back what was begun, and record that. What it
 * was to drop, and has removed in part already, is dropped all the same; that is noted. */
int vm_take_back(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                 struct qmp_error *err);

/* vm-untag.c: @p only removes internal snapshots from images: end that, as far as it goes. @how
 * becomes SETTLED_PARTLY where some of it stays, and so does the record; that is noted. */
int vm_untag_rest(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  enum settled *how, struct qmp_error *err);

/* What is taken is not quiesced, as @p required: delete it again, the merges are due then. @err is
 * why, and says what is true now: QRW_ERR_FAILED, or QRW_ERR_UNKNOWN if that could not be done. */
void vm_take_away(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                  struct qmp_error *err);

/* The merges that are due after that, or after vm_give_up(); the operation has failed with @err. */
void vm_tidy_away(struct qrw_vm *vm, struct journal *j, unsigned flags, struct qmp_error *err);

/* Verify, clean up, record: the second half of every operation. */
int vm_conclude(struct qrw_vm *vm, struct journal *j, struct runner *r, struct plan *p,
                struct qmp_error *err);

/* Was what is pending in @c begun with another QEMU than this one, or (@is_same, may be NULL) with
 * this one? Jobs, and nodes that we opened, are gone with it. Offline nobody but us chose the
 * images. */
bool vm_is_another(const struct qrw_vm *vm, const struct chain *c, bool *is_same);

#endif
