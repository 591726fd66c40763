/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image-users: who else builds on this image? See image.h.
 *
 * What we find keeps us from writing into a base that another machine uses. The
 * folders are anybody's, so all is bounded: entries, and bytes of a sidecar.
 */
#include "snapshot/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/chain.h"
#include "snapshot/image-error.h"
#include "snapshot/path.h"

enum {
    MAX_ENTRIES = 1 << 20, /* looked at in one call */
    MIN_IMAGE = 48,
};

struct search {
    const struct image_stat *target;
    const char *called[2]; /* its name, and that of what it is a link to (may be NULL) */
    bool near;             /* in its folder */
    struct image_stat *except;
    size_t nexcept;
    struct image_stat *folders; /* searched so far */
    size_t nfolders;
    size_t entries;
    int failed; /* an errno: of something we do not know whether it is a user */
    struct image_users *out;
};

/* Whether @path is a user cannot be told, @why. */
static void unread(struct search *s, const char *path, const char *why)
{
    if (!s->out->unread)
        s->out->unread = mem_printf("%s: %s", path, why);
}

/* @path could not be looked at. What is gone, or leads nowhere, is no user. */
static void missed(struct search *s, const char *path, int code)
{
    if (code == EACCES || code == EPERM)
        unread(s, path, "we may not read it");
    else if (!image_is_answer(code))
        s->failed = code;
}

static bool looks(struct search *s, const char *path, struct image_stat *st)
{
    if (!image_stat(path, st, NULL))
        return true;
    missed(s, path, errno);
    return false;
}

static bool leads_to_target(struct search *s, const char *path)
{
    struct image_stat st;

    return looks(s, path, &st) && image_same(&st, s->target);
}

/* Is nothing at @path, which is called as the target is? The folder was moved, say, or somebody saw
 * it elsewhere. */
static bool is_target_elsewhere(struct search *s, const char *path)
{
    const char *name = path_name(path);
    struct image_stat st;

    return s->near &&
           (!strcmp(name, s->called[0]) || (s->called[1] && !strcmp(name, s->called[1]))) &&
           looks(s, path, &st) && !st.exists;
}

/* Whom a json: description of a node names: its own file name, or that of its file. */
static const char *json_filename(json_t *node)
{
    const char *name = json_string_value(json_object_get(node, "filename"));

    if (!name)
        name = json_string_value(json_object_get(node, "file.filename"));
    if (!name)
        name = json_string_value(json_object_get(json_object_get(node, "file"), "filename"));
    return name;
}

/* @name as somebody in the folder of @path means it. */
static char *beside(const char *path, const char *name)
{
    if (name[0] == '/')
        return mem_strdup(name);
    auto_free char *folder = path_folder(path);
    return mem_printf("%s/%s", folder, name);
}

char *image_backing_path(const char *image, const char *backing)
{
    json_auto_t *node = NULL;

    if (!strncmp(backing, "json:", 5)) {
        node = json_loads(backing + 5, 0, NULL);
        backing = json_filename(node);
        if (!backing)
            return NULL;
    } else if (!strncmp(backing, "file:", 5)) {
        backing += 5;
    } else if (backing[strcspn(backing, ":/")] == ':') {
        return NULL; /* another protocol */
    }
    return beside(image, backing);
}

char *image_backing_file(const char *file)
{
    struct qcow2_header h = {0};
    char *place = NULL;

    if (image_read_header(file, &h, NULL))
        return NULL;
    auto_free char *named = h.backing ? image_backing_path(file, h.backing) : NULL;
    if (named)
        place = image_place(named);
    qcow2_header_done(&h);
    return place;
}

char *image_base_named(const char *file, char **format)
{
    struct qcow2_header h = {0};

    *format = NULL;
    if (image_read_header(file, &h, NULL))
        return NULL;
    char *named = mem_strdup(h.backing);
    *format = mem_strdup(h.backing_format);
    qcow2_header_done(&h);
    return named;
}

char *image_data_path(const char *image, const char *data)
{
    auto_free char *cwd = image_cwd(), *here = path_join(cwd, data);
    auto_free char *near = image_backing_path(image, data);
    bool relative = near && data[0] != '/' && data[strcspn(data, ":/")] != ':';

    if (relative && access(here, F_OK) == 0)
        return mem_strdup(here);
    if (relative && access(near, F_OK) != 0)
        return mem_strdup(data);
    return near ? mem_strdup(near) : NULL;
}

enum user { NO_USER, ASTRAY, USER };

static enum user is_named(struct search *s, const char *path)
{
    if (!path)
        return NO_USER;
    return leads_to_target(s, path) ? USER : is_target_elsewhere(s, path) ? ASTRAY : NO_USER;
}

static enum user header_names_target(struct search *s, const char *path,
                                     const struct qcow2_header *h)
{
    auto_free char *backing = h->backing ? image_backing_path(path, h->backing) : NULL;
    auto_free char *data = h->data_file ? image_data_path(path, h->data_file) : NULL;
    enum user one = is_named(s, backing), other = is_named(s, data);

    return one > other ? one : other;
}

