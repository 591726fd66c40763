/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* export: see export.h. */
#include "snapshot/export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image-error.h"
#include "snapshot/image.h"
#include "snapshot/manifest.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/tool.h"

/* ---- workspace ---- */

enum { LOCK_PATIENCE_MS = 500, LOCK_TICK_MS = 10 };

/* Somebody who was killed, and whoever worked for him, keeps locks for a moment yet. */
static bool wait_for_lock(int fd)
{
    for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB); ms += LOCK_TICK_MS) {
        if (errno != EWOULDBLOCK || ms >= LOCK_PATIENCE_MS)
            return false;
        poll(NULL, 0, LOCK_TICK_MS);
    }
    return true;
}

static void is_held(const char *path, struct qmp_error *err)
{
    char who[256] = "somebody whom we cannot see";
    pid_t pid;

    image_holder(path, &pid, who, sizeof(who));
    qmp_error_set(err, QRW_ERR_LOCKED, "%s is being written by %s", path, who);
}

/* The folder @path, locked; -1: not there, no folder, or in use. */
static int lock(const char *path, struct qmp_error *err)
{
    struct stat st, now;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return image_error(err, "open", path);
    bool failed = !wait_for_lock(fd) || fstat(fd, &st) || lstat(path, &now);
    if (!failed && st.st_dev == now.st_dev && st.st_ino == now.st_ino)
        return fd;
    if (failed && errno != EWOULDBLOCK)
        image_error(err, "lock", path);
    else
        is_held(path, err);
    close(fd);
    return -1;
}

int export_check_makeable(const char *path, struct qmp_error *err)
{
    auto_free char *folder = path_folder(path);
    struct qmp_error why = {0};

    if (image_is_gone(folder)) {
        qmp_error_set(err, QRW_ERR_REFUSED, "there is no folder %s", folder);
        return qmp_error_hint(err, "make it first");
    }
    auto_close int fd = lock(path, &why);
    if (fd >= 0 || why.kind != QRW_ERR_LOCKED)
        return 0; /* what else is wrong with it, the attempt to make it tells */
    if (err)
        *err = why;
    return -1;
}

/* Remove the locked folder: the files of @names (an array), the manifest, and itself. */
static int clear(int fd, const char *path, const json_t *names, struct qmp_error *err)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
        unlinkat(fd, json_string_value(name), 0);
    unlinkat(fd, MANIFEST_NAME, 0);
    if (!rmdir(path))
        return 0;
    if (errno != ENOTEMPTY)
        return image_error(err, "remove", path);
    qmp_error_set(err, QRW_ERR_REFUSED, "%s is there, with other files in it", path);
    return qmp_error_hint(err, "an export that was cut off may have left it: remove it if you do "
                               "not need what is in it");
}

/* What an export left that was cut off: ours, and nobody is at work in it. */
static int take_over(const char *path, const json_t *names, struct qmp_error *err)
{
    auto_close int fd = lock(path, err);
    struct stat st;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) || st.st_uid != geteuid())
        return qmp_error_set(err, QRW_ERR_REFUSED, "%s is there, and not ours", path);
    return clear(fd, path, names, err);
}

int export_workspace(struct runner *r, const json_t *step, struct qmp_error *err)
{
    const char *path = text(step, "folder");
    int rc = mkdir(path, 0700);

    if (rc && errno == EEXIST) {
        if (take_over(path, json_object_get(step, "names"), err))
            return -1;
        rc = mkdir(path, 0700);
    }
    if (rc)
        return image_error(err, "make the folder", path);
    struct qmp_error why = {0};
    r->workspace = lock(path, &why);
    if (r->workspace >= 0)
        return 0;
    if (why.kind != QRW_ERR_LOCKED)
        rmdir(path); /* it is still ours, and nobody's work is in it */
    if (err)
        *err = why;
    return -1;
}

void export_undo(struct runner *r, const json_t *step, json_t *notes)
{
    struct qmp_error why;

    if (r->workspace >= 0 &&
        clear(r->workspace, text(step, "folder"), json_object_get(step, "names"), &why))
        json_array_append_new(notes, json_string(why.desc));
}

