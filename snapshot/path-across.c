/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* path-across: from one folder to a file in another, by way of "..". See path.h. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/path.h"

char *path_climb(const char *file)
{
    char *clean = path_join("/", file), *out = clean;

    for (const char *in = clean; *in;) {
        size_t n = strcspn(in + 1, "/") + 1; /* a part with the slash before it */

        if (n == 3 && !strncmp(in, "/..", 3)) {
            while (out > clean && *--out != '/')
                ;
        } else {
            memmove(out, in, n);
            out += n;
        }
        in += n;
    }
    if (out == clean)
        *out++ = '/';
    *out = '\0';
    return clean;
}

/* How many bytes of @a and @b are folders that both lie in: "/vm" of "/vm/one/" and "/vm/two/". */
static size_t in_common(const char *a, const char *b)
{
    size_t n = 0;

    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            n = i;
    return n;
}

char *path_across(const char *folder, const char *file)
{
    auto_free char *from = mem_printf("%s/", folder);
    const size_t n = in_common(from, file);
    char *way;

    if (!n || *folder != '/')
        return NULL;
    way = mem_strdup(file + n + 1);
    for (const char *c = from + n + 1; *c; c++)
        if (*c == '/') {
            char *longer = mem_printf("../%s", way);

            free(way);
            way = longer;
        }
    return way;
}