static enum user image_names_target(struct search *s, const char *path)
{
    struct qcow2_header h = {0};
    struct qmp_error err = {0};
    enum user user = NO_USER;

    if (!image_read_header(path, &h, &err) ||
        (err.kind != QMP_ERR_SYSTEM && !image_read_foreign(path, &h.backing, &err)))
        user = header_names_target(s, path, &h);
    else if (err.kind == QMP_ERR_SYSTEM)
        missed(s, path, errno);
    qcow2_header_done(&h);
    return user;
}

static bool sidecar_names_target(struct search *s, const char *path, uint64_t size)
{
    auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    size_t len = size <= SIDECAR_MAX ? (size_t)size : 0;
    auto_free char *bytes = mem_alloc(len);
    ssize_t got = fd < 0 ? -1 : pread(fd, bytes, len, 0);
    const char *id;
    json_t *layer;

    if (got < 0 || (size_t)got < len)
        missed(s, path, got < 0 ? errno : EIO);
    json_auto_t *doc = got > 0 ? json_loadb(bytes, (size_t)got, 0, NULL) : NULL;
    if (!doc && got >= 0)
        unread(s, path, "it is broken, or too large");
    json_object_foreach(json_object_get(doc, "layers"), id, layer) {
        const char *file = json_string_value(json_object_get(layer, "file"));
        auto_free char *name = file ? beside(path, file) : NULL;
        if (name && leads_to_target(s, name))
            return true;
    }
    return false;
}

static void add(char ***names, size_t *n, const char *path)
{
    *names = mem_grow(*names, *n + 1, sizeof(char *));
    (*names)[(*n)++] = mem_strdup(path);
}

static void look_at(struct search *s, const char *path)
{
    struct image_stat st;
    enum user user = NO_USER;

    if (!looks(s, path, &st) || !st.regular || image_same(&st, s->target))
        return;
    for (size_t i = 0; i < s->nexcept; i++)
        if (image_same(&st, &s->except[i]))
            return;
    if (path_ends(path, SIDECAR_SUFFIX))
        user = sidecar_names_target(s, path, st.size) ? USER : NO_USER;
    else if (st.size >= MIN_IMAGE)
        user = image_names_target(s, path);
    if (user == USER)
        add(&s->out->names, &s->out->n, path);
    else if (user == ASTRAY)
        add(&s->out->astray, &s->out->nastray, path);
}

static bool searched(struct search *s, const char *folder)
{
    struct image_stat st;

    if (!looks(s, folder, &st))
        return true;
    for (size_t i = 0; i < s->nfolders; i++)
        if (image_same(&st, &s->folders[i]))
            return true;
    s->folders = mem_grow(s->folders, s->nfolders + 1, sizeof(st));
    s->folders[s->nfolders++] = st;
    return false;
}

static void search_folder_of(struct search *s, const char *file)
{
    auto_free char *folder = path_folder(file);
    struct dirent *e = NULL;

    if (searched(s, folder))
        return;
    DIR *d = opendir(folder);
    while (d && (e = image_next(d))) {
        if (e->d_type != DT_REG && e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
            continue;
        if (s->entries++ == MAX_ENTRIES) {
            unread(s, folder, "it has too many entries");
            break;
        }
        auto_free char *path = mem_printf("%s/%s", folder, e->d_name);
        look_at(s, path);
    }
    if (!e)
        missed(s, folder, errno);
    if (d)
        closedir(d);
}

int image_users(const char *file, const char *const *except, struct image_users *out,
                struct qmp_error *err)
{
    struct image_stat target;
    struct search s = {.target = &target, .out = out};

    if (image_stat(file, &target, err))
        return -1;
    if (!target.exists) {
        errno = ENOENT;
        return image_error(err, "look at", file);
    }
    *out = (struct image_users){0};
    for (size_t i = 0; except && except[i]; i++) {
        s.except = mem_grow(s.except, i + 1, sizeof(*s.except));
        if (!image_stat(except[i], &s.except[s.nexcept], NULL))
            s.nexcept++;
    }
    auto_free char *real = realpath(file, NULL);
    if (!real)
        missed(&s, file, errno);
    s.called[0] = path_name(file);
    s.called[1] = real ? path_name(real) : NULL;
    s.near = true;
    search_folder_of(&s, file);
    if (real)
        search_folder_of(&s, real);
    s.near = false;
    for (size_t i = 0; except && except[i]; i++)
        search_folder_of(&s, except[i]);
    free(s.except);
    free(s.folders);
    errno = s.failed;
    return s.failed && !out->n && !out->nastray ? image_error(err, "look who builds on", file) : 0;
}

void image_users_done(struct image_users *u)
{
    for (size_t i = 0; i < u->n; i++)
        free(u->names[i]);
    for (size_t i = 0; i < u->nastray; i++)
        free(u->astray[i]);
    free(u->names);
    free(u->astray);
    free(u->unread);
    *u = (struct image_users){0};
}
