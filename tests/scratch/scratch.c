/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scratch: see scratch.h. */
#include "tests/scratch/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/lab/lab.h"

static char *folder;

void scratch_enter(void)
{
    folder = lab_new_folder();
    cr_assert(!chdir(folder) && !chmod(folder, 0777));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    return remove(path);
}

void scratch_leave(void)
{
    cr_expect(!chdir("/") && !nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS));
    free(folder);
}

void scratch_needs_root(void)
{
    if (geteuid() == 0)
        return;
    if (folder)
        scratch_leave();
    cr_skip_test("needs root");
}

const char *scratch_folder(void)
{
    return folder;
}

void scratch_write(const char *path, const void *bytes, size_t len)
{
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len, "%s: %m", path);
}

static int finish(pid_t child)
{
    int status;

    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int scratch_child(int (*fn)(void))
{
    pid_t child = fork();

    if (child == 0)
        _exit(fn());
    return finish(child);
}

int scratch_child_as(uid_t user, gid_t group, int (*fn)(void))
{
    pid_t child = fork();

    if (child == 0) {
        if (setgroups(0, NULL) || setresgid(group, group, group) || setresuid(user, user, user))
            _exit(126);
        _exit(fn());
    }
    return finish(child);
}
