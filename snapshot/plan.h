/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan: what an operation will do, as a value.                          PURE
 *
 * A planner fills one in from what was observed; the same value is printed by
 * --dry-run, journalled as `pending`, carried out by the runner, and judged by
 * recovery after a crash.
 *
 *   needs    what must be true of the host before anything is changed
 *   steps    what changes something, in order; each knows its undo
 *   promise  what QEMU's graph shows when the goal is reached
 *   cleanup  what may go once the promise holds; each can be repeated
 *   after    the document as it will be recorded
 *   result   what the user is told (design.md §7, the stable members)
 *
 * All of it is JSON inside, because all of it is printed and journalled.
 */
#ifndef SNAPSHOT_PLAN_H
#define SNAPSHOT_PLAN_H

#include <jansson.h>
#include <stdbool.h>

#include "snapshot/chain.h"
#include "snapshot/graph.h"
#include "snapshot/machine.h"

struct plan {
    char *operation; /* "create" */
    char *token;     /* a few random hex digits: names of this operation's nodes carry them */
    json_t *needs, *steps, *promise, *cleanup; /* arrays */
    json_t *result;                            /* object */
    struct chain after;
    bool offline; /* no guest ran meanwhile that could have written anything */

    /* It fills a file and then switches to it: until it is told to switch, the file is not whole,
     * whoever runs on it. */
    bool fills, switched;
    bool followed; /* who began it tells it to: not with QRW_NO_WAIT */
};

/* What a planner may know. Everything is borrowed. */
struct scene {
    const struct graph *graph;
    const struct chain *chain;     /* an empty document where no sidecar exists */
    const char *now;               /* RFC 3339, UTC, milliseconds */
    const char *token;             /* random, hex */
    int version;                   /* of QEMU: 70222 */
    const char *qemu;              /* the same for people: "7.2.22" */
    bool reset_ends;               /* QEMU was told to end when the guest is reset */
    const struct machine *machine; /* NULL: the operation did not ask for it */
    const char *cwd;               /* ours: what a relative file name of the user means */
    bool files_reachable;          /* QEMU's file names are ours too (law 9) */

    const json_t *taken; /* an object: files that are there, though nobody knows them; or NULL */

    const char *agent;                /* the guest agent's address, NULL: … */
    const struct qmp_error *no_agent; /* … why there is none, NULL: nobody asked */

    /* A file name with the links in its folder followed, as the graph has its names: new
     * string. NULL: names are taken as they are. */
    char *(*place)(const char *file);

    /* Nobody has the qcow2 image open but we: does it show what it builds on alone, or, with a
     * @tag, what that internal snapshot holds? NULL: that cannot be told. */
    bool (*untouched)(const char *file, const char *tag);

    /* The size of the disk when the internal snapshot @tag of the image @file was taken, where that
     * is another than now; else 0. NULL: it never is. */
    int64_t (*resized_since)(const char *file, const char *tag);

    /* What the header of the image @file calls its base, and *@format that, as it is: new strings;
     * NULL: none, or it cannot be read. NULL: it is what we would write. */
    char *(*header)(const char *file, char **format);
};

typedef int planner_fn(struct plan *p, const struct scene *s, const void *args,
                       struct qmp_error *err);

/*
 * An operation: its name in plans and messages, how deep it must look, its planner.
 * @decision (may be NULL): the arguments do not begin something new but decide what
 * becomes of the job that an earlier run of the same operation left ready: returns
 * "complete" or "finish", NULL: they do begin something new.
 */
struct qrw_operation {
    const char *name;
    enum graph_level level;
    planner_fn *plan;
    const char *(*decision)(const void *args);
    /* what else there is to be asked; NULL: nothing */
    bool (*needs_machine)(const void *args, const struct graph *g);
    bool (*saves_live)(const void *args); /* then how QEMU migrates, too */
    bool (*needs_agent)(const void *args);
    /* Is it done already, by the interrupted one of which @earlier is the result? (plan-again.h) */
    json_t *(*again)(const void *args, const json_t *earlier, const struct chain *c);
    bool freezes; /* it puts overlays on what is there */
    bool resets;  /* it may reset the guest */
    bool leaves;  /* it does without what disks run on now, if that cannot be opened */
    bool tidies;  /* merges may be due after it */
    bool aside;   /* it changes neither the VM nor its document: there is nothing to journal */
};

/* An empty plan whose `after` is a copy of the present document. */
void plan_init(struct plan *p, const char *operation, const struct scene *s);
void plan_done(struct plan *p);

/* ---- needs: checked before the journal is written ---- */

void plan_need_absent(struct plan *p, const char *file);
/* The same of a name that a rule chose: where a file has it, the rule is asked for the next
 * (scene.taken). */
