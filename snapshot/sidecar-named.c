/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sidecar-named: a sidecar that the user gave a name of his own (--sidecar). It is known by how it
 * begins: as sidecar_prepare() writes it.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"

bool sidecar_is_one(const char *file)
{
    static const char begin[] = "{\n \"format\": \"qrewind\"";
    char first[sizeof(begin) - 1];
    auto_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    return fd >= 0 && pread(fd, first, sizeof(first), 0) == (ssize_t)sizeof(first) &&
           !memcmp(first, begin, sizeof(first));
}
