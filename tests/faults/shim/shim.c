/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shim: stands between the program and the C library (LD_PRELOAD), counts the calls that
 * touch files, sockets and processes, and lets something happen at one of them.
 *
 *   QRW_FAULT       kill, killed (before, after the call), short, or an errno's name
 *   QRW_FAULT_AT    at which call, from 1 on
 *   QRW_FAULT_SET   which calls count: "change", those that change something; "all"; or those of
 *                   this name
 *   QRW_FAULT_STAY  a call of this name fails from then on each time
 *   QRW_FAULT_QEMU  with kill and killed: this process too; "-PID": only this one
 *   QRW_FAULT_LOG   a file: a line for each call, "NUMBER NAME SUBJECT [SUBJECT]"
 *   QRW_FAULT_KEEP  a folder: files that are about to lose their name are linked there
 *   QRW_FAULT_EACH  a line for the shell before each call, which the call's number is put behind
 *
 * Only the process that the program begins as counts, not those that it forks; and of its looks at
 * other processes those at QEMU, whose namespace it asks for: how many others there are is chance.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct {
    const char *name;
    int code;
} codes[] = {
    {"EAGAIN", EAGAIN}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR},
    {"EIO", EIO},       {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
    {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC}, {"EPERM", EPERM},
};

static struct {
    pid_t pid; /* who counts; 0: nothing is to be done */
    const char *what, *set, *log, *keep, *each;
    int at, code, count;
    bool stays, client_too;
    pid_t qemu;
    char failing[24]; /* the call that fails from now on; "": none */
} shim;

/* ---- what is to be done ---- */

static int number(const char *name)
{
    const char *value = getenv(name);

    return value ? atoi(value) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    int qemu = number("QRW_FAULT_QEMU");

    shim.what = getenv("QRW_FAULT");
    shim.log = getenv("QRW_FAULT_LOG");
    shim.keep = getenv("QRW_FAULT_KEEP");
    shim.each = getenv("QRW_FAULT_EACH");
    if (!strncmp(program_invocation_short_name, "valgrind", 8))
        return;             /* it will start the program */
    unsetenv("LD_PRELOAD"); /* not for qemu-img */
    if (!shim.what && !shim.log)
        return;
    shim.pid = getpid();
    shim.at = number("QRW_FAULT_AT");
    shim.stays = getenv("QRW_FAULT_STAY");
    shim.set = getenv("QRW_FAULT_SET") ? getenv("QRW_FAULT_SET") : "all";
    shim.qemu = abs(qemu);
    shim.client_too = qemu >= 0;
    for (size_t i = 0; shim.what && i < sizeof(codes) / sizeof(codes[0]); i++)
        if (!strcmp(codes[i].name, shim.what))
            shim.code = codes[i].code;
}

/* Is QEMU a zombie, and no thread of it left? */
static bool qemu_has_ended(void)
{
    char path[32], line[1024], state = 0;
    int fd, threads = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)shim.qemu);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
    ssize_t n = syscall(SYS_read, fd, line, sizeof(line) - 1);
    syscall(SYS_close, fd);
    line[n > 0 ? n : 0] = '\0';
    const char *fields = strrchr(line, ')');
    if (fields)
        sscanf(fields, ") %c%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s %d", &state, &threads);
    return !fields || (state == 'Z' && threads == 1);
}

/* Its parent has not reaped it, so its number is not another's yet. Without pidfd_open(), which
 * valgrind does not know. */
static void end_qemu(void)
{
    kill(shim.qemu, SIGKILL);
    while (!qemu_has_ended())
        syscall(SYS_poll, NULL, 0, 1);
}

static void strike(const char *when)
{
    if (shim.count != shim.at || !shim.what || strcmp(shim.what, when))
        return;
    if (shim.qemu)
        end_qemu();
    if (shim.client_too)
        syscall(SYS_kill, shim.pid, SIGKILL);
}

/* ---- what is noted ---- */

static const char *name_of(int fd, char *buf, size_t size)
{
    char link[40];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlink, link, buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

static const char *name_in(int fd, const char *name, char *buf, size_t size)
{
    char folder[1024];

    snprintf(buf, size, "%s/%s", name_of(fd, folder, sizeof(folder)), name);
    return buf;
}

static void note(const char *call, const char *a, const char *b)
{
    char line[2048];
    int n, fd;

    if (!shim.log)
        return;
    n = snprintf(line, sizeof(line), "%d %s %s%s%s\n", shim.count, call, a, b ? " " : "",
                 b ? b : "");
    fd = (int)syscall(SYS_openat, AT_FDCWD, shim.log, O_WRONLY | O_APPEND | O_CREAT, 0600);
    syscall(SYS_write, fd, line, n);
    syscall(SYS_close, fd);
}

static void run_each(void)
{
    char line[2048];

    if (shim.each && snprintf(line, sizeof(line), "%s%d", shim.each, shim.count) > 0 &&
        system(line))
        abort();
}

/* The file @path as it is, though its name may mean another one soon, or none. */
static void keep(const char *path)
{
    char link[2048];

    if (!shim.keep || getpid() != shim.pid)
        return;
    snprintf(link, sizeof(link), "%s/%d", shim.keep, shim.count + 1);
    syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, link, 0);
}

