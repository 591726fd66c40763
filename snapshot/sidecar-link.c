/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sidecar-link: a link to the sidecar, where it will be once what is under way has ended, or beside
 * an image that lies elsewhere. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/image-error.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

static bool same_file(const char *a, const char *b)
{
    struct stat one, other;

    return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* Relative where it can be, so that it still leads there when both are moved. */
static int lay(const char *link, const char *file)
{
    auto_free char *folder = path_folder(link), *across = path_across(folder, file);
    auto_free char *target = path_relative(folder, file);

    if (target[0] != '/' || !across || symlink(across, link))
        return symlink(target, link);
    if (same_file(link, file))
        return 0;
    /* a folder in between is a link itself */
    return unlink(link) ? -1 : symlink(target, link);
}

int sidecar_link(const char *file, const char *link, struct qmp_error *err)
{
    bool made = !lay(link, file);
    if (made || (errno == EEXIST && same_file(link, file))) {
        if (!image_sync_folder(link, err))
            return 0;
        if (made)
            sidecar_unlink(link);
        return -1;
    }
    if (errno != EEXIST)
        return image_error(err, "create", link);
    qmp_error_set(err, QRW_ERR_REFUSED, "%s exists already", link);
    return qmp_error_hint(err, "it is of another VM, or of one that is gone: move it away");
}

bool sidecar_leads(const char *link, const char *file)
{
    auto_free char *target = sidecar_target(link);

    return target && (same_file(link, file) ||
                      (access(target, F_OK) && !strcmp(path_name(target), path_name(file))));
}

bool sidecar_has_led(const char *link, const char *was, const char *file)
{
    auto_free char *target = sidecar_target(link);

    if (!target || same_file(link, file) || !strcmp(target, was))
        return target;
    auto_free char *there = path_folder(target), *own = path_folder(file);
    return access(target, F_OK) && same_file(there, own);
}

void sidecar_unlink(const char *link)
{
    struct stat st;

    if (!lstat(link, &st) && S_ISLNK(st.st_mode) && !unlink(link))
        image_sync_folder(link, NULL);
}

int sidecar_point(const char *file, const char *link, struct qmp_error *err)
{
    struct image_stat st;

    if (same_file(link, file))
        return 0;
    if (!image_stat(link, &st, NULL) && st.symlink && !st.exists)
        unlink(link);
    return sidecar_link(file, link, err);
}

void sidecar_unpoint(const char *file, const char *link)
{
    auto_free char *target = sidecar_target(link);

    if (same_file(link, file) || (target && !strcmp(target, file)))
        sidecar_unlink(link);
}

int sidecar_turn(const char *file, const char *link, struct qmp_error *err)
{
    auto_free char *fresh = mem_printf("%s.new", link);

    if (unlink(fresh) && errno != ENOENT)
        return image_error(err, "remove", fresh);
    if (lay(fresh, file))
        return image_error(err, "create", fresh);
    if (!rename(fresh, link))
        return image_sync_folder(link, err);
    image_error(err, "rename", fresh);
    unlink(fresh);
    return -1;
}
