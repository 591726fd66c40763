/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image: image files in the file system.
 *
 * Nothing here ever truncates or overwrites a file, or unlinks one that is not the
 * file the caller means (design.md §8 law 1). Failures of the operating system are
 * QMP_ERR_SYSTEM with a hint where there is something to do about them.
 */
#ifndef SNAPSHOT_IMAGE_H
#define SNAPSHOT_IMAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "snapshot/error.h"
#include "snapshot/qcow2.h"

struct image_stat {
    bool exists;
    bool symlink; /* the name is a symbolic link, perhaps to nowhere; all else is of its target */
    bool regular;
    bool block_device;
    dev_t dev;
    ino_t ino;
    uint64_t size;      /* bytes; a block device's too */
    uint64_t allocated; /* bytes on the disk below */
    int64_t mtime_ns;
    uid_t uid;
    gid_t gid;
    mode_t mode; /* permission bits */
};

/* Look at @path. That there is no such file is no error: @out->exists is false. */
int image_stat(const char *path, struct image_stat *out, struct qmp_error *err);
/* Seen to be there; seen not to be. Where @path cannot be looked at, it is neither. */
bool image_is_there(const char *path);
bool image_is_gone(const char *path);

/* image-owner.c: is @uid neither root nor we? */
bool image_is_of_another(uid_t uid);
/*
 * Is it there, and nothing that we do to it for the user @owner, whose sidecar or header names it?
 * For root: another user's. Else: what he may not write to himself. 0: he may do all that we may.
 */
bool image_is_foreign(const struct image_stat *st, uid_t owner);
/* May the user @uid, who is not root, read it? False, too, where that cannot be seen. */
bool image_is_readable_by(const char *path, uid_t uid);

/* When @path was made, in nanoseconds; 0: the file system does not know. */
int64_t image_born(const char *path);
int64_t image_born_open(int fd);

/* QEMU's driver for what lies at @path: "file", or "host_device". */
const char *image_driver(const char *path);

/* How QEMU's tools open @path, of @format, on @backing (taken; null: on nothing): they probe
 * nothing, and open nothing else that its header names. New reference. */
json_t *image_options(const char *path, const char *format, json_t *backing);

/* Such options (taken) as the name that those tools take for them. New string. */
char *image_name(json_t *options);

/* Are these the same file? Both must exist. */
bool image_same(const struct image_stat *a, const struct image_stat *b);

/* @path with the links and ".." in its folder followed, as it is where that cannot be done.
 * The caller frees it. */
char *image_place(const char *path);

/*
 * What the string @backing in the header of @image means: a file name as we can
 * open it, or NULL when it is no local file (a network disk, a json: description
 * without a file name). Relative names begin at @image's folder. The caller frees it.
 */
char *image_backing_path(const char *image, const char *backing);

/* The file that the header of the qcow2 image @file names as its backing file, its folder's links
 * followed. New string; NULL: none, no local file, or the header cannot be read. */
char *image_backing_file(const char *file);

/* That name as it is, and *@format (NULL: not said) that of what it names: new strings. NULL: none,
 * or the header cannot be read. */
char *image_base_named(const char *file, char **format);

/*
 * The same of the name of an external data file, but a relative one begins where QEMU was started:
 * here, as far as we know, or else beside @image. A relative name that is in neither place is
 * returned as it is.
 */
char *image_data_path(const char *image, const char *data);

/*
 * Read the qcow2 header of @path. Follows symbolic links; never blocks on a fifo.
 * QRW_ERR_INVALID: not a file or block device, or not a sound qcow2 image.
 */
int image_read_header(const char *path, struct qcow2_header *h, struct qmp_error *err);

/* The backing string of an image of another format (foreign.h), *@backing: new string, NULL when it
 * names none, or is no such image. */
int image_read_foreign(const char *path, char **backing, struct qmp_error *err);

/* Is there no guest data, and no internal snapshot, in this qcow2 image? */
int image_is_empty_overlay(const char *path, bool *empty, struct qmp_error *err);

/* The same of the open image with the header @h, which has no internal snapshot. */
int image_tables_are_zero(int fd, const char *path, const struct qcow2_header *h, bool *zero,
                          struct qmp_error *err);