/* ---- every call ---- */

enum { READS, CHANGES };
enum { GOES_ON, FAILS, IS_SHORT };

static bool is_chance(const char *call, const char *subject)
{
    static int qemu;
    int pid = 0;

    sscanf(subject, "/proc/%d", &pid);
    if (pid && strstr(subject, "/ns/mnt"))
        qemu = pid;
    return pid ? pid != qemu : !strcmp(call, "readdir") && !strcmp(subject, "/proc");
}

static bool counts(int kind, const char *call)
{
    if (!strcmp(shim.set, "change"))
        return kind == CHANGES;
    return !strcmp(shim.set, "all") || !strcmp(shim.set, call);
}

static int enter(int kind, const char *call, const char *a, const char *b)
{
    if (!shim.pid || getpid() != shim.pid || !counts(kind, call) || is_chance(call, a))
        return GOES_ON;
    int saved = errno;
    shim.count++;
    note(call, a, b);
    run_each();
    strike("kill");
    errno = saved;
    if (shim.failing[0] ? !strcmp(shim.failing, call) : shim.count == shim.at) {
        if (shim.what && !strcmp(shim.what, "short"))
            return IS_SHORT;
        if (shim.code) {
            if (shim.stays)
                snprintf(shim.failing, sizeof(shim.failing), "%s", call);
            errno = shim.code;
            return FAILS;
        }
    }
    return GOES_ON;
}

static void leave(void)
{
    int saved = errno;

    if (shim.pid && getpid() == shim.pid)
        strike("killed");
    errno = saved;
}

