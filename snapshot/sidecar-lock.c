/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sidecar-lock: one writer at a time.
 *
 * The lock file is removed when the lock is given back; so whoever has locked it looks
 * whether the name still means the file that he locked, and tries again if not.
 *
 * Such a lock belongs to the open file, and that is shared by a child of the holder until it has
 * become another program (or the keeper has closed it): a moment, by which it outlives a holder
 * who is killed just then. A lock that only a process itself has (fcntl) would be lost with any
 * descriptor of the file, and not keep two users of the library in one process apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

enum { PATIENCE_MS = 1000 }; /* for what a dead holder left */

/* 1: it is, 0: somebody has removed it, -1: errno says why that cannot be told. */
static int still_there(const char *path, int fd)
{
    struct stat named, held;

    if (stat(path, &named))
        return errno == ENOENT ? 0 : -1;
    if (fstat(fd, &held))
        return -1;
    return named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

static int lock_now(int fd)
{
    int rc;

    while ((rc = flock(fd, LOCK_EX | LOCK_NB)) && errno == EINTR)
        ;
    return rc;
}

/* Who says that he holds it; 0: nobody does. */
static pid_t holder(int fd)
{
    char pid[32] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? n : 0] = '\0';
    long number = strtol(pid, NULL, 10);
    return number > 0 && number <= INT_MAX ? (pid_t)number : 0;
}

static bool is_dead(pid_t pid)
{
    return pid && kill(pid, 0) && errno == ESRCH;
}

static int held_by(const char *path, pid_t pid, struct qmp_error *err)
{
    auto_free char *who = pid ? mem_printf(": pid %d", (int)pid) : mem_strdup("");

    qmp_error_set(err, QRW_ERR_LOCKED, "another qrewind works on this VM%s (%s)", who, path);
    return qmp_error_hint(err, "try again when it is done");
}

/*
 * Who holds it is told to whoever finds it held; nothing depends on it. A file of another name
 * that somebody linked here is only locked. (What has been cut to nothing ext4 writes out when
 * it is closed, removed or not: so not without need.)
 */
static void note_holder(int fd)
{
    struct stat st;

    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
        (!st.st_size || !ftruncate(fd, 0)))
        dprintf(fd, "%ld\n", (long)getpid());
}

/* Some file systems make no empty file either when they are full. */
static int open_lock(const char *path, const char *file)
{
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(path, flags, 0600);

    if (fd < 0 && (errno == ENOSPC || errno == EDQUOT) && sidecar_give_room(file)) {
        fd = open(path, flags, 0600);
        const int code = errno;
        sidecar_renew_room(file);
        errno = code;
    }
    return fd;
}

int sidecar_lock(const char *file, struct qmp_error *err)
{
    auto_free char *path = mem_printf("%s.lock", file);

    for (int waited_ms = 0;;) {
        auto_close int fd = open_lock(path, file);

        if (fd < 0 && errno == ELOOP) {
            qmp_error_set(err, QMP_ERR_SYSTEM, "%s is a symbolic link, which is not followed",
                          path);
            return qmp_error_hint(err, "look who has made it, and remove it");
        }
        if (fd < 0 && errno == ENOENT) {
            auto_free char *folder = path_folder(path);

            qmp_error_set(err, QMP_ERR_SYSTEM, "there is no folder %s", folder);
            return qmp_error_hint(
                err, "if it was renamed while QEMU has its images open, give it that "
                     "name back; if QEMU sees other folders than we do: --sidecar FILE");
        }
        if (fd < 0)
            return sidecar_error(err, "cannot create", path);
        int mine = lock_now(fd) ? -1 : still_there(path, fd);
        if (mine < 0 && errno == EWOULDBLOCK) {
            pid_t pid = holder(fd);

            if (waited_ms++ >= PATIENCE_MS || !is_dead(pid))
                return held_by(path, pid, err);
            poll(NULL, 0, 1);
            continue;
        }
        if (mine < 0)
            return qmp_error_set(err, QMP_ERR_SYSTEM, "cannot lock %s: %s", path, strerror(errno));
        if (!mine)
            continue;

        note_holder(fd);
        /* what somebody who died was about to put in the sidecar's place */
        sidecar_discard(file);
        int held = fd;
        fd = -1;
        return held;
    }
}

bool sidecar_is_lockable(const char *file)
{
    auto_free char *folder = path_folder(file);

    return !faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) ||
           (errno != EACCES && errno != EROFS);
}

int sidecar_check_unlocked(const char *file, struct qmp_error *err)
{
    auto_free char *path = mem_printf("%s.lock", file);
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || !flock(fd, LOCK_SH | LOCK_NB) || errno != EWOULDBLOCK)
        return 0;
    return held_by(path, holder(fd), err);
}

void sidecar_unlock(const char *file, int lock)
{
    auto_free char *path = mem_printf("%s.lock", file);

    if (lock < 0)
        return;
    unlink(path);
    close(lock);
}
