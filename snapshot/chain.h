/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chain: the document of one VM: disks, layers, snapshots.              PURE
 *
 * The document is the JSON of the sidecar itself (doc/sidecar.md), checked once when
 * it is taken in: after that every reference in it is good, and members that we do
 * not know survive. The rules of the tree live here:
 *
 *     A layer lives while it is active, pinned by a snapshot, or shared by two children.
 *
 * A layer is named by its id ("L3"), its file is kept relative to the sidecar's
 * folder where it lies in there. What comes in and goes out here is absolute.
 */
#ifndef SNAPSHOT_CHAIN_H
#define SNAPSHOT_CHAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "snapshot/error.h"
#include "snapshot/graph.h"

/* Its file is called like the image that it lies beside, and this. */
#define SIDECAR_SUFFIX ".qrewind.json"
/* Bytes: nobody's chain metadata is larger; a file that is, is not ours. */
#define SIDECAR_MAX (256 << 20)

struct chain {
    json_t *doc;  /* owned */
    char *folder; /* of the sidecar, absolute */
    uid_t owner;  /* of the sidecar, who is not trusted with what is ours; 0: root, we, none */
    bool copied;  /* what is pending in it was written into another file than this one */
};

/* An empty document for a VM (@vm_name, @uuid may be NULL) whose sidecar lies in @folder. */
void chain_init(struct chain *c, const char *folder, const char *vm_name, const char *uuid);

/* Make the document @doc (taken, also on failure) one. QRW_ERR_INVALID names what is wrong in it.
 */
int chain_own(struct chain *c, const char *folder, json_t *doc, struct qmp_error *err);
/* The same of a copy. */
int chain_take(struct chain *c, const char *folder, const json_t *doc, struct qmp_error *err);

void chain_copy(struct chain *to, const struct chain *from);
void chain_done(struct chain *c);

/* ---- looking: everything is borrowed, NULL or false: there is none ---- */

json_t *chain_snapshots(const struct chain *c); /* an array, oldest first */
json_t *chain_snapshot(const struct chain *c, const char *name);
json_int_t chain_generation(const struct chain *c);
const char *chain_current(const struct chain *c);
json_t *chain_pending(const struct chain *c);
/* The files of the folder that it was begun in, which the sidecar's was then, are those in the
 * sidecar's folder now. */
void chain_follow_folder(struct chain *c);
/* What @file, which lay below a folder that was followed, is called now. New string, NULL: it did
 * not. */
char *chain_where_it_was(const struct chain *c, const char *file);
/* Files in the folder @from are those in @to. */
void chain_move_folder(struct chain *c, const char *from, const char *to);
json_t *chain_layer(const struct chain *c, const char *id);
/* How a document in @folder spells @file: relative where it lies in there. New string. */
char *chain_spell(const char *folder, const char *file);
const char *chain_layer_by_file(const struct chain *c, const char *file);
char *chain_layer_file(const struct chain *c, const char *id); /* absolute, new string */
const char *chain_active(const struct chain *c, const char *disk);
/* The file of @memory (a snapshot's, may be NULL), absolute. New string, NULL: it has none. */
char *chain_memory_file(const struct chain *c, const json_t *memory);
/* Was @memory saved while the guest ran on? It is no image then. */
bool chain_memory_is_live(const json_t *memory);

/*
 * What the document calls the disks of @g: {disk: name}, without those that it does not know.
 * Another command line gives a disk another name: by the image that it runs on, its place in the
 * machine, its own name, the chain that its images are of, what else it is called, whatever says so
 * first. Where an operation is under way, what it was to come to is looked at before the rest.
 */
json_t *chain_disk_names(const struct chain *c, const struct graph *g);
/* The disk that @layer is of: below its active one, or on a branch that a snapshot has of it. */
const char *chain_disk_of(const struct chain *c, const char *layer);
/* The image that disk @id is called after, if it does not use that any more (new string); the disk
 * of which @file is that one, or one that another tool has had it leave; the latter alone. */
char *chain_left(const struct chain *c, const char *id);
const char *chain_left_by(const struct chain *c, const char *file);
const char *chain_outdated_by(const struct chain *c, const char *file);
bool chain_is_ours(const struct chain *c, const char *id); /* did we make the file? */
/* Nothing worth keeping: no snapshot, no undo point, nothing pending, no file that we made, nor one
 * that the VM is not to be started with any more. */
bool chain_is_bare(const struct chain *c);

/* The first snapshot that pins @id: its name. */
const char *chain_pinned_by(const struct chain *c, const char *id);

/* A layer that builds on @id and is not @known: its file. New string. */
char *chain_other_child(const struct chain *c, const char *id, const char *known);

/* The names of the snapshots that pin @id, joined by ", ". New string, NULL: none. */
char *chain_pins(const struct chain *c, const char *id);

/* The same of the internal snapshots that lie inside of it. Its own content may change, but
 * not what it builds on, and it must stay. */
char *chain_inside(const struct chain *c, const char *id);

/* Is anything inside of it, the undo point included? Then nothing is merged below it. */
bool chain_is_seen_through(const struct chain *c, const char *id);

/*
 * Why the layer @id lives: "active", "undo", "pinned by s1", "shared by 2 layers".
 * New string; NULL: no rule keeps it. @id may be unknown.
 */
char *chain_keeps(const struct chain *c, const char *id);

/* The disk that runs on it; NULL: none. */
const char *chain_run_by(const struct chain *c, const char *id);
bool chain_is_active(const struct chain *c, const char *id);

/* ---- all at once: one pass over the document; new references ---- */

/* Name -> snapshot. */
json_t *chain_by_name(const struct chain *c);

/* File as written -> layer; and which one @file is in there, as chain_layer_by_file() tells (it
 * is borrowed from @files). */