/* Is this a qcow2 image of which a power cut left no whole header? It ends within its first
 * cluster, or that reads as zeros. */
bool image_is_unwritten(const char *path);

/* Does the qcow2 image @path hold an internal snapshot @name? Returns 0, or -1 with
 * QRW_ERR_NOT_FOUND, also where it is none or we may not look; QMP_ERR_SYSTEM: it may hold it. */
int image_has_snapshot(const char *path, const char *name, struct qmp_error *err);

/* All internal snapshots inside of @path, *@n of them: qcow2_snapshots_free(). None where they
 * cannot be read. */
int image_snapshots(const char *path, struct qcow2_snapshot **list, size_t *n,
                    struct qmp_error *err);

/* Does the image show exactly what its internal snapshot @tag holds: was nothing written since that
 * was taken, or gone back to? False also where it cannot be told. */
bool image_shows(const char *path, const char *tag);

/* The size of the disk when its internal snapshot @tag was taken, in bytes, where that is another
 * than it has now; 0: it is not, or that is not known. */
int64_t image_resized_since(const char *path, const char *tag);

/* As image_shows(), and with no @tag (NULL): is there nothing of its own in it? */
bool image_untouched(const char *path, const char *tag);

/* Is @path such a file as we save a memory in, and nothing more: a stream as @live saves it, or an
 * image that shows nothing, with at most that memory inside? False also where it cannot be told. */
bool image_is_memory(const char *path, bool live);

/* Is @path no whole stream as a live memory is: other first bytes, or another end? False where it
 * cannot be read, or does not tell: machine types up to 2.3 wrote less. */
bool image_is_cut(const char *path);

/* Is there any internal snapshot inside of @path, but those whose names begin with @but? True also
 * when that cannot be read. */
bool image_holds_snapshots(const char *path, const char *but);

/* ---- Create and remove ---- */

/*
 * Create an empty qcow2 image that nobody had before. It is on its way to the disk:
 * image_flush() and image_sync_folder() wait for it, so that many can be made first. Owner, group
 * and permissions follow the file @like (NULL: stay ours), so that whoever may write that one can
 * open this one.
 *
 * QRW_ERR_REFUSED: the file exists, it is untouched. After any failure the file is
 * not there.
 */
int image_create_overlay(const char *path, const struct qcow2_options *o, const char *like,
                         struct qmp_error *err);

/* The same with an empty file: reserves a name. */
int image_create_reserved(const char *path, const char *like, struct qmp_error *err);

/* The same with @room bytes of the file system kept for it, as far as that can be done;
 * image_trim() gives back what lies beyond its end. */
int image_create_stream(const char *path, const char *like, int64_t room, struct qmp_error *err);
void image_trim(const char *path);

/* Open @path for QEMU to write to, or to read: a descriptor, or -1. */
int image_open(const char *path, bool write, struct qmp_error *err);

/* Write all of it, however many writes that takes. -1: errno says why not. */
int image_write_at(int fd, const void *bytes, size_t len, uint64_t offset);

/*
 * Unlink @path if it is still the file that @expected describes (device and inode).
 * A file that is already gone is success; QRW_ERR_REFUSED when it is another one or
 * a symbolic link.
 */
int image_unlink_if(const char *path, const struct image_stat *expected, struct qmp_error *err);

/* Set the permission bits of @path, which is no link. */
int image_set_mode(const char *path, mode_t mode, struct qmp_error *err);

/* Call @from @to, which nobody is called. Both lie in one file system. */
int image_move(const char *from, const char *to, struct qmp_error *err);

/* Make the entries of @path's folder durable: after creating, renaming or unlinking. */
int image_sync_folder(const char *path, struct qmp_error *err);

/* Write @path's dirty pages to the disk, also while QEMU has it open. */
int image_flush(const char *path, struct qmp_error *err);

/* Write @backing (as it is) and its format into the header of @path, and nothing else: "qemu-img
 * rebase -u". Can be repeated. QRW_ERR_LOCKED when somebody has it open, QRW_ERR_FAILED with
 * qemu-img's words, QRW_ERR_UNSUPPORTED: there is no qemu-img. */
int image_name_backing(const char *path, const char *format, const char *backing,
                       const char *backing_format, struct qmp_error *err);

