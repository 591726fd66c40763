// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * floor: the least that a client of this monitor can cost. It connects, sends
 * what a script says and reads until the lines come that the script waits for.
 * No JSON is parsed, no id is matched, nothing is kept.
 *
 *   floor SOCKET SCRIPT         floor SOCKET -N: N times query-status, one after the other
 *
 * A line of the script is one of
 *
 *   {…                a command, sent in one write with those that follow it directly
 *   + FILE MODEL      make FILE, a copy of MODEL
 *   ! FILE            wait until FILE and its folder are on the disk
 *   @ FILE LABEL      the clock starts; at the end LABEL and the milliseconds since
 *                     then are added to FILE, as spawn does
 *   TEXT              read until a line contains it
 *
 * An answer that is an error ends the program.
 */
#include <err.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/line.h"

/* The whole file, terminated. */
static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t size = 0;
    char *text = NULL;

    if (!f || (getdelim(&text, &size, '\0', f) < 0 && ferror(f)))
        err(1, "%s", path);
    fclose(f);
    return text;
}

static void make_copy(const char *file, const char *model)
{
    int from = open(model, O_RDONLY | O_CLOEXEC);
    int to = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    struct stat st;

    if (from < 0 || fstat(from, &st) || sendfile(to, from, NULL, st.st_size) != st.st_size)
        err(1, "copy %s to %s", model, file);
    close(from);
    close(to);
}

static void sync_one(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fsync(fd))
        err(1, "sync %s", path);
    close(fd);
}

struct watch {
    const char *file, *label;
    double since;
};

/* One line that is not a command. */
static void obey(struct line *l, struct watch *w, char *text)
{
    char *first = text + 2, *second = strchr(first, ' ');

    if (strchr("+@", text[0]))
        *second++ = '\0';
    switch (text[0]) {
    case '+':
        make_copy(first, second);
        break;
    case '!':
        sync_one(first);
        sync_one(dirname(first));
        break;
    case '@':
        *w = (struct watch){first, second, line_now()};
        break;
    default:
        line_await(l, text);
    }
}

static void play(struct line *l, char *script)
{
    struct watch watch = {0};
    char *next;

    for (char *at = script; *at; at = next) {
        next = at;
        while (*next == '{')
            next += strcspn(next, "\n") + 1;
        if (next > at) {
            line_send(l, at, next - at);
            continue;
        }
        next = strchr(at, '\n');
        *next++ = '\0';
        obey(l, &watch, at);
    }
    if (watch.file)
        line_note(watch.file, watch.label, line_now() - watch.since, 0, 0);
}

/* The very bytes that the library sends. */
static void repeat(struct line *l, long times)
{
    static const char ask[] = "{\"execute\":\"query-status\",\"id\":0}\n";

    line_negotiate(l);
    for (long i = 0; i < times; i++) {
        line_send(l, ask, strlen(ask));
        line_await(l, "\"return\"");
    }
}

int main(int argc, char **argv)
{
    struct line l;

    if (argc != 3)
        errx(2, "usage: floor SOCKET SCRIPT|-N");
    line_open(&l, argv[1]);
    if (argv[2][0] == '-') {
        repeat(&l, -atol(argv[2]));
    } else {
        char *script = slurp(argv[2]);

        play(&l, script);
        free(script);
    }
    line_close(&l);
    return 0;
}
