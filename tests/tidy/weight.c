/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tidy: what QEMU and this process hold, see tidy.h. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/tidy/tidy.h"

static long count(const char *folder)
{
    DIR *dir = opendir(folder);
    long n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static long rss(pid_t pid)
{
    auto_free char *path = mem_printf("/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    char words[256];
    long kib = -1;

    while (f && fgets(words, sizeof(words), f))
        if (sscanf(words, "RssAnon: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

struct tidy_weight tidy_weigh(struct lab *lab)
{
    json_auto_t *nodes = lab_qmp(lab, "query-named-block-nodes", "{s:b}", "flat", 1);
    auto_free char *fds = mem_printf("/proc/%d/fd", lab->pid);

    return (struct tidy_weight){.fds = count(fds),
                                .nodes = (long)json_array_size(nodes),
                                .files = count(lab->folder),
                                .rss_kib = rss(lab->pid)};
}

struct tidy_weight tidy_weigh_ours(struct lab *lab)
{
    struct lab ours = *lab;
    struct tidy_weight w;

    ours.pid = getpid();
    w = tidy_weigh(&ours);
    json_array_clear(lab->events);
    w.rss_kib = (long)(mallinfo2().uordblks / 1024);
    return w;
}

void tidy_level(const char *what, const char *who, const struct tidy_weight *once,
                const struct tidy_weight *now, long slack_kib)
{
    fprintf(stderr,
            "%s, %s: %ld files, %ld nodes, %ld descriptors, %ld KiB; then %ld, %ld, %ld, %ld\n",
            what, who, once->files, once->nodes, once->fds, once->rss_kib, now->files, now->nodes,
            now->fds, now->rss_kib);
    cr_expect_eq(now->files, once->files, "%s: files", what);
    cr_expect_eq(now->nodes, once->nodes, "%s: nodes", what);
    cr_expect_eq(now->fds, once->fds, "%s: descriptors of %s", what, who);
    cr_expect_leq(now->rss_kib, once->rss_kib + slack_kib, "%s: memory of %s", what, who);
}
