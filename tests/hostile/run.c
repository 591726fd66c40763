/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run: the program against the monitor, and what must hold of every run; see hostile.h. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/engine.h"
#include "snapshot/sidecar.h"
#include "tests/hostile/internal.h"
#include "tests/scene/picture.h"
#include "tests/scene/stage.h"
#include "tests/scratch/scratch.h"

enum {
    PATIENCE_MS = 30000,
    MAX_WORDS = 16,
    MAX_IMAGES = 16,
#ifdef __SANITIZE_ADDRESS__
    MAX_KIB = 1 << 20,
#else
    MAX_KIB = 256 << 10, /* the longest message has 64 MiB, and is read in twice as much */
#endif
};

static unsigned runs, refusals;
static long most_kib;

/* ---- the scene ---- */

void hostile_enter(void)
{
    scratch_enter();
    cr_assert(!mkdir("outside", 0755));
    scratch_write("outside/passwd", "root:x:0:0:root:/root:/bin/sh\n", 30);
    cr_assert(!symlink("passwd", "outside/link"));
}

void hostile_leave(void)
{
    scratch_leave();
}

static void empty_folder(void)
{
    struct dirent **entries;
    int n = scandir(".", &entries, NULL, NULL);

    for (int i = 0; i < n; i++) {
        unlink(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

void hostile_set(const struct hostile *h)
{
    struct picture *p = picture_new_in(scratch_folder(), h->before);

    empty_folder();
    for (size_t i = 0; i < p->graph.ndisks; i++)
        stage_make_images(&p->graph.disks[i]);
    if (json_object_size(json_object_get(p->chain.doc, "layers"))) {
        auto_free char *file = sidecar_place(&p->graph);

        cr_assert_eq(sidecar_save(file, p->chain.doc, NULL, NULL), 0);
    }
    picture_free(p);
}

/* ---- both processes ---- */

/* The kernel tells the program who listens: we, and we have the images open, as QEMU has. */
static int listen_here(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    unlink(path);
    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&un, sizeof(un)) && !listen(fd, 4));
    return fd;
}

static size_t open_images(const struct picture *p, int *fds)
{
    size_t n = 0;

    for (size_t i = 0; i < p->graph.ndisks; i++)
        for (size_t k = 0; k < p->graph.disks[i].nlayers && n < MAX_IMAGES; k++)
            fds[n++] = open(p->graph.disks[i].layers[k].file, O_RDONLY | O_CLOEXEC);
    return n;
}

/* Also of the processes that the program starts. A sanitizer takes terabytes of addresses. */
static void limit_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
    const struct rlimit limit = {(rlim_t)2 * MAX_KIB << 10, (rlim_t)2 * MAX_KIB << 10};

    setrlimit(RLIMIT_AS, &limit);
#endif
}

