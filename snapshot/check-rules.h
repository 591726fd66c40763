/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check-rules: what the rules of check.h share.                         PURE */
#ifndef SNAPSHOT_CHECK_RULES_H
#define SNAPSHOT_CHECK_RULES_H

#include "snapshot/check.h"

struct check {
    const struct scene *s;
    const struct chain *c;
    const json_t *survey;
    const json_t *files;        /* of the survey; NULL: they are out of our reach */
    bool live;                  /* the graph is QEMU's */
    struct plan plan, *pending; /* what is not settled yet, NULL: nothing that makes sense */
    bool undone;                /* repair takes that back */
    json_t *moved;              /* layer -> {"file", "how"}: it is called so now */
    /* of check-merged.c: above, within, below what is gone; within, but needed by somebody */
    json_t *merged, *between, *onto, *needed;
    json_t *skipped; /* layer -> what it lies on in truth: what was between went down into that */
    json_t *findings;
};

/* A finding in the making. Strings are borrowed. */
struct finding {
    const char *code, *subject;
    const char *repair; /* NULL: nothing can be done by us */
    json_t *mend;       /* taken */
    bool ask;           /* only with --yes */
};

void check_add(struct check *k, const struct finding *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Is there an error among the findings? Then nothing that builds on all being well is tried. */
bool check_has_errors(const struct check *k);

/* What the survey has of @file, NULL: it is not there. */
const json_t *check_file(const struct check *k, const char *file);

/* Can we look at the file of layer @id? Not on the net. */
bool check_is_file(const struct check *k, const char *id);
/* What the survey has of that file, NULL: it is not there, or no file. */
const json_t *check_entry(const struct check *k, const char *id);
/* Is it a file that is not there, nor known to be called otherwise now? */
bool check_is_gone(const struct check *k, const char *id);
/* And not because the whole folder is away (check_is_away())? */
bool check_is_removed(const struct check *k, const char *id);

/* Do both names mean one file that is there? NULL is no file. */
bool check_same_file(const struct check *k, const char *a, const char *b);

/* What the record will be once what is pending is finished. NULL: nothing is, or it is taken back.
 */
const struct chain *check_after(const struct check *k);

/* The lowest of @id and the layers below it whose file is lost: not what was merged into another,
 * nor what is to go. NULL: none is. */
const char *check_missing_below(const struct check *k, const char *id);

/* What QEMU has open of @file, with its @disk (may be NULL). NULL: nothing. */
const struct graph_layer *check_live(const struct check *k, const char *file,
                                     const struct graph_disk **disk);

/* Is the time of @layer's file known? Not of a block device: that nothing is known to have changed
 * means nothing there. */
bool check_has_time(const json_t *layer);

/* lost_give_up() of @id, whose file may be there (@entry), after "; ". New string, perhaps "". */
char *check_give_up(const struct check *k, const char *id, const json_t *entry);

/* Why the file of @id, which is frozen, is not what it was: words. NULL: it is, as far as known. */
const char *check_change(const struct check *k, const char *id, const json_t *entry);

/* How that is: nothing is known to have, its time has, it has for sure, it is cut or damaged. */
enum check_how { CHANGED_NOT, CHANGED_TIME, CHANGED_CONTENT, CHANGED_BROKEN };
enum check_how check_how_changed(const struct check *k, const char *id, const json_t *entry);

/* The snapshots that show what lies in @id, for the words of a finding: " (s1, s2 need it)", or "".
 * New string. */
char *check_needed_by(const struct check *k, const char *id);

/* Of check-moved.c: what @id has moved to (NULL: nobody knows), what speaks for it (words), and
 * whether that is sure.
 */
const char *check_moved(const struct check *k, const char *id, const char **how, bool *sure);

/* @file is the layer @id from now on. False: it is another one. */
bool check_give(struct check *k, const char *id, const char *file, int how);

/*
 * Which layers have another name, and which somebody has merged into another. What @id builds on
 * since; the layer that shows what @layer did; whether what a snapshot has as @held shows something
 * else since; whether nobody knows; whether all that is odd about a layer is told with the merge;
 * whether it is one that is gone by it. Tell of the one that @id says of: false, it says none.
 */
void check_moves(struct check *k);
void check_merges(struct check *k);
const char *check_builds_on(const struct check *k, const char *id);
const char *check_shown_by(const struct check *k, const char *layer);
bool check_is_overwritten(const struct check *k, const json_t *held);
bool check_is_doubtful(const struct check *k, const char *layer);
bool check_explains(const struct check *k, const char *id);
bool check_is_merged(const struct check *k, const char *id);
bool check_tell_merged(struct check *k, const char *id, const char *file);

/* Of check-committed.c: the same of active layers that are gone; words for one that may be. */
#define CHECK_DOWN "down"
void check_committed(struct check *k);
void check_note_committed(struct check *k, const char *id, const char *onto);
bool check_tell_committed(struct check *k, const char *id, const char *file);
char *check_perhaps_committed(const struct check *k, const char *id);

/* Of check-beneath.c: the same of disks that run on what is below. Does one run on @id, which is
 * frozen? Tell that @d does, as @why says: false, it does not. */
void check_beneath(struct check *k);
bool check_is_beneath(const struct check *k, const char *id);
bool check_tell_beneath(struct check *k, const struct graph_disk *d, const char *why);

/* Of check-copied.c: the same of one that runs on what no record names. */
bool check_tell_copied(struct check *k, const struct graph_disk *d, const char *why);

/* Of check-skipped.c: the same of layers that are left where they are. Does what a snapshot has as
 * @held show something else since one was merged into @onto (NULL: any)? Have @mend drop all that
 * do; what it drops, after "; drop " (new string, perhaps ""). */
void check_skips(struct check *k);
bool check_is_skewed(const struct check *k, const json_t *held, const char *onto);
void check_drop_skewed(const struct check *k, const char *onto, json_t *mend);
char *check_dropped(const json_t *mend);
bool check_tell_skipped(struct check *k, const char *id, const char *file, const char *what);

/* Of check-cut.c: has layer @i of @d, which something lies inside of, lost what that sees? Has one
 * of @d? The file of the one that @held lies inside of (NULL: no), what to do about it, after "; ".
 * New strings. */
bool check_is_cut(const struct check *k, const struct graph_disk *d, size_t i);
bool check_any_cut(const struct check *k, const struct graph_disk *d);
char *check_cut_file(const struct check *k, const json_t *held);
char *check_cut_hint(const struct check *k, const char *file);

/* The rules, by what they look at. */
void check_document(struct check *k); /* pending, lock, permissions, other sidecars */
void check_graph(struct check *k);    /* what QEMU has against what is recorded */
void check_layers(struct check *k);   /* each layer's file: there, unchanged, sound */
/* The same of one: is a frozen file what it was, does its header name the layer below? */
void check_changed(struct check *k, const char *id, const char *file, const json_t *entry);
void check_backing(struct check *k, const char *id, const char *file, const json_t *entry);
/* Does its header name nothing, and what is recorded below it is not there? Then nobody knows
 * whether it needs that. */
bool check_may_be_flat(const struct check *k, const char *id);
void check_snapshots(struct check *k); /* whether each could still be gone back to */
/* Have @mend, which drops a snapshot of @disks, take out what of it lies inside of images. */
void check_take_out(const struct check *k, json_t *mend, json_t *disks);
/* Have @mend drop all that lies inside of @layer, and sees what was below that. */
void check_drop_inside(const struct check *k, const char *layer, json_t *mend);
void check_orphans(struct check *k); /* files of ours that no record names */
void check_links(struct check *k);   /* those that lead to a sidecar that is not there */
void check_astray(struct check *k);  /* images of others that do not lead here any more */
/* Last: disks that no record knows, and none can use, if no other rule has told of them. */
void check_troubles(struct check *k);

/* Is the whole folder of @file away? Then nothing is given up that is missing there. */
bool check_is_away(const struct check *k, const char *file);

/* Is there a record, in a folder that is away? Then nobody knows what is in it. */
bool check_is_record_away(const struct check *k);

/* Does @link, of the leftovers, lie beside an image that is none of ours? */
bool check_is_link_of_others(const struct check *k, const char *link);

#endif
