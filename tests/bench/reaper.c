// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reaper: run a command, and be the parent of whatever it leaves behind.
 *
 *   reaper COMMAND [ARGS…]      ends with the command; a SIGTERM is passed on to it
 *
 * Whoever kills an orphan and waits until it is gone, as libvirt does with its QEMU when
 * it goes back to a snapshot, waits until somebody has reaped it. Process 1 takes its
 * time for that in many containers, and libvirt would look slow for it.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t command;

static void pass_on(int number)
{
    kill(command, number);
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = pass_on};
    int status;
    pid_t pid;

    if (argc < 2)
        errx(2, "usage: reaper COMMAND [ARGS...]");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1))
        err(1, "prctl");
    command = fork();
    if (command < 0)
        err(1, "fork");
    if (command == 0) {
        execvp(argv[1], argv + 1);
        err(127, "%s", argv[1]);
    }
    signal(SIGINT, SIG_IGN); /* the command hears it from the terminal, too */
    sigaction(SIGTERM, &sa, NULL);
    while ((pid = wait(&status)) != command)
        if (pid < 0 && errno != EINTR)
            err(1, "wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
