/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stand-in: see stand-in.h. */
#include "tests/cases/stand-in.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"

static char *path_before;

void stand_in(struct lab *lab, const char *program, const char *script)
{
    auto_free char *folder = lab_path(lab, "client/bin"), *fifo = lab_path(lab, "client/stopped");
    auto_free char *file = mem_printf("%s/%s", folder, program);

    if (!path_before)
        path_before = mem_strdup(getenv("PATH"));
    cr_assert(!mkdir(folder, 0700) || errno == EEXIST);
    cr_assert(!mkfifo(fifo, 0600) || errno == EEXIST);
    FILE *f = fopen(file, "w");
    cr_assert_not_null(f);
    fprintf(f,
            "#!/bin/sh\nREAL=$(PATH='%s' command -v %s)\n"
            "STOP='eval echo $$ >%s; exec sleep 600'\n%s\n",
            path_before, program, fifo, script);
    cr_assert_eq(fclose(f) || chmod(file, 0700), 0);

    auto_free char *path = mem_printf("%s:%s", folder, path_before);
    setenv("PATH", path, 1);
}

pid_t stand_in_stopped(struct lab *lab)
{
    auto_free char *fifo = lab_path(lab, "client/stopped");
    char words[32] = "";
    auto_close int fd = open(fifo, O_RDONLY | O_CLOEXEC);

    cr_assert_gt(read(fd, words, sizeof(words) - 1), 0);
    return (pid_t)atoi(words);
}

void stand_in_leave(void)
{
    setenv("PATH", path_before, 1);
}
