/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lab: folder, images and QEMU's life. The monitor is in monitor.c, other programs
 * in program.c.
 */
#include "tests/lab/lab.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/lab/internal.h"

/* Those that are to be stopped at exit, and the process that started them. */
static struct lab *live;
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void stop_all(void)
{
    while (live && owner == getpid())
        lab_stop(live);
}

void lab_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "lab: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    stop_all();
    abort();
}

char *lab_path(const struct lab *lab, const char *name)
{
    return mem_printf("%s/%s", lab->folder, name);
}

char *lab_new_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = mem_printf("%s/qrw-XXXXXX", tmp ? tmp : "/tmp");

    if (!mkdtemp(folder))
        lab_fail("mkdtemp %s: %m", folder);
    return folder;
}

/* See that @lab, whose folder is there, is stopped when this process exits. */
static void adopt(struct lab *lab)
{
    if (owner != getpid()) {
        owner = getpid();
        live = NULL;
        atexit(stop_all);
    }
    lab->monitor = -1;
    lab->events = json_array();
    lab->next = live;
    live = lab;
}

static void launch(struct lab *lab, const struct lab_args *args)
{
    int ready[2];
    char byte;

    if (pipe2(ready, O_CLOEXEC))
        lab_fail("pipe: %m");
    lab->pid = fork();
    if (lab->pid < 0)
        lab_fail("fork: %m");
    if (lab->pid == 0) {
        int log = open(lab->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        int null = open("/dev/null", O_RDONLY);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 0);
        dup2(log, 1);
        dup2(log, 2);
        /* Here, not in the parent: a socket's peer is the process that listens first. */
        lab_listen(lab->folder, "monitor.sock", LAB_PROGRAM_FD);
        lab_listen(lab->folder, "test.sock", LAB_TEST_FD);
        if (!chdir(lab->folder))
            execvp(args->v[0], args->v);
        fprintf(stderr, "%s: %m\n", args->v[0]);
        _exit(127);
    }
    /* It listens once it has become QEMU, which closes the pipe. */
    close(ready[1]);
    if (read(ready[0], &byte, 1) < 0)
        lab_fail("read: %m");
    close(ready[0]);
    lab_monitor_open(lab);
}

struct lab *lab_start(const struct lab_options *o)
{
    struct lab *lab = mem_alloc(sizeof(*lab));
    struct lab_args args = {0};
    auto_free char *client = NULL;

    lab->folder = lab_new_folder();
    adopt(lab);
    lab->socket = lab_path(lab, "monitor.sock");
    lab->log = lab_path(lab, "qemu.log");
    lab->modern = o->modern;
    client = lab_path(lab, "client");
    if (mkdir(client, 0700))
        lab_fail("mkdir %s: %m", client);
    if (o->prepare)
        o->prepare(lab->folder, o->prepare_arg);

    lab_add_machine(&args, "32");
    if (!o->running)
        lab_add(&args, "-S");
    lab_add_disks(&args, lab->folder, o);
    for (const char *const *a = o->args; a && *a; a++)
        lab_add(&args, "%s", *a);
    launch(lab, &args);
    lab_args_done(&args);
    return lab;
}

bool lab_has_ended(const struct lab *lab)
{
    siginfo_t info = {0};

    return !waitid(P_PID, (id_t)lab->pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
           info.si_pid == lab->pid;
}

void lab_halt(const struct lab *lab)
{
    int status;

    /* kill() returns while a thread may still answer */
    if (kill(lab->pid, SIGSTOP) || waitpid(lab->pid, &status, WUNTRACED) != lab->pid ||
        !WIFSTOPPED(status))
        lab_fail("QEMU %d does not stop", (int)lab->pid);
}

void lab_kill(struct lab *lab)
{
    if (lab->pid > 0) {
        kill(lab->pid, SIGKILL);
        waitpid(lab->pid, NULL, 0);
        lab->pid = 0;
    }
}

void lab_stop(struct lab *lab)
{
    if (!lab)
        return;
    for (struct lab **l = &live; *l; l = &(*l)->next)
        if (*l == lab) {
            *l = lab->next;
            break;
        }
    lab_kill(lab);
    lab_monitor_close(lab);
    nftw(lab->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    json_decref(lab->greeting);
    json_decref(lab->events);
    free(lab->folder);
    free(lab->socket);
    free(lab->log);
    free(lab);
}
