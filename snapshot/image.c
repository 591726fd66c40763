/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image: look at image files, flush them; see image.h. */
#include "snapshot/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/foreign.h"
#include "snapshot/image-error.h"
#include "snapshot/path.h"
#include "snapshot/utf8.h"

int image_error(struct qmp_error *err, const char *verb, const char *path)
{
    static const struct {
        int code;
        const char *hint;
    } hints[] = {
        {ENOSPC, "free some space in that file system, or put the file elsewhere"},
        {EDQUOT, "the disk quota is used up: free some space, or put the file elsewhere"},
        {EACCES, "run as the user that QEMU runs as, or as root"},
        {EPERM, "run as the user that QEMU runs as, or as root"},
        {ENAMETOOLONG, "choose a shorter name (of the snapshot, or --overlay DISK=FILE)"},
        {EROFS, "the file system is mounted read-only: put the file elsewhere"},
    };
    int code = errno;

    qmp_error_set(err, QMP_ERR_SYSTEM, "%s %s: %s", verb, path, strerror(code));
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (hints[i].code == code)
            qmp_error_hint(err, "%s", hints[i].hint);
    errno = code;
    return -1;
}

bool image_is_answer(int code)
{
    static const int answers[] = {0,     ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG,
                                  ESRCH, EACCES, EPERM,   ENOSYS};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (answers[i] == code)
            return true;
    return false;
}

/* A block device's size is where its end is; opening it only to ask is harmless. */
static uint64_t device_size(const char *path)
{
    auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;

    return end > 0 ? (uint64_t)end : 0;
}

int image_stat(const char *path, struct image_stat *out, struct qmp_error *err)
{
    struct stat link, st;

    if (lstat(path, &link) || stat(path, &st)) {
        if (errno != ENOENT && errno != ENOTDIR)
            return image_error(err, "look at", path);
        *out = (struct image_stat){.symlink = !lstat(path, &link) && S_ISLNK(link.st_mode)};
        return 0;
    }
    *out = (struct image_stat){
        .exists = true,
        .symlink = S_ISLNK(link.st_mode),
        .regular = S_ISREG(st.st_mode),
        .block_device = S_ISBLK(st.st_mode),
        .dev = st.st_dev,
        .ino = st.st_ino,
        .size = S_ISBLK(st.st_mode) ? device_size(path) : (uint64_t)st.st_size,
        .allocated = (uint64_t)st.st_blocks * 512,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
        .uid = st.st_uid,
        .gid = st.st_gid,
        .mode = st.st_mode & 07777,
    };
    return 0;
}

bool image_is_there(const char *path)
{
    struct image_stat st = {0};

    return !image_stat(path, &st, NULL) && st.exists;
}

bool image_is_gone(const char *path)
{
    struct image_stat st = {0};

    return !image_stat(path, &st, NULL) && !st.exists;
}

