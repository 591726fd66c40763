/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sidecar-lock: one writer at a time.
 *
 * The lock file is removed when the lock is given back; so whoever has locked it looks
 * whether the name still means the file that he locked, and tries again if not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"

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

static int held_by(const char *path, int fd, struct qmp_error *err)
{
    char pid[32] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? n : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    qmp_error_set(err, QRW_ERR_LOCKED, "another qrewind works on this VM%s%s (%s)",
                  pid[0] ? ": pid " : "", pid, path);
    return qmp_error_hint(err, "try again when it is done");
}

/*
 * Who holds it is told to whoever finds it held; nothing depends on it. A file of another name
 * that somebody linked here is only locked.
 */
static void note_holder(int fd)
{
    struct stat st;

    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 && !ftruncate(fd, 0))
        dprintf(fd, "%ld\n", (long)getpid());
}

int sidecar_lock(const char *file, struct qmp_error *err)
{
    auto_free char *path = mem_printf("%s.lock", file);

    for (;;) {
        auto_close int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0) {
            qmp_error_set(err, QMP_ERR_SYSTEM, "cannot create %s: %s", path, strerror(errno));
            return qmp_error_hint(err, "qrewind must be able to write in the folder of the "
                                       "images, or be given another place by --sidecar FILE");
        }
        int mine = lock_now(fd) ? -1 : still_there(path, fd);
        if (mine < 0 && errno == EWOULDBLOCK)
            return held_by(path, fd, err);
        if (mine < 0)
            return qmp_error_set(err, QMP_ERR_SYSTEM, "cannot lock %s: %s", path, strerror(errno));
        if (!mine)
            continue;

        note_holder(fd);
        /* what somebody who died was about to put in the sidecar's place */
        auto_free char *fresh = mem_printf("%s.new", file);
        unlink(fresh);
        int held = fd;
        fd = -1;
        return held;
    }
}

void sidecar_unlock(const char *file, int lock)
{
    auto_free char *path = mem_printf("%s.lock", file);

    if (lock < 0)
        return;
    unlink(path);
    close(lock);
}
