/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image-owner: whose an image is, and who may read or write it, as far as owner and modes say. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"

enum { MAX_GROUPS = 256 };

struct user {
    uid_t uid;
    gid_t groups[MAX_GROUPS];
    int ngroups;
};

/* Without an entry in the system's tables, or with more groups than that, he is in none. */
static void find_groups(struct user *u)
{
    char names[4096];
    struct passwd entry, *found = NULL;

    u->ngroups = MAX_GROUPS;
    if (getpwuid_r(u->uid, &entry, names, sizeof(names), &found) || !found ||
        getgrouplist(entry.pw_name, entry.pw_gid, u->groups, &u->ngroups) < 0)
        u->ngroups = 0;
}

static bool has_group(const struct user *u, gid_t gid)
{
    for (int i = 0; i < u->ngroups; i++)
        if (u->groups[i] == gid)
            return true;
    return false;
}

/* @bit: 4 read, 2 write, 1 search. */
static bool may(const struct user *u, uid_t uid, gid_t gid, mode_t mode, mode_t bit)
{
    if (uid == u->uid)
        return mode & bit << 6;
    return mode & (has_group(u, gid) ? bit << 3 : bit);
}

static bool may_at(const struct user *u, const char *path, mode_t bit)
{
    struct stat st;

    return !stat(path, &st) && may(u, st.st_uid, st.st_gid, st.st_mode, bit);
}

bool image_is_of_another(uid_t uid)
{
    return uid && uid != geteuid();
}

bool image_is_foreign(const struct image_stat *st, uid_t owner)
{
    struct user u = {.uid = owner};

    if (!st->exists || !owner || st->uid == owner)
        return false;
    if (geteuid() == 0)
        return true;
    find_groups(&u);
    return !may(&u, st->uid, st->gid, st->mode, 2);
}

bool image_is_readable_by(const char *path, uid_t uid)
{
    auto_free char *real = realpath(path, NULL);
    struct user u = {.uid = uid};

    if (!real)
        return false;
    find_groups(&u);
    if (!may_at(&u, real, 4) || !may_at(&u, "/", 1))
        return false;
    for (char *slash = strchr(real + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const bool reached = may_at(&u, real, 1);
        *slash = '/';
        if (!reached)
            return false;
    }
    return true;
}
