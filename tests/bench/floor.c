// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * floor: the least that a client of this monitor can cost. It connects, sends
 * what a script says and reads until the lines come that the script waits for.
 * No JSON is parsed, no id is matched, nothing is kept.
 *
 *   floor SOCKET SCRIPT         floor SOCKET -N: N times query-status, one after the other
 *
 * A line of the script is a command ({…), sent in one write with those that follow
 * it directly, or a text: read until a line contains it. An answer that is an error
 * ends the program.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void play(struct line *l, char *script)
{
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
        line_await(l, at);
    }
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
