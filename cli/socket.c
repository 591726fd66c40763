/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socket: see socket.h. */
#include "cli/socket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/address.h"
#include "qmp/mem.h"

/* The bits for group and others of @may that the folders above @path leave. */
static mode_t reached(char *path, mode_t may)
{
    for (char *slash; may && (slash = strrchr(path, '/'));) {
        struct stat st;

        *slash = '\0';
        if (stat(*path ? path : "/", &st))
            return 0;
        if (!(st.st_mode & S_IXOTH))
            may &= ~(mode_t)S_IWOTH;
        /* whom the folder lets in as others may be in the socket's group */
        if (!(st.st_mode & (S_IXGRP | S_IXOTH)))
            may &= ~(mode_t)S_IWGRP;
    }
    return may;
}

const char *socket_open_to(const char *address)
{
    struct address a;
    struct stat st;

    if (address_parse(&a, address, NULL) || a.kind != ADDRESS_UNIX || a.abstract)
        return NULL;
    auto_free char *path = realpath(a.path, NULL);
    if (!path || stat(path, &st) || !S_ISSOCK(st.st_mode))
        return NULL;
    mode_t may = reached(path, st.st_mode & (S_IWGRP | S_IWOTH));
    if (may & S_IWOTH)
        return "everybody";
    return may ? "its group" : NULL;
}