/* ---- convert ---- */

int export_convert(struct runner *r, const json_t *step, struct qmp_error *err)
{
    struct tool_image i = {.layers = json_object_get(step, "layers"),
                           .tag = text(step, "tag"),
                           .to = text(step, "file"),
                           .format = text(step, "format"),
                           .compress = json_object_get(step, "compress"),
                           .verbatim = json_object_get(step, "verbatim")};
    const char *scratch = text(step, "scratch");

    if (!scratch)
        return tool_convert(r, &i, err);
    const char *image = text(json_array_get(i.layers, 0), "file");
    json_auto_t *layers = json_deep_copy(i.layers);
    json_object_set_new(json_array_get(layers, 0), "file", json_string(scratch));
    int rc = tool_scratch(r, image, i.tag, scratch, err);
    i.layers = layers;
    i.tag = NULL;
    if (!rc)
        rc = tool_convert(r, &i, err);
    unlink(scratch);
    return rc;
}

/* ---- seal ---- */

/* What the guest sees of the image at @path, in bytes. */
static int disk_size(const char *path, const char *format, uint64_t *size, struct qmp_error *err)
{
    struct qcow2_header h;

    if (!same(format, "qcow2"))
        return 0;
    if (image_read_header(path, &h, err))
        return -1;
    *size = h.size;
    qcow2_header_done(&h);
    return 0;
}

static int seal(struct runner *r, const char *folder, json_t *file, struct qmp_error *err)
{
    auto_free char *path = mem_printf("%s/%s", folder, text(file, "name"));
    struct image_stat st;
    char sum[65];

    if (chmod(path, 0600))
        return image_error(err, "change the mode of", path);
    if (image_flush(path, err) || image_stat(path, &st, err))
        return -1;
    uint64_t size = st.size;
    if (disk_size(path, text(file, "format"), &size, err) || tool_checksum(r, path, sum, err))
        return -1;
    if (text(file, "disk"))
        json_object_set_new(file, "disk_size", json_integer((json_int_t)size));
    json_object_set_new(file, "size", json_integer((json_int_t)st.size));
    json_object_set_new(file, "sha256", json_string(sum));
    return 0;
}

static int write_manifest(const char *folder, const json_t *manifest, struct qmp_error *err)
{
    auto_free char *path = mem_printf("%s/" MANIFEST_NAME, folder);
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    /* json_dumpfd() does not tell of every write that fails */
    auto_free char *words = json_dumps(manifest, JSON_INDENT(2));
    if (fd < 0 || image_write_at(fd, words, strlen(words), 0) || fsync(fd))
        return image_error(err, "write", path);
    return image_sync_folder(path, err);
}

int export_seal(struct runner *r, const json_t *step, struct qmp_error *err)
{
    const json_t *manifest = json_object_get(step, "manifest");
    json_t *files = json_deep_copy(json_object_get(step, "files")), *file;
    const char *folder = text(step, "folder");
    size_t i;

    json_decref(r->files);
    r->files = files;
    json_array_foreach(files, i, file)
        if (seal(r, folder, file, err))
            return -1;
    if (!manifest)
        return 0;
    json_auto_t *whole = json_copy((json_t *)manifest);
    json_object_set(whole, "files", files);
    return write_manifest(folder, whole, err);
}

/* ---- publish ---- */

bool export_is_empty(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    int n = 0;

    if (!d)
        return false;
    while (n <= 2 && readdir(d))
        n++; /* "." and ".." */
    closedir(d);
    return n == 2;
}

int export_publish(struct runner *r, const json_t *step, struct qmp_error *err)
{
    const char *from = text(step, "from"), *to = text(step, "file");
    bool alone = text(step, "folder") != NULL;

    if (r->unchanged && r->unchanged(r->journal, err))
        return -1;
    /* a folder only replaces an empty one */
    if (!alone && rename(from, to))
        return image_error(err, "make", to);
    if (alone && image_move(from, to, err))
        return -1;
    if (alone)
        rmdir(text(step, "folder"));
    /* it is there: that it may be gone after a power cut is no reason to say that it is not */
    image_sync_folder(to, NULL);
    return 0;
}
