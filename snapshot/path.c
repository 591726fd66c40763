/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* path: see path.h. ".." is left alone: what it means depends on symlinks. */
#include "snapshot/path.h"

#include <string.h>

#include "qmp/mem.h"

char *path_folder(const char *file)
{
    const char *slash = strrchr(file, '/');

    if (!slash)
        return mem_strdup(".");
    return slash == file ? mem_strdup("/") : mem_printf("%.*s", (int)(slash - file), file);
}

const char *path_name(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash ? slash + 1 : file;
}

char *path_join(const char *folder, const char *file)
{
    char *joined = file[0] == '/' ? mem_strdup(file) : mem_printf("%s/%s", folder, file);
    char *out = joined;

    for (const char *in = joined; *in;) {
        size_t n = strcspn(in + 1, "/") + 1; /* a part with the slash before it */

        if (in[0] != '/' || !(n == 1 || (n == 2 && in[1] == '.'))) {
            memmove(out, in, n);
            out += n;
        }
        in += n;
    }
    if (out == joined)
        *out++ = '/';
    *out = '\0';
    return joined;
}

char *path_relative(const char *folder, const char *file)
{
    size_t n = strlen(folder);

    if (n > 1 && !strncmp(file, folder, n) && file[n] == '/' && file[n + 1])
        return mem_strdup(file + n + 1);
    return mem_strdup(file);
}

char *path_stem(const char *file)
{
    const char *name = path_name(file);
    const char *dot = strrchr(name, '.');

    return dot && dot != name ? mem_printf("%.*s", (int)(dot - name), name) : mem_strdup(name);
}

char *path_escape(const char *value)
{
    char *out = mem_alloc(2 * strlen(value) + 1), *to = out;

    for (; *value; *to++ = *value++)
        if (*value == ',')
            *to++ = ',';
    *to = '\0';
    return out;
}

/* Those that no shell takes for anything else. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("+,-./:=@_", c);
}

char *path_quote(const char *word)
{
    char *out = mem_alloc(4 * strlen(word) + 3), *to = out;
    const char *c = word;

    while (*c && is_plain(*c))
        c++;
    if (*word && !*c)
        return strcpy(out, word);
    *to++ = '\'';
    for (c = word; *c; c++)
        if (*c == '\'')
            to = stpcpy(to, "'\\''");
        else
            *to++ = *c;
    strcpy(to, "'");
    return out;
}

char *path_image(const char *file, bool qcow2)
{
    const bool said =
        path_ends(file, ".qcow2") || path_ends(file, ".raw") || path_ends(file, ".img");
    auto_free char *word = mem_printf("%s%s", qcow2 && !said ? "qcow2:" : "", file);

    return path_quote(word);
}

char *path_argument(const char *word)
{
    auto_free char *quoted = path_quote(word);

    return mem_printf("%s%s", *word == '-' ? "-- " : "", quoted);
}

bool path_ends(const char *file, const char *tail)
{
    size_t n = strlen(file), m = strlen(tail);

    return n > m && !strcmp(file + n - m, tail);
}
