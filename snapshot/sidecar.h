/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sidecar: the document's file: find, lock, load, replace.
 *
 * IMAGE.qrewind.json lies beside an image of the VM. Readers need no lock: the file
 * is only ever replaced by rename. Writers hold IMAGE.qrewind.json.lock.
 */
#ifndef SNAPSHOT_SIDECAR_H
#define SNAPSHOT_SIDECAR_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "snapshot/chain.h"
#include "snapshot/graph.h"

struct timespec;

/*
 * The sidecar of a VM: beside the layers of its disks, from the top of each chain
 * down. One that lies beside a deeper layer, and neither knows the active one nor has
 * its own active one in the chain, is somebody else's (a shared base's): it is passed
 * over, and @foreign (may be NULL) is set to it. So is a link, where there is a sidecar.
 * @file: a new string, NULL: there is none. -1: that cannot be told.
 */
int sidecar_find(const struct graph *g, char **file, char **foreign, struct qmp_error *err);

/* The first two sidecars in the folder of @image that record it as a layer, wherever it lies: new
 * strings, NULL: there is none. -1: that cannot be told; what was found is the caller's, too. */
int sidecar_search(const char *image, char *found[2], struct qmp_error *err);
/* The same of those that know it, as @says tells. */
typedef bool sidecar_knows(const struct chain *c, const char *image);
int sidecar_search_by(sidecar_knows *says, const char *image, char *found[2],
                      struct qmp_error *err);

/* Does the sidecar @file lie beside any layer? Only by name, no file is looked at. */
bool sidecar_is_beside(const struct graph *g, const char *file);

bool sidecar_exists(const char *file);

/* Is @file a sidecar, whatever it is called? */
bool sidecar_is_one(const char *file);

/* It is written now: whatever changes the file lets the system stamp it by its last tick, some
 * milliseconds ago. -1: errno. */
int sidecar_stamp(int fd);

/* Was it written since, by CLOCK_REALTIME? True, too, where it cannot be looked at. */
bool sidecar_is_newer(const char *file, const struct timespec *since);

/* Remove a sidecar that records nothing any more. The caller holds the lock. */
int sidecar_remove(const char *file, struct qmp_error *err);

/* Give it another name in its folder, durably; a link of that name is replaced. The caller holds
 * the lock of @to. */
int sidecar_rename(const char *file, const char *to, struct qmp_error *err);

/* Where a new sidecar goes: beside the active image of the first disk that a snapshot
 * takes. New string, NULL: no disk is a file in a folder. */
char *sidecar_place(const struct graph *g);

/*
 * Make the link @link lead to the sidecar @file, so that it is found from an image whose
 * chain does not have it. QRW_ERR_REFUSED: there is something else already.
 */
int sidecar_link(const char *file, const char *link, struct qmp_error *err);
/* Is @link one that leads to the sidecar @file, or to where one lay that was called so? */
bool sidecar_leads(const char *link, const char *file);
/* The same, where that lay @was, and is @file now, or where it was in the folder of @file under a
 * name that nothing has any more: who gave it another one was killed. */
bool sidecar_has_led(const char *link, const char *was, const char *file);
/* Remove @link, if it is one, for good. */
void sidecar_unlink(const char *link);
/* The same where there may be a link already, to it or to what is not there. */
int sidecar_point(const char *file, const char *link, struct qmp_error *err);
/* Remove @link, if it is one to @file, the sidecar, or where it was. */
void sidecar_unpoint(const char *file, const char *link);
/* What was the sidecar becomes a link to @file, in one step. */
int sidecar_turn(const char *file, const char *link, struct qmp_error *err);
/* Where @link leads, by name. New string, NULL: it is no link. */
char *sidecar_target(const char *link);
/* The sidecar that @link, beside an image, leads to. New string, NULL: there is none, @link is no
 * such link, or whose it is may not say so. */
char *sidecar_led(const char *link);
/* The same of one that leads to a sidecar in another folder, which is not there. */
char *sidecar_away(const char *link);

/* The one sidecar that records @image where the link @link beside it leads to one that has another
 * name now: who gave it that was killed before he said so here. New string, NULL: none, or several
 * do. */
char *sidecar_renamed(const char *link, const char *image);

