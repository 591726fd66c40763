/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine: see engine.h. Which program it is, engine-find.c says. */
#include "snapshot/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/child.h"
#include "snapshot/engine-find.h"
#include "snapshot/image.h"
#include "snapshot/path.h"

enum {
    HUNG_UP_MS = 1000,   /* from closing its monitor to its end */
    PATIENCE_MS = 10000, /* for closing the images: they may have to be flushed */
    MAX_WORDS = 4096,
};

/* ---- its command line ---- */

struct words {
    char **v;
    size_t n;
};

static void add(struct words *w, char *word)
{
    w->v = mem_grow(w->v, w->n + 2, sizeof(*w->v));
    w->v[w->n++] = word;
    w->v[w->n] = NULL;
}

static void add_all(struct words *w, const char *const *list)
{
    for (; *list; list++)
        add(w, mem_strdup(*list));
}

static void words_done(struct words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->v[i]);
    free(w->v);
}

/* "backing.", so many times. */
static char *backing(size_t depth)
{
    static const char step[] = "backing.";
    char *path = mem_alloc(depth * strlen(step) + 1);

    for (size_t i = 0; i < depth; i++)
        memcpy(path + i * strlen(step), step, strlen(step));
    return path;
}

/*
 * One -drive: file and format of the active layer, and the formats of those below that no header
 * names, so that QEMU guesses none. (All of them would be too long a word for the kernel in a
 * chain of 180.) The name after "file.filename=" is taken as it is, whatever it looks like.
 */
static char *drive(const struct graph_disk *d, size_t number)
{
    auto_free char *file = path_escape(d->layers[0].file),
                   *format = path_escape(d->layers[0].format);
    char *line = mem_printf("if=none,id=disk%zu,discard=unmap,file.driver=%s,file.filename=%s,"
                            "driver=%s%s",
                            number, image_driver(d->layers[0].file), file, format,
                            d->read_only ? ",readonly=on" : "");

    for (size_t i = 1; i < d->nlayers; i++) {
        if (!d->layers[i].unsaid)
            continue;
        auto_free char *before = line, *path = backing(i),
                       *known = path_escape(d->layers[i].format);
        line = mem_printf("%s,%sdriver=%s", before, path, known);
    }
    return line;
}

static struct words command_line(const char *program, const struct graph *g, int monitor)
{
    static const char *const fixed[] = {
        "-machine",  "none",     "-S",   "-nodefaults", "-no-user-config",          "-name",
        ENGINE_NAME, "-display", "none", "-mon",        "chardev=qmp,mode=control", "-chardev",
        NULL};
    struct words w = {0};

    add(&w, mem_strdup(program));
    add_all(&w, fixed);
    add(&w, mem_printf("socket,id=qmp,fd=%d", monitor));
    for (size_t i = 0; i < g->ndisks; i++) {
        add(&w, mem_strdup("-drive"));
        add(&w, drive(&g->disks[i], i));
    }
    return w;
}

/* ---- its life ---- */

/* In the child. What it was doing when we end is settled by the next one. */
static _Noreturn void become(char *const *argv, int monitor)
{
    fcntl(monitor, F_SETFD, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    execv(argv[0], argv);
    _exit(127);
}

static pid_t spawn(const char *program, const struct graph *g, int monitor, int words)
{
    struct words w = command_line(program, g, monitor);
    /* what it says is not for our terminal; Ctrl-C is for us, who then end its work in good order
     */
    pid_t pid = child_fork((const int[]){-1, -1, words}, true);

    if (pid == 0)
        become(w.v, monitor);
    words_done(&w);
    return pid;
}

struct engine *engine_start(const char *program, const struct graph *g, struct qmp_error *err)
{
    auto_free char *found = engine_find(program, err);
    struct engine *e;
    int ends[2];

    if (!found)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
        qmp_error_set(err, QMP_ERR_SYSTEM, "socketpair: %s", strerror(errno));
        return NULL;
    }
    e = mem_alloc(sizeof(*e));
    *e = (struct engine){.monitor = ends[0], .words = memfd_create("words", MFD_CLOEXEC)};
    auto_close int theirs = child_high(ends[1]);

    e->pid = spawn(found, g, theirs, e->words);
    if (e->pid > 0)
        return e;
    qmp_error_set(err, QMP_ERR_SYSTEM, "cannot start %s: %s", found, strerror(errno));
    engine_stop(e);
    return NULL;
}

char *engine_words(const struct engine *e)
{
    char buf[MAX_WORDS + 1];
    ssize_t n = pread(e->words, buf, MAX_WORDS, 0);
    char *line, *at;

    buf[n > 0 ? n : 0] = '\0';
    /* "qemu-system-x86_64: -drive OPTIONS: why"; lines before are warnings, those after advice */
    line = strstr(buf, ": -drive ");
    line = line ? line : buf;
    line[strcspn(line, "\n")] = '\0';
    while ((at = strstr(line, "driver=")))
        line = at + 1;
    at = strstr(line, ": ");
    return mem_strdup(at ? at + 2 : line);
}

bool engine_is(pid_t pid)
{
    static const char mark[] = "-name\0" ENGINE_NAME;
    auto_free char *file = mem_printf("/proc/%d/cmdline", (int)pid);
    auto_close int fd = open(file, O_RDONLY | O_CLOEXEC);
    char line[MAX_WORDS];
    ssize_t n = fd >= 0 ? read(fd, line, sizeof(line)) : 0;

    /* a process that is about to end has no command line any more, but its locks still */
    return n <= 0 || memmem(line, (size_t)n, mark, sizeof(mark));
}

static bool has_ended(pid_t pid)
{
    siginfo_t ended = {0};

    if (!waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT))
        return ended.si_pid == pid;
    return kill(pid, 0) && errno == ESRCH;
}

/* Before Linux 5.3, and in many a sandbox, nobody tells when a process ends. */
static bool await_blindly(pid_t pid, int timeout_ms)
{
    for (int ms = 0; !has_ended(pid); ms++) {
        if (timeout_ms && ms >= timeout_ms)
            return false;
        poll(NULL, 0, 1);
    }
    return true;
}

bool engine_await(pid_t pid, int timeout_ms)
{
    struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

    if (p.fd < 0)
        return await_blindly(pid, timeout_ms);
    while (poll(&p, 1, timeout_ms ? timeout_ms : -1) < 0 && errno == EINTR)
        ;
    close(p.fd);
    return p.revents;
}

void engine_end(struct engine *e)
{
    if (e->pid > 0) {
        kill(e->pid, SIGTERM);
        if (!engine_await(e->pid, PATIENCE_MS))
            kill(e->pid, SIGKILL);
        while (waitpid(e->pid, &e->status, 0) < 0 && errno == EINTR)
            ;
    }
    e->pid = 0;
}

char *engine_fate(struct engine *e)
{
    if (e->pid > 0 && !engine_await(e->pid, HUNG_UP_MS))
        return NULL;
    engine_end(e);
    auto_free char *words = engine_words(e);
    const bool killed = WIFSIGNALED(e->status);

    return mem_printf("the engine %s %d%s%s", killed ? "was ended by signal" : "ended with",
                      killed ? WTERMSIG(e->status) : WEXITSTATUS(e->status), words[0] ? ": " : "",
                      words);
}

void engine_stop(struct engine *e)
{
    if (!e)
        return;
    engine_end(e);
    close(e->monitor);
    close(e->words);
    free(e);
}
