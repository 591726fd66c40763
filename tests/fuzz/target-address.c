/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people write for a monitor: what is understood is whole, and can be written again. */
#include <stdlib.h>
#include <string.h>

#include "qmp/address.h"
#include "qmp/mem.h"
#include "tests/fuzz/fuzz.h"

/* "unix:PATH" with the commas of the path written twice. New string. */
static char *spell(const char *path)
{
    char *text = mem_alloc(sizeof("unix:") + 2 * strlen(path));
    char *to = stpcpy(text, "unix:");

    for (; *path; path++) {
        *to++ = *path;
        if (*path == ',')
            *to++ = ',';
    }
    return text;
}

void fuzz_address(const uint8_t *bytes, size_t n)
{
    auto_free char *text = fuzz_string(bytes, n);
    struct qmp_error err = {0};
    struct address a, again;

    if (address_parse(&a, text, &err)) {
        fuzz_must(err.kind == QMP_ERR_USAGE && err.desc[0]);
        return;
    }
    fuzz_must(memchr(a.path, '\0', sizeof(a.path)) && memchr(a.host, '\0', sizeof(a.host)));
    switch (a.kind) {
    case ADDRESS_UNIX: {
        auto_free char *other = spell(a.path);

        fuzz_must(a.path[0]);
        fuzz_must(!address_parse(&again, other, NULL) && !strcmp(a.path, again.path));
        break;
    }
    case ADDRESS_TCP:
        fuzz_must(atoi(a.port) > 0 && atoi(a.port) < 65536);
        break;
    case ADDRESS_FD:
        fuzz_must(a.fd >= 0);
        break;
    }
}