/* Of the document @c, as loaded from @file: where its folder was moved or copied with others that
 * it names files of, those in the new ones are meant. */
void sidecar_follow(struct chain *c, const char *file);
/* Note in @doc, which will be in @file, what that needs. */
void sidecar_note_folder(json_t *doc, const char *file);

/*
 * Read and check @file. A file that does not exist gives an empty document for the VM
 * (@name, @uuid may be NULL). Its owner is whose files it may have us remove, where we are root
 * (0: anybody's). QRW_ERR_INVALID, QRW_ERR_UNSUPPORTED (newer version),
 * QMP_ERR_SYSTEM.
 */
int sidecar_load(struct chain *c, const char *file, const char *name, const char *uuid,
                 struct qmp_error *err);

/*
 * Replace @file by @doc, one generation on: temporary file, fsync, rename, fsync of the folder: a
 * journal is there before the first step, and what was reported as done stays done.
 * @like: the image whose permissions the file does not exceed (NULL: 0600).
 * The caller holds the lock. On failure the old file is as it was, but with QRW_ERR_UNKNOWN: it is
 * replaced, and a power cut may undo that. QRW_ERR_INVALID: @doc is what sidecar_load() would
 * refuse.
 */
int sidecar_save(const char *file, json_t *doc, const char *like, struct qmp_error *err);
/* The same in two steps, the longer one first: who has prepared it replaces @file, or discards what
 * is prepared. @old (may be NULL): set to a descriptor of what was replaced, or -1. To free that
 * takes longer than all the rest, and happens when the caller closes it. @spends: it may take the
 * room that @file keeps. */
int sidecar_prepare(const char *file, json_t *doc, const char *like, bool spends,
                    struct qmp_error *err);
int sidecar_replace(const char *file, int *old, struct qmp_error *err);
void sidecar_discard(const char *file);

/*
 * Room on the file system that a sidecar keeps for those that replace it. What sidecar_prepare()
 * writes keeps some; who holds the lock asks for more when there may be more.
 */
/* True: it has more now, and the stamp is wrong. */
bool sidecar_keep_room(int fd);
void sidecar_renew_room(const char *file);
/* False: it kept none. Its bytes are not touched. */
bool sidecar_give_room(const char *file);

/* Take the writers' lock of @file. Returns a descriptor, or -1: QRW_ERR_LOCKED says by whom. */
int sidecar_lock(const char *file, struct qmp_error *err);
void sidecar_unlock(const char *file, int lock);
/* Can that lock be made: is the folder one that we may write in? */
bool sidecar_is_lockable(const char *file);
/* QRW_ERR_LOCKED if somebody holds it now. Nothing is made. */
int sidecar_check_unlocked(const char *file, struct qmp_error *err);

/*
 * A journal names files that may be removed and commands that are sent: who could write it
 * must be one who could do so anyway, us, root or the owner of the images. @st is @file's;
 * QRW_ERR_INVALID.
 */
int sidecar_trust(const struct stat *st, const char *file, struct qmp_error *err);

/* The same of @file, which was found: it says that it is about @image, whoever has written it. */
int sidecar_trust_for(const char *file, const char *image, struct qmp_error *err);

/* "WHAT FILE: strerror(errno)", and what to do. -1, and errno as it was. */
int sidecar_error(struct qmp_error *err, const char *what, const char *file);

/* May what root works with, of @owner (0: root's own, or we are not root), lie at @place, or a link
 * to it? Beside his images alone, or in his folder: he may call any file an image. */
bool sidecar_may_lie(const char *place, uid_t owner);

/* @err, of errno, says that @file cannot be opened: whose is it? Another place would be another
 * record. -1, and errno as it was. */
int sidecar_hint_owner(const char *file, struct qmp_error *err);

/*
 * What is pending is carried out by whoever comes next, unasked. A folder that was unpacked, or
 * copied, may bring any: so the file that a journal is written into is noted in it, also when it
 * was made, where the file system knows: nobody can choose that, and the inode of a file to come
 * may be guessed. -1: errno.
 */
int sidecar_sign(json_t *doc, int fd);
/* Is something pending in @doc that was written into another file than the one that it came from,
 * @fd, of which @st is known? */
bool sidecar_is_copied(const json_t *doc, int fd, const struct stat *st);

#endif
