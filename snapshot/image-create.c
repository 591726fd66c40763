/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image-create: make files and unlink them; see image.h.
 *
 * A new file goes through these steps; after a failure in any of them but the first it is
 * unlinked again:
 *
 *     open O_EXCL, mode 0600 ─> owner and mode ─> write the pieces ─> fdatasync
 */
#include "snapshot/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image-error.h"

static int create(const char *path, struct qmp_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST) {
        qmp_error_set(err, QRW_ERR_REFUSED, "%s exists", path);
        return qmp_error_hint(err, "choose another name, or remove the file if nothing needs it");
    }
    if (fd < 0) {
        bool no_folder = errno == ENOENT;
        image_error(err, "create", path);
        return no_folder ? qmp_error_hint(err, "make the folder first") : -1;
    }
    return fd;
}

/*
 * Give the new file to the owner of @like. Only root may do that for another user;
 * without root it is enough when the owner gets in by the group or as anybody.
 */
static int hand_over(int fd, const char *path, const char *like, struct qmp_error *err)
{
    struct stat ours, theirs;

    if (stat(like, &theirs))
        return image_error(err, "look at", like);
    if (fstat(fd, &ours))
        return image_error(err, "look at", path);

    /* also of a read-only @like the overlay is to be written to */
    mode_t mode = (theirs.st_mode & 0666) | 0600;
    bool user = ours.st_uid == theirs.st_uid, group = ours.st_gid == theirs.st_gid;
    if ((!user || !group) && !fchown(fd, theirs.st_uid, theirs.st_gid))
        user = group = true;
    else if (!group && !fchown(fd, (uid_t)-1, theirs.st_gid))
        group = true;
    if (!group)
        mode &= 0606 | (mode & 06) << 3; /* to our group only what anybody gets */
    if (!user && (mode & 060) != 060 && (mode & 06) != 06) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s: user %u, who owns %s, could not open it, and we may not give it away",
                      path, (unsigned)theirs.st_uid, like);
        return qmp_error_hint(err, "run as that user, or as root");
    }
    return fchmod(fd, mode) ? image_error(err, "change the mode of", path) : 0;
}

int image_write_at(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const char *p = bytes;

    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int fill(int fd, const char *path, const struct qcow2_layout *l, struct qmp_error *err)
{
    for (int i = 0; i < QCOW2_PIECES; i++)
        if (image_write_at(fd, l->piece[i].bytes, l->piece[i].len, l->piece[i].offset))
            return image_error(err, "write", path);
    if (ftruncate(fd, (off_t)l->length))
        return image_error(err, "write", path);
    return 0;
}

/* @l NULL: an empty file. */
static int create_with(const char *path, const struct qcow2_layout *l, const char *like,
                       struct qmp_error *err)
{
    auto_close int fd = create(path, err);

    if (fd < 0)
        return -1;
    if ((!like || !hand_over(fd, path, like, err)) && (!l || !fill(fd, path, l, err))) {
        /* begin to write it out, so that syncing several of them is one wait; that it
         * cannot be begun is no failure, image_flush() will tell */
        sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        return 0;
    }
    unlink(path); /* nobody else can have made it: O_EXCL */
    return -1;
}

int image_create_overlay(const char *path, const struct qcow2_options *o, const char *like,
                         struct qmp_error *err)
{
    struct qcow2_layout l;

    if (qcow2_compose(o, &l, err))
        return qmp_error_wrap(err, "%s", path);
    int rc = create_with(path, &l, like, err);
    qcow2_layout_done(&l);
    return rc;
}

int image_create_reserved(const char *path, const char *like, struct qmp_error *err)
{
    return create_with(path, NULL, like, err);
}

int image_open(const char *path, bool write, struct qmp_error *err)
{
    int fd = open(path, (write ? O_WRONLY : O_RDONLY | O_NONBLOCK) | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? image_error(err, "open", path) : fd;
}

int image_create_stream(const char *path, const char *like, int64_t room, struct qmp_error *err)
{
    if (image_create_reserved(path, like, err))
        return -1;
    auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    /* a file system that reserves nothing is no failure */
    if (fd >= 0 && (!room || !fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, room) || errno == EOPNOTSUPP ||
                    errno == ENOSYS))
        return 0;
    image_error(err, "allocate", path);
    unlink(path);
    return -1;
}

void image_trim(const char *path)
{
    auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    /* Not by a hole: ext4 punches none behind the end. */
    if (size >= 0 && ftruncate(fd, size))
        return; /* the room stays taken, and that is all */
}

int image_unlink_if(const char *path, const struct image_stat *expected, struct qmp_error *err)
{
    struct image_stat now;

    if (image_stat(path, &now, err))
        return -1;
    if (now.exists && (now.symlink || !image_same(&now, expected)))
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s is not the file that was to be removed",
                             path);
    if (now.exists && unlink(path) && errno != ENOENT)
        return image_error(err, "unlink", path);
    return 0;
}

int image_set_mode(const char *path, mode_t mode, struct qmp_error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    return fd < 0 || fchmod(fd, mode) ? image_error(err, "change the mode of", path) : 0;
}
