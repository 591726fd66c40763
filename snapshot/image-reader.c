/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image-reader: who may read an image, as far as its folders' and its own modes say. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"

enum { MAX_GROUPS = 256 };

struct reader {
    uid_t uid;
    gid_t groups[MAX_GROUPS];
    int ngroups;
};

/* Without an entry in the system's tables, or with more groups than that, he is in none. */
static void find_groups(struct reader *r)
{
    char names[4096];
    struct passwd entry, *found = NULL;

    r->ngroups = MAX_GROUPS;
    if (getpwuid_r(r->uid, &entry, names, sizeof(names), &found) || !found ||
        getgrouplist(entry.pw_name, entry.pw_gid, r->groups, &r->ngroups) < 0)
        r->ngroups = 0;
}

static bool has_group(const struct reader *r, gid_t gid)
{
    for (int i = 0; i < r->ngroups; i++)
        if (r->groups[i] == gid)
            return true;
    return false;
}

/* @bit: 4 read, 1 search. */
static bool may(const struct reader *r, const char *path, mode_t bit)
{
    struct stat st;

    if (stat(path, &st))
        return false;
    if (st.st_uid == r->uid)
        return st.st_mode & bit << 6;
    return st.st_mode & (has_group(r, st.st_gid) ? bit << 3 : bit);
}

bool image_as_root(void)
{
    return geteuid() == 0;
}

bool image_is_readable_by(const char *path, uid_t uid)
{
    auto_free char *real = realpath(path, NULL);
    struct reader r = {.uid = uid};

    if (!real)
        return false;
    find_groups(&r);
    if (!may(&r, real, 4) || !may(&r, "/", 1))
        return false;
    for (char *slash = strchr(real + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const bool reached = may(&r, real, 1);
        *slash = '/';
        if (!reached)
            return false;
    }
    return true;
}