json_t *chain_files(const struct chain *c);
const char *chain_file_in(const struct chain *c, const json_t *files, const char *file);

/* Layer -> the names of the snapshots that pin it for @disk. */
json_t *chain_pins_of(const struct chain *c, const char *disk);

/* The layers that snapshots have as @key, "layer" or "inside": the keys of an object. */
json_t *chain_held(const struct chain *c, const char *key);
/* Those that snapshots or the undo point have as "layer". */
json_t *chain_pinned(const struct chain *c);

/* Those with chain_is_seen_through(), and those that chain_keeps(): the keys of an object. */
json_t *chain_held_inside(const struct chain *c);
json_t *chain_kept(const struct chain *c);

/* The layers that no rule keeps and nothing builds on but such ones, each before the one that it
 * builds on: an array of ids. */
json_t *chain_useless(const struct chain *c);

/* A hint: a medium that was taken out is wanted. */
#define CHAIN_PUT_IN                                                                               \
    "put %s in again (blockdev-change-medium); if QEMU has it still open, qrewind repair closes "  \
    "it "                                                                                          \
    "first"

/*
 * Does QEMU's chain of @d say something else than the document? QRW_ERR_REFUSED with
 * the difference and the way out: a frozen layer that is being written to, an active
 * layer that the document does not know although it knows the ones below.
 */
int chain_agrees(const struct chain *c, const struct graph_disk *d, struct qmp_error *err);

/* ---- changing (a copy, in a planner) ---- */

/* Record @d as QEMU has it: its layers, who backs whom, which one is active. */
void chain_follow(struct chain *c, const struct graph_disk *d);

/* A new layer of @size bytes; returns its id, borrowed from the document. */
const char *chain_add_layer(struct chain *c, const char *file, const char *format, int64_t size,
                            const char *backing, bool ours);
void chain_set_active(struct chain *c, const char *disk, const char *layer);
/* Every disk that is a key of @moves is called as its value from now on, in snapshots and in what
 * is under way, too; all at once, so that names can be exchanged. A disk that has such a name and
 * is not moved itself, for it is not in the VM, gets another. */
void chain_rename_disks(struct chain *c, const json_t *moves);
/* What was remembered of its file no longer holds if that is another one: it is in the header. */
void chain_set_backing(struct chain *c, const char *layer, const char *backing);

/* What disks are called after, and @before has and @after, in the same folder, has not, they have
 * left. */
void chain_leave(struct chain *after, const struct chain *before);
/* Another tool has had disk @id leave the file of @layer, which is old from now on. */
void chain_set_outdated(struct chain *c, const char *id, const char *layer);
bool chain_has_outdated(const struct chain *c);
/* What @is_gone says is gone of that is forgotten. */
void chain_forget_outdated(struct chain *c, bool (*is_gone)(const char *file));
/* What was left is named as from @folder. */
void chain_respell_left(struct chain *c, const char *folder);

/* The document lies in @folder from now on. */
void chain_move(struct chain *c, const char *folder);

/* The content of @layer changes: what was remembered of its file no longer holds. */
void chain_touch(struct chain *c, const char *layer);

/* Every snapshot that pins @from pins @to from now on. */
void chain_move_pins(struct chain *c, const char *from, const char *to);

/* Forget the layer, which nothing may refer to any more. */
void chain_drop_layer(struct chain *c, const char *id);

/* Forget the snapshot; its children become its parent's. */
void chain_drop_snapshot(struct chain *c, const char *name);
/* The same for all that are keys of @gone (name -> snapshot, as in chain_by_name()). */
void chain_drop_snapshots(struct chain *c, const json_t *gone);

/* Every place that names the snapshot @name says @fresh from now on. */
void chain_rename_snapshot(struct chain *c, const char *name, const char *fresh);

/* The record of a snapshot (see doc/sidecar.md); new reference. What is not given is null, or
 * empty. @disks and @memory are taken. */
struct chain_record {
    const char *name, *id, *parent, *created, *description;
    const char *kind, *state;
    bool quiesced;
    json_t *disks, *memory;
};
json_t *chain_record(const struct chain_record *r);

/* Takes @snapshot; it becomes the current one. */
void chain_add_snapshot(struct chain *c, json_t *snapshot);

/*
 * A loose layer was pinned once and is no longer: it is merged with its child when only
 * one is left. Layers that were never pinned (a base that others share) are not ours to
 * merge. chain_loosen() marks @id if nothing pins it any more.
 */
bool chain_is_loose(const struct chain *c, const char *id);
void chain_set_loose(struct chain *c, const char *id, bool loose);
void chain_loosen(struct chain *c, const char *id);

/* Is @id the layer @top, or one that it builds on? */
bool chain_is_below(const struct chain *c, const char *id, const char *top);

/* The virtual size of @layer in bytes, 0: not recorded. */
int64_t chain_layer_size(const struct chain *c, const char *layer);

/* Does the undo point have the layer @id, for any disk? What lies inside of one does not count. */
bool chain_undo_has(const struct chain *c, const char *id);

/* Forget the undo point, or set it: takes {"disks": {…}, "current": …}. */
void chain_set_undo(struct chain *c, json_t *undo);
json_t *chain_undo(const struct chain *c);

/* @name (NULL: none) is the snapshot that the present state descends from. */
void chain_set_current(struct chain *c, const char *name);

/* The stem of new files of @disk: "disk" for "disk.s1.qcow2"; its id where its first image is no
 * file in a folder. New string. */
char *chain_stem(const struct chain *c, const struct graph_disk *d);

/* QRW_ERR_REFUSED unless @name can be a snapshot's: 1 to 128 bytes, printable, no '/'. */
int chain_check_name(const char *name, struct qmp_error *err);

#endif