#define WRAP(kind, call, params, args, a, b, bad) WRAP_OF(int, kind, call, params, args, a, b, bad)
#define WRAP_OF(type, kind, call, params, args, a, b, bad)                                         \
    type call params                                                                               \
    {                                                                                              \
        static type(*real) params;                                                                 \
                                                                                                   \
        if (!real)                                                                                 \
            real = (type(*) params)dlsym(RTLD_NEXT, #call);                                        \
        if (enter(kind, #call, a, b) == FAILS)                                                     \
            return bad;                                                                            \
        type rc = real args;                                                                       \
        leave();                                                                                   \
        return rc;                                                                                 \
    }

#define FD(fd) name_of(fd, (char[1024]){0}, 1024)
#define IN_FOLDER(fd, name) name_in(fd, name, (char[2048]){0}, 2048)

WRAP(CHANGES, fsync, (int fd), (fd), FD(fd), NULL, -1)
WRAP(CHANGES, fdatasync, (int fd), (fd), FD(fd), NULL, -1)
WRAP(CHANGES, ftruncate, (int fd, off_t length), (fd, length), FD(fd), NULL, -1)
WRAP(CHANGES, fchmod, (int fd, mode_t mode), (fd, mode), FD(fd), NULL, -1)
WRAP(CHANGES, futimens, (int fd, const struct timespec when[2]), (fd, when), FD(fd), NULL, -1)
WRAP(CHANGES, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), FD(fd), NULL, -1)
WRAP(CHANGES, sync_file_range, (int fd, off64_t from, off64_t n, unsigned flags),
     (fd, from, n, flags), FD(fd), NULL, -1)
WRAP(CHANGES, flock, (int fd, int operation), (fd, operation), FD(fd), NULL, -1)
WRAP(CHANGES, symlink, (const char *target, const char *link), (target, link), target, link, -1)
WRAP(CHANGES, mkdir, (const char *path, mode_t mode), (path, mode), path, NULL, -1)
WRAP(CHANGES, rmdir, (const char *path), (path), path, NULL, -1)
WRAP(CHANGES, chmod, (const char *path, mode_t mode), (path, mode), path, NULL, -1)
WRAP(CHANGES, unlinkat, (int fd, const char *name, int flags), (fd, name, flags),
     IN_FOLDER(fd, name), NULL, -1)
WRAP(CHANGES, renameat2, (int from_fd, const char *from, int to_fd, const char *to, unsigned flags),
     (from_fd, from, to_fd, to, flags), from, to, -1)
WRAP(CHANGES, fork, (void), (), "-", NULL, -1)
WRAP(READS, stat, (const char *path, struct stat *st), (path, st), path, NULL, -1)
WRAP(READS, lstat, (const char *path, struct stat *st), (path, st), path, NULL, -1)
WRAP(READS, fstat, (int fd, struct stat *st), (fd, st), FD(fd), NULL, -1)
WRAP(READS, statvfs, (const char *path, struct statvfs *st), (path, st), path, NULL, -1)
WRAP(CHANGES, fallocate, (int fd, int mode, off_t from, off_t n), (fd, mode, from, n), FD(fd), NULL,
     -1)
WRAP(CHANGES, truncate, (const char *path, off_t length), (path, length), path, NULL, -1)
WRAP(READS, access, (const char *path, int mode), (path, mode), path, NULL, -1)
WRAP(READS, fstatat, (int fd, const char *path, struct stat *st, int flags), (fd, path, st, flags),
     FD(fd), NULL, -1)
WRAP_OF(ssize_t, READS, readlink, (const char *path, char *buf, size_t n), (path, buf, n), path,
        NULL, -1)
WRAP_OF(char *, READS, realpath, (const char *path, char *buf), (path, buf), path, NULL, NULL)
WRAP_OF(off_t, READS, lseek, (int fd, off_t to, int whence), (fd, to, whence), FD(fd), NULL, -1)
WRAP_OF(DIR *, READS, opendir, (const char *path), (path), path, NULL, NULL)
WRAP_OF(struct dirent *, READS, readdir, (DIR * d), (d), FD(dirfd(d)), NULL, NULL)
WRAP(READS, socket, (int domain, int type, int protocol), (domain, type, protocol), "-", NULL, -1)
WRAP(READS, connect, (int fd, const struct sockaddr *sa, socklen_t n), (fd, sa, n), "-", NULL, -1)
WRAP(READS, pipe2, (int fds[2], int flags), (fds, flags), "-", NULL, -1)
WRAP(READS, socketpair, (int domain, int type, int protocol, int ends[2]),
     (domain, type, protocol, ends), "-", NULL, -1)
WRAP(READS, memfd_create, (const char *name, unsigned flags), (name, flags), name, NULL, -1)
WRAP(READS, epoll_create1, (int flags), (flags), "-", NULL, -1)
WRAP(CHANGES, posix_spawnp,
     (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions,
      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]),
     (pid, file, actions, attributes, argv, envp), file, NULL, errno)

int rename(const char *from, const char *to)
{
    keep(to);
    bool fails = enter(CHANGES, "rename", from, to) == FAILS;
    int rc = fails ? -1 : (int)syscall(SYS_rename, from, to);

    leave();
    return rc;
}

int unlink(const char *path)
{
    keep(path);
    bool fails = enter(CHANGES, "unlink", path, NULL) == FAILS;
    int rc = fails ? -1 : (int)syscall(SYS_unlink, path);

    leave();
    return rc;
}

int open(const char *path, int flags, ...)
{
    bool made = (flags & O_CREAT) && syscall(SYS_access, path, F_OK);
    va_list ap;

    va_start(ap, flags);
    mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    bool fails =
        enter(flags & O_CREAT ? CHANGES : READS, made ? "create" : "open", path, NULL) == FAILS;
    int fd = fails ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    leave();
    return fd;
}

int fcntl(int fd, int cmd, ...)
{
    va_list ap;

    va_start(ap, cmd);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    if (enter(READS, "fcntl", FD(fd), NULL) == FAILS)
        return -1;
    int rc = (int)syscall(SYS_fcntl, fd, cmd, arg);
    leave();
    return rc;
}

/* Half of what was asked for: what a disk that fills up, or a signal, may do. */
#define TRANSFER(kind, call, params, a, how, half)                                                 \
    ssize_t call params                                                                            \
    {                                                                                              \
        int verdict = enter(kind, #call, a, NULL);                                                 \
                                                                                                   \
        if (verdict == FAILS)                                                                      \
            return -1;                                                                             \
        if (verdict == IS_SHORT)                                                                   \
            half;                                                                                  \
        ssize_t rc = how;                                                                          \
        leave();                                                                                   \
        return rc;                                                                                 \
    }

static const struct msghdr *half_of(const struct msghdr *m)
{
    static struct msghdr less;
    static struct iovec part;

    part = m->msg_iov[0];
    part.iov_len = (part.iov_len + 1) / 2;
    less = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
    return &less;
}

#define HALF n = n > 1 ? n / 2 : n

TRANSFER(CHANGES, write, (int fd, const void *p, size_t n), FD(fd), syscall(SYS_write, fd, p, n),
         HALF)
TRANSFER(CHANGES, pwrite, (int fd, const void *p, size_t n, off_t at), FD(fd),
         syscall(SYS_pwrite64, fd, p, n, at), HALF)
TRANSFER(CHANGES, send, (int fd, const void *p, size_t n, int flags), "-",
         syscall(SYS_sendto, fd, p, n, flags, NULL, 0), HALF)
TRANSFER(CHANGES, sendmsg, (int fd, const struct msghdr *m, int flags), "-",
         syscall(SYS_sendmsg, fd, m, flags), m = half_of(m))
TRANSFER(READS, pread, (int fd, void *p, size_t n, off_t at), FD(fd),
         syscall(SYS_pread64, fd, p, n, at), HALF)
TRANSFER(READS, read, (int fd, void *p, size_t n), FD(fd), syscall(SYS_read, fd, p, n), HALF)
TRANSFER(READS, recv, (int fd, void *p, size_t n, int flags), "-",
         syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL), HALF)
