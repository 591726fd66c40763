// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent: a guest agent that does nothing, at once. What is measured with it is how long
 * its client keeps a guest frozen, without what a guest needs for it.
 *
 *   agent SOCKET FILE LABEL     serves one client after the other until it is killed
 *
 * For each freeze that ends it appends a line like those of spawn to FILE: LABEL, the
 * milliseconds from the answer to the freeze until the thaw came, 0, 0.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/line.h"

static bool frozen;
static double since;

/* The value to answer @command with. */
static const char *act(const char *command, const char *file, const char *label)
{
    if (strstr(command, "guest-fsfreeze-status"))
        return frozen ? "\"frozen\"" : "\"thawed\"";
    if (strstr(command, "guest-fsfreeze-freeze")) {
        frozen = true;
        return "1";
    }
    if (strstr(command, "guest-fsfreeze-thaw")) {
        if (frozen)
            line_note(file, label, line_now() - since, 0, 0);
        frozen = false;
        return "1";
    }
    return "{}";
}

static void serve(int fd, const char *file, const char *label)
{
    FILE *in = fdopen(fd, "r");
    size_t size = 0;
    char *command = NULL;

    while (getline(&command, &size, in) > 0) {
        const char *sync = strstr(command, "guest-sync-delimited");
        const char *id = sync ? strstr(sync, "\"id\":") : NULL;

        if (id)
            dprintf(fd, "\xff{\"return\": %ld}\n", atol(id + 5));
        else
            dprintf(fd, "{\"return\": %s}\n", act(command, file, label));
        since = strstr(command, "guest-fsfreeze-freeze") ? line_now() : since;
    }
    free(command);
    fclose(in);
}

int main(int argc, char **argv)
{
    int listener, fd;

    if (argc != 4)
        errx(2, "usage: agent SOCKET FILE LABEL");
    listener = line_listen(argv[1], 8);
    while ((fd = accept(listener, NULL, NULL)) >= 0)
        serve(fd, argv[2], argv[3]);
    err(1, "accept");
}
