/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sidecar-save: the document replaces the file, whole:
 *
 *   FILE.new: write, fsync ──> rename ──> fsync of the folder
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/chain-check.h"
#include "snapshot/clock.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

static mode_t mode_like(const char *like)
{
    struct stat st;

    return like && !stat(like, &st) ? 0600 & st.st_mode : 0600;
}

int sidecar_rename(const char *file, const char *to, struct qmp_error *err)
{
    return rename(file, to) ? sidecar_error(err, "cannot rename", file)
                            : image_sync_folder(to, err);
}

static char *fresh_name(const char *file)
{
    return mem_printf("%s.new", file);
}

/* The system's own stamps are of its last tick, some milliseconds ago. */
int sidecar_stamp(int fd)
{
    struct timespec now[2];

    now[0] = now[1] = clock_now();
    return futimens(fd, now);
}

/* *@size: how long it is. */
static int write_document(int fd, const json_t *doc, size_t *size)
{
    auto_free char *text = json_dumps(doc, JSON_INDENT(1));

    errno = EINVAL; /* unless it is a write that fails */
    *size = text ? strlen(text) : 0;
    return text ? image_write_at(fd, text, *size, 0) : -1;
}

/* Root leaves it to whose it was, or whose the images are: it is his word, and he goes on with it.
 */
static int keep_owner(int fd, const char *file, const char *like)
{
    struct stat st, ours;
    const bool old = !lstat(file, &st) && S_ISREG(st.st_mode);

    if (geteuid() || (!old && (!like || stat(like, &st))))
        return 0;
    if (fstat(fd, &ours))
        return -1;
    /* where root may not give it away, in a container, the group has to do without */
    return fchown(fd, st.st_uid, st.st_gid) && st.st_uid != ours.st_uid ? -1 : 0;
}

static bool is_full(void)
{
    return errno == ENOSPC || errno == EDQUOT;
}

/* -1: errno is kept, and @fresh is not there. */
static int write_fresh(const char *fresh, const char *file, json_t *doc, const char *like,
                       struct qmp_error *err)
{
    auto_close int fd =
        open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_like(like));
    size_t size = 0;

    if (fd < 0) {
        sidecar_error(err, "cannot create", fresh);
    } else {
        int rc =
            keep_owner(fd, file, like) || sidecar_sign(doc, fd) || write_document(fd, doc, &size);

        if (!rc)
            sidecar_keep_room(fd);
        if (!rc && !sidecar_stamp(fd) && !fsync(fd))
            return 0;
        sidecar_error(err, "cannot write", fresh);
        const int code = errno;
        unlink(fresh);
        errno = code;
    }
    if (is_full() && size) {
        err->hint[0] = '\0';
        qmp_error_hint(err, "%zu KiB must be free on that file system: make room, and try again",
                       size / 1024 + 1);
    }
    return -1;
}

int sidecar_prepare(const char *file, json_t *doc, const char *like, bool spends,
                    struct qmp_error *err)
{
    const json_int_t generation = json_integer_value(json_object_get(doc, "generation"));
    auto_free char *fresh = fresh_name(file), *folder = path_folder(file);
    struct qmp_error why = {0};

    if (chain_check(folder, doc, err))
        return qmp_error_wrap(err, "%s stays as it was: what was to be recorded", file);
    json_object_set_new(doc, "generation", json_integer(generation + 1));
    sidecar_note_folder(doc, file);
    /* we hold the lock: what lies there was prepared, and came to nothing */
    if (unlink(fresh) && errno != ENOENT)
        return sidecar_error(err, "cannot remove", fresh);
    int rc = write_fresh(fresh, file, doc, like, &why);
    if (rc && spends && is_full() && sidecar_give_room(file))
        rc = write_fresh(fresh, file, doc, like, &why);
    if (rc && err)
        *err = why;
    return rc;
}

void sidecar_discard(const char *file)
{
    auto_free char *fresh = fresh_name(file);

    unlink(fresh);
}

int sidecar_replace(const char *file, int *old, struct qmp_error *err)
{
    auto_free char *fresh = fresh_name(file);

    if (old)
        *old = open(file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (rename(fresh, file)) {
        sidecar_error(err, "cannot rename", fresh);
        unlink(fresh);
        return -1;
    }
    if (!image_sync_folder(file, err))
        return 0;
    if (err)
        err->kind = QRW_ERR_UNKNOWN;
    return -1;
}

int sidecar_save(const char *file, json_t *doc, const char *like, struct qmp_error *err)
{
    return sidecar_prepare(file, doc, like, true, err) || sidecar_replace(file, NULL, err) ? -1 : 0;
}
