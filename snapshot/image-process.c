/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image-process: files as another process sees them; see image.h.
 *
 * All through /proc, so only as far as the kernel lets us look: processes of our
 * own user, or all of them for root.
 */
#include "snapshot/image.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image-error.h"
#include "snapshot/utf8.h"

enum {
    MAX_DESCRIPTORS = 65536, /* looked at in one call */
    MAX_COMMAND_LINE = 32768,
    MAX_SHOWN = 100, /* bytes of it */
};

char *image_process_id(pid_t pid)
{
    char file[64], stat[1024] = "";
    unsigned long long start;

    snprintf(file, sizeof(file), "/proc/%d/stat", (int)pid);
    auto_close int fd = pid > 0 ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0)
        return NULL;
    /* the 22nd member, the 20th behind the name, in which there may be anything */
    const char *end = strrchr(stat, ')');
    if (!end || sscanf(end + 1,
                       " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                       "%*s %*s %*s %llu",
                       &start) != 1)
        return NULL;
    return mem_printf("%d %llu", (int)pid, start);
}

/* Something could not be looked at, as errno says. Returns false. */
static bool missed(struct image_view *view)
{
    if (!image_is_answer(errno))
        view->failed = errno;
    return false;
}

/* @path of the process with its working directory before it, as the kernel spells that to us. */
static char *absolute(struct image_view *view, const char *path)
{
    char link[64], cwd[PATH_MAX];

    if (path[0] == '/')
        return mem_strdup(path);
    snprintf(link, sizeof(link), "/proc/%d/cwd", (int)view->pid);
    ssize_t n = readlink(link, cwd, sizeof(cwd));
    if (n < 0)
        missed(view);
    if (n <= 0 || n == sizeof(cwd) || cwd[0] != '/')
        return NULL;
    return mem_printf("%.*s/%s", (int)n, cwd, path);
}

static bool are_one(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool same_link(struct image_view *view, const char *what)
{
    char theirs[64], ours[64];
    struct stat a, b;

    snprintf(theirs, sizeof(theirs), "/proc/%d/%s", (int)view->pid, what);
    snprintf(ours, sizeof(ours), "/proc/self/%s", what);
    if (stat(theirs, &a) || stat(ours, &b))
        return missed(view);
    return are_one(&a, &b);
}

/*
 * Walk @path below the root of @pid. RESOLVE_IN_ROOT keeps absolute symbolic links
 * and ".." inside that root, as they are for the process itself; a plain open of
 * /proc/PID/root/PATH would follow them in ours.
 */
static bool stat_in(struct image_view *view, const char *path, struct stat *st)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    char link[64];

    snprintf(link, sizeof(link), "/proc/%d/root", (int)view->pid);
    auto_close int root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return missed(view);
    auto_close int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    return (fd >= 0 && !fstat(fd, st)) || missed(view);
}

char *image_cwd(void)
{
    char *cwd = getcwd(NULL, 0);

    return cwd ? cwd : mem_strdup("/");
}

struct image_view image_view(pid_t pid)
{
    struct image_view view = {.pid = pid};

    /* in the same mount namespace, below the same root, names mean the same */
    view.same = pid > 0 && same_link(&view, "ns/mnt") && same_link(&view, "root");
    return view;
}

char *image_resolve(struct image_view *view, const char *path)
{
    struct stat theirs, st;

    if (view->pid <= 0 || !path[0])
        return NULL;
    auto_free char *full = absolute(view, path);
    if (!full)
        return NULL;
    if (stat(full, &st)) {
        missed(view);
        return NULL;
    }
    if (!view->same && (!stat_in(view, full, &theirs) || !are_one(&st, &theirs)))
        return NULL;
    auto_free char *real = realpath(full, NULL);
    if (!real)
        missed(view);
    /* by a name that is no UTF-8 nothing is known */
    return mem_strdup(utf8_is(real) ? real : real && utf8_is(full) ? full : NULL);
}

char *image_other(struct image_view *view, const char *path)
{
    auto_free char *full = view->pid > 0 && !view->same && path[0] ? absolute(view, path) : NULL;
    struct stat theirs, st;

    if (!full || stat(full, &st) || !stat_in(view, full, &theirs) || are_one(&st, &theirs))
        return NULL;
    return mem_strdup(full);
}

char *image_lost(struct image_view *view, const char *path)
{
    auto_free char *full = view->same && path[0] ? absolute(view, path) : NULL;
    struct stat st;

    return full && utf8_is(full) && stat(full, &st) && errno == ENOENT ? image_place(full) : NULL;
}

bool image_reachable(pid_t pid, const char *path)
{
    struct image_view view = image_view(pid);
    auto_free char *ours = image_resolve(&view, path);

    return ours;
}

struct dirent *image_next(DIR *d)
{
    errno = 0;
    return readdir(d);
}

/* What a process does with a file. */
struct use {
    bool opens, writes, locks;
    int failed; /* an errno: something could not be looked at; 0: nothing */
};

/* Does the descriptor @name of @pid hold a lock of the kind that QEMU takes? */
static bool has_lock(pid_t pid, const char *name)
{
    char file[320], info[4096];

    snprintf(file, sizeof(file), "/proc/%d/fdinfo/%s", (int)pid, name);
    auto_close int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, info, sizeof(info) - 1) : 0;
    info[n > 0 ? n : 0] = '\0';
    return strstr(info, "OFDLCK") || strstr(info, "POSIX");
}

/* The mode of the link in /proc says whether it is open for writing. */
static struct use use_by(pid_t pid, const struct image_stat *st, unsigned *left)
{
    struct use use = {0};
    struct dirent *e = NULL;
    char folder[64];

    snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
    errno = 0;
    DIR *d = opendir(folder);
    while (d && !(use.writes && use.locks) && *left && (e = image_next(d))) {
        struct stat target, link;
        --*left;
        if (fstatat(dirfd(d), e->d_name, &target, 0)) {
            use.failed = image_is_answer(errno) ? use.failed : errno;
            continue;
        }
        if (target.st_dev != st->dev || target.st_ino != st->ino)
            continue;
        use.opens = true;
        use.writes |=
            !fstatat(dirfd(d), e->d_name, &link, AT_SYMLINK_NOFOLLOW) && link.st_mode & S_IWUSR;
        use.locks |= has_lock(pid, e->d_name);
    }
    if (!d || !e)
        use.failed = image_is_answer(errno) ? use.failed : errno;
    if (d)
        closedir(d);
    return use;
}

int image_open_in(pid_t pid, const struct image_stat *st)
{
    unsigned left = MAX_DESCRIPTORS;
    struct use use = {0};

    if (pid > 0 && st->exists)
        use = use_by(pid, st, &left);
    errno = use.failed;
    return use.opens || !use.failed ? use.opens : -1;
}

char *image_arguments(pid_t pid, size_t *len)
{
    auto_free char *file = mem_printf("/proc/%d/cmdline", (int)pid);
    char *args = mem_alloc(MAX_COMMAND_LINE + 2);
    auto_close int fd = pid > 0 ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, args, MAX_COMMAND_LINE) : 0;

    *len = n > 0 ? (size_t)n : 0;
    return args;
}

/* The program with QEMU's -name, which tells machines apart, or else with its arguments, as far as
 * they fit on a line. What is no UTF-8 in the middle is left to who writes it out. */
static void describe(pid_t pid, char *text, size_t size)
{
    size_t n;
    auto_free char *args = image_arguments(pid, &n);
    const char *name = NULL;

    for (const char *a = args; a < args + n && !name; a += strlen(a) + 1)
        if (!strcmp(a, "-name"))
            name = a + strlen(a) + 1;
    const char *slash = strrchr(args, '/'), *program = slash ? slash + 1 : args;
    auto_free char *named = name ? mem_printf("%s -name %s", program, name) : NULL;
    for (size_t i = 0; i + 1 < n; i++)
        args[i] = args[i] ? args[i] : ' ';
    const char *shown = named ? named : program;
    size_t fits = strlen(shown);
    const bool cut = fits > MAX_SHOWN;

    for (fits = cut ? MAX_SHOWN : fits; cut && ((unsigned char)shown[fits] & 0xc0) == 0x80; fits--)
        ;
    snprintf(text, size, "pid %d (%.*s%s)", (int)pid, (int)fits, shown, cut ? "..." : "");
    for (char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
}

/* How much does it matter what somebody does? 0: not at all. */
typedef int weight_fn(const struct use *use);

static int weigh_writing(const struct use *use)
{
    return use->writes ? 2 : use->opens;
}

static int weigh_only_writing(const struct use *use)
{
    return use->writes ? 2 : 0;
}

static int weigh_locks(const struct use *use)
{
    return use->locks ? 2 : 0;
}

/* Who but us and @but uses @path most. 0: nobody that we can see. */
static pid_t find_user(const char *path, pid_t but, weight_fn *weigh)
{
    unsigned left = MAX_DESCRIPTORS;
    struct image_stat st;
    struct dirent *e;
    pid_t found = 0;
    int best = 0;

    if (image_stat(path, &st, NULL) || !st.exists)
        return 0;
    DIR *d = opendir("/proc");
    while (d && best < 2 && (e = readdir(d))) {
        pid_t p = (pid_t)atoi(e->d_name);

        if (p <= 0 || p == getpid() || p == but)
            continue;
        struct use use = use_by(p, &st, &left);
        if (weigh(&use) > best) {
            best = weigh(&use);
            found = p;
        }
    }
    if (d)
        closedir(d);
    return found;
}

bool image_holder(const char *path, pid_t *pid, char *text, size_t size)
{
    *pid = find_user(path, 0, weigh_writing);
    if (*pid)
        describe(*pid, text, size);
    return *pid;
}

int image_check_unused(const char *path, struct qmp_error *err)
{
    char who[256];
    pid_t pid;

    if (!image_holder(path, &pid, who, sizeof(who)))
        return 0;
    return qmp_error_set(err, QRW_ERR_LOCKED, "%s is in use by %s", path, who);
}

pid_t image_writer(const char *path, pid_t but, char *text, size_t size)
{
    pid_t pid = find_user(path, but, weigh_only_writing);

    if (pid)
        describe(pid, text, size);
    return pid;
}

/* Where QEMU's locks lie in a file: one byte for each thing it does or does not let others do. */
enum { LOCKS_BEGIN = 100, LOCKS_LENGTH = 200 };

/* Is there such a lock by anybody, seen or not? */
static bool is_locked(const char *path)
{
    struct flock range = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_BEGIN, .l_len = LOCKS_LENGTH};
    auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    return fd >= 0 && !fcntl(fd, F_OFD_GETLK, &range) && range.l_type != F_UNLCK;
}

bool image_held(const char *path, char *text, size_t size)
{
    return is_locked(path) && image_locked(path, 0, text, size);
}

pid_t image_locked(const char *path, pid_t but, char *text, size_t size)
{
    pid_t pid = find_user(path, but, weigh_locks);

    if (pid) {
        describe(pid, text, size);
    } else if (!but && is_locked(path)) {
        snprintf(text, size, "somebody whom we cannot see: another user, or another host");
        pid = -1;
    }
    return pid;
}
