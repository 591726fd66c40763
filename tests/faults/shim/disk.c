/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk: stands between QEMU and the C library (LD_PRELOAD), counts its requests to image files,
 * and lets one fail, or all of that kind from then on: a disk that is broken, or full.
 *
 *   QRW_DISK   a file. While it is there requests are counted, and each adds a line to the file of
 *              that name with ".log": "NUMBER KIND IMAGE". What it says is to happen:
 *                  AT ERRNO STAYS      AT is a number (0: nothing happens), so is ERRNO; STAYS 0 or
 * 1
 *
 * Other programs than QEMU, which inherit the environment, are left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, READ, WRITE, ALLOCATE, SYNC };
static const char *const kinds[] = {"none", "reading", "writing", "allocating", "syncing"};

static struct {
    const char *file;
    pthread_mutex_t lock;
    int count;
    enum kind failing; /* from now on */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

__attribute__((constructor)) static void begin(void)
{
    if (!strncmp(program_invocation_short_name, "qemu-system", 11))
        disk.file = getenv("QRW_DISK");
}

/* What is asked for; false: nothing is to be counted now. */
static bool asked(int *at, int *code, int *stays)
{
    char words[64] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, disk.file, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd >= 0 ? syscall(SYS_read, fd, words, sizeof(words) - 1) : -1;

    if (fd >= 0)
        syscall(SYS_close, fd);
    return n > 0 && sscanf(words, "%d %d %d", at, code, stays) == 3;
}

/* "" where it is no image. */
static const char *image_of(int fd, char *buf, size_t size)
{
    char link[40];
    const char *suffix = ".qcow2";

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    bool is_image = n > (ssize_t)strlen(suffix) && !strcmp(buf + n - strlen(suffix), suffix);
    return is_image ? buf : "";
}

static void note(enum kind kind, const char *image)
{
    char line[1200], log[1024];
    int n = snprintf(line, sizeof(line), "%d %s %s\n", disk.count, kinds[kind], image);

    snprintf(log, sizeof(log), "%s.log", disk.file);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
    syscall(SYS_write, fd, line, n);
    syscall(SYS_close, fd);
}

/* Returns an errno, 0: it goes on. */
static int enter(enum kind kind, int fd)
{
    char name[1024];
    int at, code, stays, verdict = 0;

    if (!disk.file)
        return 0;
    const char *image = image_of(fd, name, sizeof(name));
    pthread_mutex_lock(&disk.lock);
    if (!asked(&at, &code, &stays)) {
        disk.count = 0;
        disk.failing = NONE;
    } else if (image[0]) {
        disk.count++;
        note(kind, image);
        if (disk.count == at || disk.failing == kind)
            verdict = code;
        if (disk.count == at && stays)
            disk.failing = kind;
    }
    pthread_mutex_unlock(&disk.lock);
    return verdict;
}

/* Not by the library's own: a QEMU of another release may have an older one. */
#define WRAP(kind, type, call, params, how)                                                        \
    type call params                                                                               \
    {                                                                                              \
        int code = enter(kind, fd);                                                                \
                                                                                                   \
        if (!code)                                                                                 \
            return how;                                                                            \
        errno = code;                                                                              \
        return -1;                                                                                 \
    }

WRAP(READ, ssize_t, pread64, (int fd, void *p, size_t n, off64_t at),
     syscall(SYS_pread64, fd, p, n, at))
WRAP(READ, ssize_t, preadv64, (int fd, const struct iovec *v, int n, off64_t at),
     syscall(SYS_preadv, fd, v, n, at, 0))
WRAP(WRITE, ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t at),
     syscall(SYS_pwrite64, fd, p, n, at))
WRAP(WRITE, ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t at),
     syscall(SYS_pwritev, fd, v, n, at, 0))
WRAP(ALLOCATE, int, fallocate64, (int fd, int mode, off64_t at, off64_t n),
     (int)syscall(SYS_fallocate, fd, mode, at, n))
WRAP(ALLOCATE, int, ftruncate64, (int fd, off64_t length), (int)syscall(SYS_ftruncate, fd, length))
WRAP(SYNC, int, fdatasync, (int fd), (int)syscall(SYS_fdatasync, fd))
WRAP(SYNC, int, fsync, (int fd), (int)syscall(SYS_fsync, fd))
