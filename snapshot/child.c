/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* child: see child.h. posix_spawn() would do all of this but one: it knows no PDEATHSIG. */
#include "snapshot/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CANNOT = 127 };

int child_high(int fd)
{
    int up = fd < 0 || fd > STDERR_FILENO ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (up != fd)
        close(fd);
    return up;
}

/* Where it would have said what is wrong with it. */
static _Noreturn void give_up(int words)
{
    const char *why = strerror(errno);
    ssize_t n = words < 0 ? 0 : write(words, why, strlen(why));

    _exit(n < 0 ? CANNOT + 1 : CANNOT);
}

/* All of them above the first three before one of those is written to. */
static void take_standard(const int std[3])
{
    int from[3];

    for (int i = 0; i < 3; i++) {
        int fd = std[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : std[i];

        from[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (from[i] < 0)
            give_up(std[STDERR_FILENO]);
    }
    for (int i = 0; i < 3; i++)
        dup2(from[i], i);
}

static void take_signals(void)
{
    struct sigaction now;
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        if (!sigaction(number, NULL, &now) &&
            (now.sa_handler != SIG_IGN || number == SIGPIPE || number == SIGTERM))
            signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t child_fork(const int std[3], bool apart)
{
    pid_t parent = getpid(), pid;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) /* we ended before that: nobody would tell it */
            _exit(CANNOT);
        if (apart)
            setsid();
        take_standard(std);
        take_signals();
        return 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}
