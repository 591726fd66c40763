/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest: make its disks, and judge them afterwards without mounting anything.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/guest/guest.h"
#include "tests/guest/internal.h"

/* Run a program that must do; return what it printed. */
static char *must(const char *const *argv)
{
    struct lab_result r = lab_exec(NULL, argv);

    if (r.status)
        lab_fail("%s: %s%s", argv[0], r.out, r.err);
    free(r.err);
    return r.out;
}

/* e2fsprogs live in /sbin, which a user's PATH may lack. */
static void find_sbin(void)
{
    auto_free char *path = mem_printf("%s:/usr/sbin:/sbin", getenv("PATH"));

    if (!strstr(getenv("PATH"), "/sbin"))
        setenv("PATH", path, 1);
}

void guest_make_disk(const char *path, const char *format)
{
    auto_free char *raw = mem_printf("%s.making", path);

    find_sbin();
    /* All of the file system is written now: the guest's kernel need not in the background. */
    free(must((const char *[]){"mke2fs", "-q", "-t", "ext4", "-E",
                               "lazy_itable_init=0,lazy_journal_init=0", raw, "32M", NULL}));
    free(must((const char *[]){"qemu-img", "convert", "-f", "raw", "-O", format, raw, path, NULL}));
    unlink(raw);
}

/* The lines are 1, 2, 3, … with "boot" anywhere; NULL and the last one, or what is wrong. */
static char *check_log(const char *log, long *last)
{
    long n = 0;

    for (const char *line = log; *line; line += strcspn(line, "\n") + 1) {
        char *end;
        long next = strtol(line, &end, 10);

        if (!strchr(line, '\n'))
            return mem_printf("the log ends within a line after %ld", n);
        if (!strncmp(line, "boot\n", 5))
            continue;
        if (*end != '\n' || next != n + 1)
            return mem_printf("after %ld the log says '%.*s'", n, (int)strcspn(line, "\n"), line);
        n = next;
    }
    if (last)
        *last = n;
    return NULL;
}

static char *check_raw(const char *raw, long *last)
{
    const char *const replay[] = {"e2fsck", "-E", "journal_only", "-y", raw, NULL};
    const char *const check[] = {"e2fsck", "-f", "-n", raw, NULL};
    const char *const cat[] = {"debugfs", "-R", "cat /log", raw, NULL};
    auto_free char *log = NULL;

    /* 1: something was mended, here the journal replayed. */
    for (int i = 0; i < 2; i++) {
        auto_result struct lab_result r = lab_exec(NULL, i ? check : replay);

        if (r.status > (i ? 0 : 1))
            return mem_printf("e2fsck: %s%s", r.out, r.err);
    }
    log = must(cat);
    return check_log(log, last);
}

char *guest_check_disk(const char *image, const char *format, long *last)
{
    auto_free char *raw = mem_printf("%s.checking", image);
    const char *const copy[] = {"qemu-img", "convert", "-f", format, "-O", "raw", image, raw, NULL};
    char *wrong;

    find_sbin();
    free(must(copy));
    wrong = check_raw(raw, last);
    unlink(raw);
    return wrong;
}