void plan_need_free(struct plan *p, const char *file);
/* The same as QEMU sees it, for files out of our reach. */
void plan_need_absent_for_qemu(struct plan *p, const char *file);
void plan_need_space(struct plan *p, const char *file, int64_t bytes);
/* What for, and what helps (NULL: nothing) where the last need, for space, is not met. */
void plan_need_told(struct plan *p, const char *what, const char *hint);
/* @file is a memory image that has the tag @tag. */
void plan_need_state(struct plan *p, const char *file, const char *tag);
/* @file is a regular file of @bytes, not a link to one. */
void plan_need_size(struct plan *p, const char *file, int64_t bytes);
/* @folder is not there, or there is nothing in it. */
void plan_need_vacant(struct plan *p, const char *folder);
/* @folder can be made, or is there and nobody is at work in it. */
void plan_need_makeable(struct plan *p, const char *folder);
/* Beside @file there is room for images that hold what others do: @images is borrowed,
 * [{"files": […], "size"}], each no larger than its size (0: any) and than its files together. */
void plan_need_room(struct plan *p, const char *file, json_t *images);
/* Nobody has @file open as QEMU does, not even the VM. */
void plan_need_closed(struct plan *p, const char *file);
/* The header of @file says that it builds on @backing (NULL: nothing). */
void plan_need_backing(struct plan *p, const char *file, const char *backing);
/* @file is a memory saved by a migration. */
void plan_need_stream(struct plan *p, const char *file);
/* Nobody but the layers of our document builds on @file: it will be written to. */
void plan_need_unshared(struct plan *p, const char *file);

/* ---- steps; each takes the JSON given to it ---- */

/* One that has a planner's part of its own. */
void plan_step(struct plan *p, json_t *step);

/* An empty overlay of @base, owner and mode like @base's. Undone by removing it. */
void plan_overlay(struct plan *p, const char *file, const struct graph_layer *base);
/* A file of no bytes that keeps the name for QEMU, owner and mode like @like (NULL: ours). Undone
 * as above. */
void plan_reserve(struct plan *p, const char *file, const char *like);
/* The same for a memory that QEMU will write to it, with @room bytes kept for it (0: none). What
 * it holds is of no use without the rest. */
void plan_stream(struct plan *p, const char *file, const char *like, int64_t room);
/* An empty image of its own, for the memory. Undone as above. */
void plan_image(struct plan *p, const char *file, const char *like);
/* Let the image @file, which nobody has open and whose header names @from, be backed by @backing
 * (NULL: nothing) and show what it showed: qemu-img rebase. It can be repeated; undone, the header
 * names @from. */
struct plan_base {
    const char *file, *format;
};
void plan_rebase(struct plan *p, struct plan_base image, struct plan_base from,
                 struct plan_base backing);
/* A copy of what @source showed when its internal snapshot @tag was taken, in a new image that
 * is backed by @backing (NULL: nothing); it is called @file when it is whole. Undone as above. */
void plan_copy(struct plan *p, const char *file, const struct graph_layer *source, const char *tag,
               const struct graph_layer *backing);
/* Remove the internal snapshot @tag from the image @file, which nobody has open. It can be
 * repeated; there is no undo. */
void plan_untag(struct plan *p, const char *file, const char *tag);
/* A file that QEMU itself makes in a later step. Undone as above. */
void plan_expect(struct plan *p, const char *file);
/* Make the new file @file durable, with its entry in its folder: one step for all of them. */
void plan_sync(struct plan *p, const char *file);
/* Write out what the host still holds in memory of @file. Changes nothing. */
void plan_flush(struct plan *p, const char *file);
/* One command. @undo (may be NULL): what takes it back, a command or an array of steps. */
void plan_qmp(struct plan *p, const char *execute, json_t *arguments, json_t *undo);
/* The last step is done again when a later client finds the goal reached but the guest not
 * yet going: it must be one that can be repeated. */
void plan_again(struct plan *p);
/* The last step's undo is the command @undo; takes it. */
void plan_undo(struct plan *p, json_t *undo);
/* The last step, before which nothing is changed, is one that QEMU or the host may not be able to
 * do: it fails with QRW_ERR_UNSUPPORTED and @hint. */
void plan_try(struct plan *p, const char *hint);
/* The last step, a stop, is to leave the guest such that a migration can save its memory. */
void plan_settle(struct plan *p);
/* The last step may fail. */
void plan_optional(struct plan *p);
/* After a crash, the last step is only taken back if a disk runs on one of @files (an array). */
void plan_undo_if_active(struct plan *p, json_t *files);
/* A job (its id inside @arguments); jobs that follow each other run together and are
 * completed together; one of no @disk (NULL), which is of the memory, runs alone, and the
 * guest stands still meanwhile. @then: NULL (ends when its work is done; a block job, when its
 * data is on the disk below as well), "complete" (when all are ready), "finish" (end without
 * switching) or "hold" (leave it ready). */