static int64_t born(int fd, const char *path, int flags)
{
    struct statx st = {0};

    if (statx(fd, path, flags, STATX_BTIME, &st) || !(st.stx_mask & STATX_BTIME))
        return 0;
    return (int64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
}

int64_t image_born(const char *path)
{
    return born(AT_FDCWD, path, 0);
}

int64_t image_born_open(int fd)
{
    return born(fd, "", AT_EMPTY_PATH);
}

const char *image_driver(const char *path)
{
    struct image_stat st = {0};

    return !image_stat(path, &st, NULL) && st.block_device ? "host_device" : "file";
}

json_t *image_options(const char *path, const char *format, json_t *backing)
{
    return json_pack("{s:s, s:{s:s, s:s}, s:o}", "driver", format, "file", "driver",
                     image_driver(path), "filename", path, "backing", backing);
}

char *image_name(json_t *options)
{
    json_auto_t *taken = options;
    auto_free char *words = json_dumps(taken, JSON_COMPACT);

    return mem_printf("json:%s", words);
}

bool image_same(const struct image_stat *a, const struct image_stat *b)
{
    return a->exists && b->exists && a->dev == b->dev && a->ino == b->ino;
}

char *image_place(const char *path)
{
    auto_free char *folder = path_folder(path);
    auto_free char *real = realpath(folder, NULL);

    if (!utf8_is(real))
        return mem_strdup(path);
    return mem_printf("%s/%s", strcmp(real, "/") ? real : "", path_name(path));
}

/* Only files and block devices; O_NONBLOCK, or opening a fifo would wait for a writer. */
static int open_image(const char *path, struct qmp_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return image_error(err, "open", path);
    if (fstat(fd, &st)) {
        image_error(err, "look at", path);
        close(fd);
        return -1;
    }
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
        return fd;
    close(fd);
    return qmp_error_set(err, QRW_ERR_INVALID, "%s is neither a file nor a block device", path);
}

/* Read @len bytes at @offset, or less at the end of the file. Returns how many, or -1. */
static ssize_t read_at(int fd, void *buf, size_t len, uint64_t offset)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, (char *)buf + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* The header's first part nearly always has it all; else it says how much more. */
static int read_header(int fd, const char *path, struct qcow2_header *h, struct qmp_error *err)
{
    size_t len = 4096;
    auto_free char *buf = NULL;
    struct qmp_error e;

    for (;;) {
        buf = mem_grow(buf, len, 1);
        ssize_t got = read_at(fd, buf, len, 0);
        if (got < 0)
            return image_error(err, "read", path);
        if (!qcow2_parse(buf, (size_t)got, h, &e))
            return 0;
        if (h->need <= len || (size_t)got < len)
            break;
        len = h->need;
    }
    if (err)
        *err = e;
    return qmp_error_wrap(err, "%s", path);
}

int image_read_header(const char *path, struct qcow2_header *h, struct qmp_error *err)
{
    auto_close int fd = open_image(path, err);

    if (fd < 0 || read_header(fd, path, h, err))
        return -1;
    if (!h->backing || utf8_is(h->backing))
        return 0;
    /* as if it could not be read: it is an image, and nobody is to take it for another */
    qcow2_header_done(h);
    errno = EILSEQ;
    return qmp_error_set(err, QMP_ERR_SYSTEM, "%s: its header names a file whose name is not UTF-8",
                         path);
}

int image_read_foreign(const char *path, char **backing, struct qmp_error *err)
{
    char first[FOREIGN_HEADER];
    auto_close int fd = open_image(path, err);
    ssize_t got = fd < 0 ? -1 : read_at(fd, first, sizeof(first), 0);

    *backing = got > 0 ? foreign_backing(first, (size_t)got) : NULL;
    if (fd < 0)
        return -1;
    return got < 0 ? image_error(err, "read", path) : 0;
}

int image_is_empty_overlay(const char *path, bool *empty, struct qmp_error *err)
{
    struct qcow2_header h;
    auto_close int fd = open_image(path, err);

    if (fd < 0 || read_header(fd, path, &h, err))
        return -1;
    qcow2_header_done(&h);
    if (h.nsnapshots || h.incompatible & QCOW2_DATA_FILE) {
        *empty = false;
        return 0;
    }
    return image_tables_are_zero(fd, path, &h, empty, err);
}

bool image_is_unwritten(const char *path)
{
    char first[4096]; /* the smallest cluster there is */
    auto_close int fd = open_image(path, NULL);
    ssize_t got = fd < 0 ? -1 : read_at(fd, first, sizeof(first), 0);

    bool zeros = !got || (got > 0 && !first[0] && !memcmp(first, first + 1, (size_t)got - 1));

    return zeros || (got > 0 && got < (ssize_t)sizeof(first) && qcow2_magic(first, (size_t)got));
}

int image_sync_folder(const char *path, struct qmp_error *err)
{
    auto_free char *folder = path_folder(path);
    auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /* EINVAL: this file system has no need for it */
    int rc = fd < 0 ? -1 : fsync(fd);
    while (rc && fd >= 0 && errno == EINTR)
        rc = fsync(fd);
    return fd < 0 || (rc && errno != EINVAL) ? image_error(err, "sync", folder) : 0;
}

/* Not every file system has a rename that never replaces; a link never does either. */
int image_move(const char *from, const char *to, struct qmp_error *err)
{
    if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        return 0;
    if ((errno != EINVAL && errno != ENOSYS) || link(from, to) || unlink(from))
        return image_error(err, "make", to);
    return 0;
}

/*
 * The page cache belongs to the file, not to who opened it: flushing through our
 * descriptor spares QEMU's main loop the wait. Our close drops no lock of QEMU's: it
 * uses open file description locks, which belong to its own descriptor.
 */
int image_flush(const char *path, struct qmp_error *err)
{
    auto_close int fd = open_image(path, err);

    if (fd < 0)
        return -1;
    return fdatasync(fd) ? image_error(err, "flush", path) : 0;
}

int image_space(const char *folder, uint64_t *bytes, struct qmp_error *err)
{
    struct statvfs vfs;

    if (statvfs(folder, &vfs))
        return errno == ENOENT
                   ? qmp_error_set(err, QRW_ERR_REFUSED, "there is no folder %s", folder)
                   : image_error(err, "ask for the free space of", folder);
    *bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    return 0;
}

int image_snapshots(const char *path, struct qcow2_snapshot **list, size_t *n,
                    struct qmp_error *err)
{
    auto_close int fd = open_image(path, err);
    struct qcow2_header h = {0};
    auto_free char *buf = NULL;
    size_t len = 0, need = 1 << 16;
    struct qmp_error why;
    int rc = -1;

    *list = NULL;
    *n = 0;
    if (fd < 0 || read_header(fd, path, &h, err))
        return -1;
    while (rc && need > len) {
        len = need < 2 * len ? 2 * len : need; /* it asks for one entry more at a time */
        buf = mem_grow(buf, len, 1);
        ssize_t got = read_at(fd, buf, len, h.snapshots_offset);
        if (got < 0) {
            image_error(&why, "read", path);
            break;
        }
        rc = qcow2_parse_snapshots(&h, buf, (size_t)got, list, &need, &why);
    }
    if (!rc)
        *n = h.nsnapshots;
    else if (err)
        *err = why;
    qcow2_header_done(&h);
    return rc ? qmp_error_wrap(err, "%s", path) : 0;
}

int image_has_snapshot(const char *path, const char *name, struct qmp_error *err)
{
    struct qcow2_snapshot *list;
    struct qmp_error why;
    size_t n;

    if (image_snapshots(path, &list, &n, &why) && why.kind == QMP_ERR_SYSTEM &&
        !image_is_answer(errno)) {
        if (err)
            *err = why;
        return -1;
    }
    bool found = qcow2_snapshot_find(list, n, name);
    qcow2_snapshots_free(list, n);
    return found ? 0 : qmp_error_set(err, QRW_ERR_NOT_FOUND, "%s does not hold '%s'", path, name);
}

bool image_holds_snapshots(const char *path, const char *but)
{
    struct qcow2_snapshot *list;
    struct qmp_error why = {0};
    size_t n;
    bool found = image_snapshots(path, &list, &n, &why) && why.kind == QMP_ERR_SYSTEM;

    for (size_t i = 0; i < n; i++)
        found |= strncmp(list[i].name, but, strlen(but)) != 0;
    qcow2_snapshots_free(list, n);
    return found;
}