/* Give back the clusters of the qcow2 image @path that nothing uses: "qemu-img check -r leaks". */
int image_free_leaks(const char *path, struct qmp_error *err);

/* Remove the internal snapshot @tag from the qcow2 image @path, which nobody has open. That it
 * is not there is no failure. Errors as above. */
int image_untag(const char *path, const char *tag, struct qmp_error *err);

/* Let the image show what its internal snapshot @tag holds. The same. */
int image_apply(const char *path, const char *tag, struct qmp_error *err);

/* What a user without privileges can still write to the file system of @folder, in bytes. */
int image_space(const char *folder, uint64_t *bytes, struct qmp_error *err);

/* ---- Others ---- */

/*
 * Does process @pid mean the same file (or folder) by @path as we do? Relative names
 * begin at its working directory. False also when we may not look.
 */
bool image_reachable(pid_t pid, const char *path);

/* Our working directory, "/" when it is gone. The caller frees it. */
char *image_cwd(void);

/* How a process sees files: asked once for many names. */
struct image_view {
    pid_t pid;
    bool same;  /* every name means what it means to us */
    int failed; /* an errno: a look failed that may not fail the next time; 0: none has */
};
struct image_view image_view(pid_t pid);

/* @path of the process, absolute and without links, as we open it; NULL when it is
 * not image_reachable(). The caller frees it. */
char *image_resolve(struct image_view *view, const char *path);

/* What @path of the process is called, if here that is another file; else NULL, also where it
 * cannot be looked at. The caller frees it. */
char *image_other(struct image_view *view, const char *path);

/* What @path of the process was, as we would call it, if names mean to it what they mean to us and
 * there is no such file any more; else NULL. The caller frees it. */
char *image_lost(struct image_view *view, const char *path);

/* What no other process of this host has been or will be until it starts again: "PID START". New
 * string, NULL: we cannot see it. */
char *image_process_id(pid_t pid);

/* What process @pid was started with, each argument with a 0 behind it and another at the end:
 * *@len bytes, of the first 32 KiB; 0: not to be seen. The caller frees them. */
char *image_arguments(pid_t pid, size_t *len);

/* Does process @pid have the file @st open? 0 also when we may not look; -1: to be asked again, and
 * errno says why. */
int image_open_in(pid_t pid, const struct image_stat *st);

/*
 * Who has @path open, as far as we may look: writers before readers, never
 * ourselves. Returns true and fills @pid and @text ("pid 1234 (qemu-system-x86_64
 * -name web1)"), or false: nobody that we can see.
 */
bool image_holder(const char *path, pid_t *pid, char *text, size_t size);

/* 0: nobody that we can see has @path open, -1: QRW_ERR_LOCKED says who. */
int image_check_unused(const char *path, struct qmp_error *err);

/* Who but us and process @but (0: nobody) has @path open for writing, as far as we may look; 0:
 * nobody. */
pid_t image_writer(const char *path, pid_t but, char *text, size_t size);

/* Has anybody locked @path as QEMU does? @text says who. Cheap where nobody has. */
bool image_held(const char *path, char *text, size_t size);

/* Who has @path locked as QEMU does, @but excepted. Without a @but also somebody whom we cannot
 * see is found: -1. */
pid_t image_locked(const char *path, pid_t but, char *text, size_t size);

struct image_users {
    char **names; /* images and sidecars, as FOLDER/NAME */
    size_t n;
    /* images in the folder of the file that name one that is not there, but is called as it is */
    char **astray;
    size_t nastray;
    char *unread; /* what may be one, and why that cannot be told: the first; NULL: there is none */
};

/*
 * Find who builds on @file: images that name it as their backing file (qcow2, and those
 * of foreign.h) or data file, and sidecars that list it as a layer, in the folder of @file and in
 * those of @except (NULL at the end, or NULL). The files in @except themselves, and @file, do not
 * count.
 *
 * @out is the caller's, also after a failure: image_users_done(). What we may not read is
 * @out->unread, no failure; -1 when @file is not there, or when nobody is found and the search
 * itself failed: then somebody may be there.
 */
int image_users(const char *file, const char *const *except, struct image_users *out,
                struct qmp_error *err);
void image_users_done(struct image_users *u);

#endif
