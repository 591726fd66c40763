/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz: see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"

const struct fuzz_target fuzz_targets[] = {
    {"address", fuzz_address}, {"agent", fuzz_agent},       {"graph", fuzz_graph},
    {"job", fuzz_job},         {"manifest", fuzz_manifest}, {"monitor", fuzz_monitor},
    {"plan", fuzz_plan},       {"qcow2", fuzz_qcow2},       {"reader", fuzz_reader},
    {"session", fuzz_session}, {"sidecar", fuzz_sidecar},   {NULL, NULL},
};

void fuzz_broken(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

char *fuzz_string(const uint8_t *bytes, size_t n)
{
    char *s = mem_alloc(n + 1);

    memcpy(s, bytes, n);
    return s;
}

static unsigned replay_folder(const struct fuzz_target *target, const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    unsigned count = 0;

    for (int i = 0; i < n; i++) {
        auto_free char *name = mem_printf("%s/%s", folder, entries[i]->d_name);

        if (entries[i]->d_name[0] != '.')
            count += fuzz_replay(target, name);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return count;
}

unsigned fuzz_replay(const struct fuzz_target *target, const char *file)
{
    auto_close int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        return 0;
    if (S_ISDIR(st.st_mode))
        return replay_folder(target, file);

    /* exactly as long as the input, so that a sanitizer sees what reads beyond it */
    auto_free uint8_t *bytes = mem_alloc((size_t)st.st_size);
    fuzz_must(read(fd, bytes, (size_t)st.st_size) == st.st_size);
    target->run(bytes, (size_t)st.st_size);
    return 1;
}