static pid_t start(const char *const *words)
{
    const char *program = getenv("QREWIND");
    pid_t pid = fork();

    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    limit_memory();
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    dup2(open("err", O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    execv(program ? program : "/proc/self/cwd/qrewind", (char *const *)words);
    _exit(127);
}

/* How many times as long as else everything may take. */
static int slowness(void)
{
    return getenv("VALGRIND") ? 25 : 1;
}

/* Wait for the end of @pid, not for ever. */
static int await(pid_t pid, struct rusage *used)
{
    int status;

    if (!engine_await(pid, PATIENCE_MS * slowness()))
        kill(pid, SIGKILL);
    cr_assert_eq(wait4(pid, &status, 0, used), pid);
    return status;
}

static char *slurp(const char *path)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    cr_assert(fd >= 0 && !fstat(fd, &st));
    char *text = mem_alloc((size_t)st.st_size + 1);
    cr_assert_eq(read(fd, text, (size_t)st.st_size), st.st_size);
    cr_assert_eq(strlen(text), (size_t)st.st_size, "a NUL was printed");
    return text;
}

static void judge(int status, const struct rusage *used, const struct hostile_end *end,
                  const char *what)
{
    const char *steers = hostile_steers(end->out);

    if (!steers)
        steers = hostile_steers(end->err);
    cr_expect(WIFEXITED(status) && end->code <= 9, "%s: ended by status %#x: %s", what,
              (unsigned)status, end->err);
    cr_expect(!steers, "%s: %s was printed: %s%s", what, steers, end->out, end->err);
    cr_expect_leq(used->ru_maxrss, MAX_KIB, "%s: took %ld KiB", what, used->ru_maxrss);
    cr_expect(end->code || !strstr(end->err, "Sanitizer"), "%s: %s", what, end->err);
    most_kib = used->ru_maxrss > most_kib ? used->ru_maxrss : most_kib;
    refusals += end->code != 0;
    runs++;
}

static struct hostile_end run(struct hostile *h, const char *const *words)
{
    auto_free char *socket_path = mem_printf("%s/m", scratch_folder());
    auto_free char *before = hostile_inventory("outside");
    struct picture *p = picture_new_in(scratch_folder(), h->before);
    struct picture *then = h->then ? picture_new_in(scratch_folder(), h->then) : NULL;
    struct hostile_account *account =
        mmap(NULL, sizeof(*account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int listener = listen_here(socket_path), images[MAX_IMAGES];
    size_t nimages = open_images(p, images);
    struct rusage used;

    h->replies[0] = p->replies;
    h->replies[1] = then ? then->replies : p->replies;
    pid_t server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        hostile_serve(listener, h, account);
    }
    int status = await(start(words), &used);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);

    struct hostile_end end = {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 255,
                              .out = slurp("out"),
                              .err = slurp("err"),
                              .sent = account->sent,
                              .messages = account->messages};
    judge(status, &used, &end, words[5]);
    auto_free char *after = hostile_inventory("outside");
    cr_expect_str_eq(before, after, "%s touched a file outside: %s", words[5], after);

    for (size_t i = 0; i < nimages; i++)
        close(images[i]);
    close(listener);
    munmap(account, sizeof(*account));
    picture_free(p);
    picture_free(then);
    return end;
}

struct hostile_end hostile_run(struct hostile *h, ...)
{
    auto_free char *socket_path = mem_printf("%s/m", scratch_folder());
    auto_free char *timeout =
        mem_printf("%g", slowness() * strtod(h->timeout ? h->timeout : "0.02", NULL));
    const char *words[MAX_WORDS] = {"qrewind", "-s", socket_path, "-t", timeout};
    size_t n = 5;
    va_list ap;

    va_start(ap, h);
    while (n + 1 < MAX_WORDS && (words[n] = va_arg(ap, const char *)))
        n++;
    va_end(ap);
    return run(h, words);
}

void hostile_end_done(struct hostile_end *end)
{
    free(end->out);
    free(end->err);
    end->out = end->err = NULL;
}

void hostile_try_all(struct hostile *h)
{
    static const char *const verbs[][4] = {
        {"info"},
        {"disks"},
        {"chain"},
        {"list"},
        {"show", "s1"},
        {"jobs"},
        {"list", "-j"},
        {"chain", "-j"},
        {"job", "cancel", "qrw"},
        {"create", "s9"},
        {"create", "s9", "--memory"},
        {"revert", "s1"},
        {"delete", "s1"},
        {"commit", "disk0"},
        {"repair"},
        {"qmp", "query-block"},
    };

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        hostile_set(h);
        struct hostile_end end =
            hostile_run(h, verbs[i][0], verbs[i][1], verbs[i][2], verbs[i][3], NULL);
        hostile_end_done(&end);
    }
}

size_t hostile_step(void)
{
    return slowness() > 1 ? 7 : 1;
}

void hostile_tell(const char *title)
{
    printf("table: %-44s %6u passed %6u refused %4ld MiB at most\n", title, runs, refusals,
           most_kib >> 10);
    runs = refusals = 0;
    most_kib = 0;
}
