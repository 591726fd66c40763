/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sidecar: see sidecar.h: found and loaded. It is replaced in sidecar-save.c, the lock is in
 * sidecar-lock.c, the link in sidecar-link.c, the place in sidecar-place.c. */
#include "snapshot/sidecar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/image.h"
#include "snapshot/image-error.h"
#include "snapshot/path.h"

/* Looked at in one folder. */
#define MAX_ENTRIES 4096

int sidecar_error(struct qmp_error *err, const char *what, const char *file)
{
    int code = errno;

    qmp_error_set(err, QMP_ERR_SYSTEM, "%s %s: %s", what, file, strerror(code));
    if (code == ENOSPC || code == EDQUOT)
        qmp_error_hint(err, "make room on that file system and try again");
    if (code == EACCES || code == EPERM || code == EROFS)
        qmp_error_hint(err, "qrewind must be able to write in the folder of the images, or be "
                            "given another place by --sidecar FILE");
    if (code == ENAMETOOLONG)
        qmp_error_hint(err, "call it otherwise: --sidecar FILE");
    errno = code;
    return -1;
}

/* ---- finding ---- */

/* Says errno that there is no such file? In a folder that is closed to us nobody makes one. */
static bool is_missing(void)
{
    return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == EACCES;
}

bool sidecar_exists(const char *file)
{
    return !access(file, F_OK) || !is_missing();
}

bool sidecar_is_newer(const char *file, const struct timespec *since)
{
    struct stat st;

    if (stat(file, &st))
        return true;
    return st.st_mtim.tv_sec > since->tv_sec ||
           (st.st_mtim.tv_sec == since->tv_sec && st.st_mtim.tv_nsec > since->tv_nsec);
}

/* Is @image one that what is pending makes, perhaps only to be gone at its end? */
static bool is_being_made(const json_t *pending, const char *image)
{
    const json_t *step;
    size_t i;

    json_array_foreach(json_object_get(pending, "steps"), i, step)
        if (same(text(step, "file"), image))
            return true;
    return false;
}

/* Is @image a layer, or will it be one when what is pending has reached its goal? */
static bool is_layer(const struct chain *c, const char *image)
{
    const json_t *goal = json_object_get(chain_pending(c), "after");
    struct chain after = {0};
    bool known = chain_layer_by_file(c, image) || is_being_made(chain_pending(c), image);

    if (!known && !chain_take(&after, c->folder, goal, NULL)) {
        known = chain_layer_by_file(&after, image) != NULL;
        chain_done(&after);
    }
    return known;
}

/* Does @d build on a layer that is active in @c? Another VM on a shared base does not. */
static bool builds_on_active(const struct chain *c, const struct graph_disk *d)
{
    const char *id;
    json_t *disk;

    json_object_foreach(json_object_get(c->doc, "disks"), id, disk) {
        auto_free char *active = chain_layer_file(c, chain_active(c, id));

        if (active && graph_layer(d, active))
            return true;
    }
    return false;
}

/* Is the sidecar @file about @d? A broken one is not passed over: the caller will load it
 * and say what is wrong. */
static bool knows(const char *file, const struct graph_disk *d)
{
    struct chain c = {0};
    bool known;

    if (sidecar_load(&c, file, NULL, NULL, NULL))
        return true;
    known = is_layer(&c, d->layers[0].file) || builds_on_active(&c, d);
    chain_done(&c);
    return known;
}

/*
 * *@file: the sidecar beside @image, where a link may lie that leads to it: *@link. New string,
 * NULL: none. A link to what is not even called so is not followed.
 * That one cannot be looked at does not mean that there is none: it would be begun anew.
 */
static int beside(const char *image, char **file, bool *link, struct qmp_error *err)
{
    auto_free char *name = mem_printf("%s" SIDECAR_SUFFIX, image);
    struct stat st;

    *file = NULL;
    *link = false;
    if (lstat(name, &st))
        return is_missing() ? 0 : sidecar_error(err, "cannot look at", name);
    if (!sidecar_exists(name)) {
        *file = sidecar_renamed(name, image);
        *link = *file;
        return 0;
    }
    char *target = S_ISLNK(st.st_mode) ? realpath(name, NULL) : NULL;
    if (S_ISLNK(st.st_mode) && !target && !image_is_answer(errno))
        return sidecar_error(err, "cannot look at", name);
    *link = target && path_ends(target, SIDECAR_SUFFIX);
    if (!*link)
        free(target);
    *file = *link ? target : mem_strdup(name);
    return 0;
}

int sidecar_find(const struct graph *g, char **file, char **foreign, struct qmp_error *err)
{
    auto_free char *led = NULL; /* a disk may be of another VM by now */

    *file = NULL;
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];

        for (size_t k = 0; k < d->nlayers; k++) {
            char *found;
            bool link;

            if (!graph_has_folder(d->layers[k].file))
                continue;
            if (beside(d->layers[k].file, &found, &link, err))
                return -1;
            if (!found)
                continue;
            /* anybody who may write to the folder can lay a link to the sidecar of another VM */
            const bool ours = (k == 0 && !link) || knows(found, d);
            char **to = !ours ? foreign : link ? &led : file;

            if (ours && sidecar_trust_for(found, d->layers[0].file, err)) {
                free(found);
                return -1;
            }
            if (!to || *to)
                free(found);
            else
                *to = found;
            if (*file)
                return 0;
        }
    }
    *file = led;
    led = NULL;
    return 0;
}

