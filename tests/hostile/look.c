/* SPDX-License-Identifier: GPL-2.0-or-later */
/* look: what a run left on the terminal and in a folder; see internal.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/hostile/internal.h"

/* How long the UTF-8 character at @s is, 0: that is none. */
static size_t length(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

const char *hostile_steers(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    for (size_t n; *s; s += n) {
        n = length(s);
        if (!n)
            return "a byte that is no UTF-8";
        if ((s[0] < ' ' && s[0] != '\n' && s[0] != '\t') || s[0] == 0x7f)
            return "a control character";
        if (s[0] == 0xc2 && s[1] < 0xa0)
            return "a C1 control character";
        if (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae)
            return "a character that turns the line";
    }
    return NULL;
}

static char *content(const char *path, const struct stat *st)
{
    auto_close int fd = S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char *text = mem_alloc((size_t)st->st_size + 1);
    ssize_t n = fd >= 0 ? read(fd, text, (size_t)st->st_size) : 0;

    text[n > 0 ? n : 0] = '\0';
    return text;
}

char *hostile_inventory(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    char *all = mem_strdup("");

    for (int i = 0; i < n; i++) {
        auto_free char *file = mem_printf("%s/%s", path, entries[i]->d_name);
        auto_free char *before = all;
        struct stat st = {0};

        if (entries[i]->d_name[0] != '.' && !lstat(file, &st)) {
            auto_free char *text = content(file, &st);

            all = mem_printf("%s%s %o %u:%u %lld %lld.%09ld %s\n", before, entries[i]->d_name,
                             (unsigned)st.st_mode, (unsigned)st.st_uid, (unsigned)st.st_gid,
                             (long long)st.st_ino, (long long)st.st_mtim.tv_sec,
                             (long)st.st_mtim.tv_nsec, text);
        } else {
            before = NULL;
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return all;
}
