/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sidecar-away: where a link beside an image leads. To a record out of reach, on a disk that is not
 * mounted, perhaps: in its own folder that cannot be, there such a link was left behind. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

/* Anybody may lay one in a folder that he may write to. */
static bool is_trusted(const struct stat *st, const char *link)
{
    auto_free char *image = mem_printf("%.*s", (int)(strlen(link) - strlen(SIDECAR_SUFFIX)), link);
    struct stat of;

    return st->st_uid == geteuid() || st->st_uid == 0 ||
           (!stat(image, &of) && of.st_uid == st->st_uid);
}

char *sidecar_led(const char *link)
{
    char *record = NULL;
    struct stat st;

    if (path_ends(link, SIDECAR_SUFFIX) && !lstat(link, &st) && S_ISLNK(st.st_mode) &&
        is_trusted(&st, link))
        record = realpath(link, NULL);
    if (record && path_ends(record, SIDECAR_SUFFIX))
        return record;
    free(record);
    return NULL;
}

char *sidecar_target(const char *link)
{
    auto_free char *folder = path_folder(link);
    char name[PATH_MAX];
    ssize_t n = readlink(link, name, sizeof(name) - 1);

    if (n <= 0)
        return NULL;
    name[n] = '\0';
    auto_free char *whole = path_join(folder, name);
    return path_climb(whole);
}

char *sidecar_away(const char *link)
{
    struct stat st, there;

    if (!path_ends(link, SIDECAR_SUFFIX) || lstat(link, &st) || !S_ISLNK(st.st_mode) ||
        !stat(link, &there) || !is_trusted(&st, link))
        return NULL;
    auto_free char *target = sidecar_target(link), *own = path_folder(link);
    auto_free char *folder = target ? path_folder(target) : NULL;
    if (!target || !strcmp(folder, own) || !path_ends(target, SIDECAR_SUFFIX))
        return NULL;
    return mem_strdup(target);
}