/* @file goes where there is room, if it knows @image, as @says tells. -1: it could not be looked
 * at, and another time it can. */
static int take_if(sidecar_knows *says, const char *file, const char *image, char *found[2],
                   struct qmp_error *err)
{
    auto_free char *real = realpath(file, NULL); /* a link may lie there, too */
    struct chain c = {0};
    struct qmp_error why = {0};

    if (found[0] && same(real, found[0]))
        return 0;
    if (!sidecar_load(&c, real ? real : file, NULL, NULL, &why)) {
        const bool records = says(&c, image);

        chain_done(&c);
        if (records && sidecar_trust_for(file, image, err))
            return -1;
        if (records)
            found[found[0] ? 1 : 0] = mem_strdup(real ? real : file);
    } else if (why.kind == QMP_ERR_SYSTEM && !image_is_answer(errno)) {
        if (err)
            *err = why;
        return -1;
    }
    return 0;
}

static int search(const char *folder, sidecar_knows *says, const char *image, char *found[2],
                  struct qmp_error *err)
{
    DIR *d = opendir(folder);
    const struct dirent *e = NULL;
    int rc = 0;

    for (int n = 0; d && !rc && !found[1] && n < MAX_ENTRIES && (e = image_next(d));) {
        auto_free char *file = path_join(folder, e->d_name);

        if (!path_ends(file, SIDECAR_SUFFIX))
            continue;
        rc = take_if(says, file, image, found, err);
        n++;
    }
    if (!e && !image_is_answer(errno))
        rc = sidecar_error(err, "cannot look for a sidecar in", folder);
    if (d)
        closedir(d);
    return rc;
}

int sidecar_search_by(sidecar_knows *says, const char *image, char *found[2], struct qmp_error *err)
{
    auto_free char *folder = path_folder(image);

    return search(folder, says, image, found, err);
}

int sidecar_search(const char *image, char *found[2], struct qmp_error *err)
{
    return sidecar_search_by(is_layer, image, found, err);
}

char *sidecar_renamed(const char *link, const char *image)
{
    auto_free char *away = sidecar_away(link), *folder = away ? path_folder(away) : NULL;
    char *found[2] = {NULL, NULL}, *one = NULL;

    if (folder && !search(folder, is_layer, image, found, NULL) && !found[1])
        one = mem_strdup(found[0]);
    free(found[0]);
    free(found[1]);
    return one;
}

int sidecar_remove(const char *file, struct qmp_error *err)
{
    return unlink(file) && errno != ENOENT ? sidecar_error(err, "cannot remove", file) : 0;
}

/* ---- loading ---- */

static json_t *read_document(int fd, const char *file, struct stat *st, struct qmp_error *err)
{
    json_error_t why;

    if (fstat(fd, st)) {
        sidecar_error(err, "cannot look at", file);
        return NULL;
    }
    if (!S_ISREG(st->st_mode) || st->st_size > SIDECAR_MAX) {
        qmp_error_set(err, QRW_ERR_INVALID, "%s: this is not a sidecar file", file);
        return NULL;
    }
    if (sidecar_trust(st, file, err))
        return NULL;
    /* whole: json_loadfd() would read it byte by byte; a rename replaces it, nobody writes it */
    auto_free char *bytes = mem_alloc((size_t)st->st_size);
    ssize_t got = pread(fd, bytes, (size_t)st->st_size, 0);
    if (got != st->st_size) {
        errno = got < 0 ? errno : EIO;
        sidecar_error(err, "cannot read", file);
        return NULL;
    }
    json_t *doc = json_loadb(bytes, (size_t)st->st_size, JSON_REJECT_DUPLICATES, &why);
    if (!doc)
        qmp_error_set(err, QRW_ERR_INVALID, "%s: line %d: %s", file, why.line, why.text);
    return doc;
}

int sidecar_load(struct chain *c, const char *file, const char *name, const char *uuid,
                 struct qmp_error *err)
{
    auto_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    auto_free char *folder = path_folder(file);
    struct stat st;

    if (fd < 0 && errno == ENOENT) {
        chain_init(c, folder, name, uuid);
        return 0;
    }
    if (fd < 0) {
        sidecar_error(err, "cannot open", file);
        return sidecar_hint_owner(file, err);
    }

    json_t *doc = read_document(fd, file, &st, err);
    if (doc && !chain_own(c, folder, doc, err)) {
        c->owner = image_is_of_another(st.st_uid) ? st.st_uid : 0;
        c->copied = sidecar_is_copied(doc, fd, &st);
        chain_follow_folder(c);
        sidecar_follow(c, file);
        return 0;
    }
    if (doc)
        qmp_error_wrap(err, "%s", file);
    return qmp_error_hint(err, "the images are untouched; move the file away to go on without it: "
                               "qrewind adopt then finds the snapshots by the names of the files");
}
