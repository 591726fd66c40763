/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiesce-fork: how the keeper comes into being.
 *
 * It is no child of ours (forked twice): nobody has to wait for it. It has a session of
 * its own, so that neither Ctrl-C nor the terminal's end reaches it, and of our
 * descriptors only its line to us: what else it held (the monitor, a lock, a pipe that
 * somebody reads to its end) would live on after us.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/address.h"
#include "qmp/mem.h"
#include "snapshot/quiesce-keeper.h"

/* Our handlers would write into a loop that the child does not have. */
static void forget_handlers(void)
{
    struct sigaction sa = {.sa_handler = SIG_DFL};

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &sa, NULL);
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
}

static void close_all_but(int line, int agent)
{
    DIR *all = opendir("/proc/self/fd");
    const struct dirent *e;

    while (all && (e = readdir(all))) {
        int fd = atoi(e->d_name);

        if (e->d_name[0] != '.' && fd != line && fd != agent && fd != dirfd(all))
            close(fd);
    }
    if (all)
        closedir(all);
}

/* Whoever opens something later must not get 0, 1 or 2. */
static void fill_standard(int agent)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; null >= 0 && fd < 3; fd++)
        if (fd != null && fd != agent)
            dup2(null, fd);
    if (null > 2)
        close(null);
}

static _Noreturn void become_keeper(int line, const struct quiesce_options *o,
                                    const sigset_t *signals)
{
    struct address where = {.fd = -1};
    int agent = !address_parse(&where, o->agent, NULL) && where.kind == ADDRESS_FD ? where.fd : -1;

    if (line < 3)
        line = fcntl(line, F_DUPFD_CLOEXEC, 3);
    close_all_but(line, agent);
    fill_standard(agent);
    forget_handlers();
    pthread_sigmask(SIG_SETMASK, signals, NULL);
    prctl(PR_SET_NAME, "qrewind-keeper");
    keeper_live(line, o);
}

/* In the first child: the second one is the keeper. */
static _Noreturn void fork_again(int line, const struct quiesce_options *o, const sigset_t *signals)
{
    setsid();
    pid_t pid = fork();
    if (pid == 0)
        become_keeper(line, o, signals);
    _exit(pid < 0);
}

static int await(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0; /* the program wants no children's ends: it is told nothing */
    return status;
}

int keeper_start(const struct quiesce_options *o, struct qmp_error *err)
{
    int line[2];
    sigset_t all, before;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line))
        return qmp_error_set(err, QMP_ERR_SYSTEM, "socketpair: %s", strerror(errno));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    int error = errno;
    if (pid == 0)
        fork_again(line[1], o, &before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(line[1]);
    if (pid > 0 && !await(pid))
        return line[0];
    close(line[0]);
    return qmp_error_set(err, QMP_ERR_SYSTEM, "fork: %s", strerror(pid < 0 ? error : EAGAIN));
}