void plan_job(struct plan *p, const char *execute, json_t *arguments, const char *disk,
              const char *then);

/*
 * Let QEMU write the memory to @file ("migrate"; the guest goes on as soon as QEMU notes
 * what it changes) or read it ("migrate-incoming"), and follow that. Takes @arguments.
 */
void plan_migration(struct plan *p, const char *execute, json_t *arguments, const char *file);

/* ---- the promise and what follows ---- */

/* Record the present as the snapshot @name of @kind. @description may be NULL; @disks and @memory
 * (NULL: none) are taken; to the latter is added what a VM must be like to load it. */
void plan_record(struct plan *p, const struct scene *s, const char *name, const char *kind,
                 const char *description, json_t *disks, json_t *memory);

/* @disk's chain has @layer (on top, if @top) directly above @backing (NULL: nothing below). */
void plan_promise(struct plan *p, const char *disk, const char *layer, const char *backing,
                  bool top);
/* @disk's active layer, or @layer (may be NULL), has, or has not, an internal snapshot @tag. */
void plan_promise_tag(struct plan *p, const char *disk, const char *layer, const char *tag,
                      bool there);
/* The job @id has ended well: for what no graph shows. */
void plan_promise_job(struct plan *p, const char *id);
/* The migration into @file has ended well. */
void plan_promise_saved(struct plan *p, const char *file);
/* The file of that, NULL: @p promises no such thing. */
const char *plan_promised_file(const struct plan *p);
/* Does @p promise the end of the job @id (NULL: of any)? */
bool plan_promises_job(const struct plan *p, const char *id);
/* Is there anything to be done by QEMU, or to files? Else only the record changes. */
bool plan_acts(const struct plan *p);
/* Is there nothing to do, beside what @before records? */
bool plan_is_idle(const struct plan *p, const struct chain *before);

/* Does @g show what was promised? QRW_ERR_FAILED says what is different. */
int plan_holds(const struct plan *p, const struct graph *g, struct qmp_error *err);

/* All steps were taken just now: a disk that @g has not any more was unplugged by the guest, or by
 * its reset. Nothing is to be seen of it, and that is noted. */
void plan_pass_unplugged(struct plan *p, const struct graph *g);

/* Do the disks of @g show what was promised of them? */
bool plan_disks_hold(const struct plan *p, const struct graph *g);
/* Do they show any of it? */
bool plan_holds_in_part(const struct plan *p, const struct graph *g);

/* Close the nodes of @l, those that do not go by themselves (QEMU's own begin with '#'). */
void plan_cleanup_nodes(struct plan *p, const struct graph_layer *l);
void plan_cleanup_node(struct plan *p, const char *node);
/* A command whose failure does not matter. Takes @arguments. */
void plan_cleanup_qmp(struct plan *p, const char *execute, json_t *arguments);
/* Write @backing into the header of the image of @node, which backs on it. */
void plan_cleanup_backing(struct plan *p, const char *node, const char *backing);
/* Remove @file if by then no node names it; a layer only if no snapshot lies inside of it. */
void plan_cleanup_file(struct plan *p, const char *file);
void plan_cleanup_layer(struct plan *p, const char *file);
/* Remove the internal snapshot @tag from @file: QEMU does so if by then it has that open. */
void plan_cleanup_untag(struct plan *p, const char *file, const char *tag);
/* Append the files that the cleanup removes, or works on, to @files (an array). */
void plan_cleaned(const struct plan *p, json_t *files);
/* Does it remove tags from images that are no active layers? */
bool plan_takes_tags(const struct plan *p);
void plan_removed(struct plan *p, const char *file);
void plan_kept(struct plan *p, const char *name, const char *why);
void plan_note(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- as JSON and as text ---- */

/* {"operation","token","steps",…}: for the journal. New reference. */
json_t *plan_to_json(const struct plan *p);
/* QRW_ERR_INVALID where the journal makes no sense. @p needs plan_done() only on success. */
int plan_from_json(struct plan *p, const json_t *doc, const char *folder, struct qmp_error *err);
/* What --dry-run shows: everything that would be done, in order. New reference. */
json_t *plan_preview(const struct plan *p);

/* The ids of the jobs that @p starts, in order: an array. New reference. */
json_t *plan_job_ids(const struct plan *p);

/* The job of a step as design.md §7 shows jobs; what @g does not know is null. New reference. */
json_t *plan_job_document(const json_t *step, const struct graph *g);

/* All the jobs of @p so. New reference. */
json_t *plan_job_list(const struct plan *p, const struct graph *g);

/* Decide what becomes of jobs that were to be left ready: "complete" or "finish". */
void plan_decide(struct plan *p, const char *then);

#endif
