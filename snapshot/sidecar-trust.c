/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sidecar-trust: whose word a sidecar is; see sidecar.h. */
#include "snapshot/sidecar.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/path.h"

int sidecar_trust(const struct stat *st, const char *file, struct qmp_error *err)
{
    size_t suffix = strlen(SIDECAR_SUFFIX), n = strlen(file);
    auto_free char *image = mem_printf("%.*s", n > suffix ? (int)(n - suffix) : 0, file);
    struct stat beside;
    bool ours = st->st_uid == geteuid() || st->st_uid == 0 ||
                (!stat(image, &beside) && beside.st_uid == st->st_uid);

    if (ours && !(st->st_mode & 022))
        return 0;
    qmp_error_set(err, QRW_ERR_INVALID, "%s: %s", file,
                  ours ? "others than its owner may write it"
                       : "it belongs to neither us nor the owner of the images");
    auto_free char *quoted = path_quote(file);
    if (ours)
        return qmp_error_hint(err, "if you trust what is in it: chmod go-w %s", quoted);
    return qmp_error_hint(err, "if you trust what is in it, as root: chown %u %s",
                          (unsigned)geteuid(), quoted);
}

int sidecar_trust_for(const char *file, const char *image, struct qmp_error *err)
{
    struct stat st, of;

    if (stat(file, &st) || st.st_uid == geteuid() || st.st_uid == 0 ||
        (!stat(image, &of) && of.st_uid == st.st_uid))
        return 0;
    auto_free char *quoted = path_quote(file);
    qmp_error_set(err, QRW_ERR_INVALID,
                  "%s says that it is about %s, but belongs to neither us nor the owner of that",
                  file, image);
    return qmp_error_hint(err,
                          "if you trust what is in it, as root: chown %u %s; else name another "
                          "place: --sidecar FILE",
                          (unsigned)geteuid(), quoted);
}

bool sidecar_may_lie(const char *place, uid_t owner)
{
    auto_free char *image =
        mem_printf("%.*s", (int)(strlen(place) - strlen(SIDECAR_SUFFIX)), place);
    auto_free char *folder = path_folder(place);
    struct stat st;

    /* an image that is not there yet is made like his */
    return !owner || ((!stat(image, &st) || !stat(folder, &st)) && st.st_uid == owner);
}

int sidecar_sign(json_t *doc, int fd)
{
    json_t *pending = json_object_get(doc, "pending");
    struct stat st;

    if (!json_is_object(pending))
        return 0;
    if (fstat(fd, &st))
        return -1;
    json_object_set_new(pending, "inode", json_integer((json_int_t)st.st_ino));
    json_object_set_new(pending, "born_ns", json_integer(image_born_open(fd)));
    return 0;
}

bool sidecar_is_copied(const json_t *doc, int fd, const struct stat *st)
{
    const json_t *pending = json_object_get(doc, "pending");
    const json_t *inode = json_object_get(pending, "inode");

    return json_is_object(pending) &&
           (!inode || json_integer_value(inode) != (json_int_t)st->st_ino ||
            json_integer_value(json_object_get(pending, "born_ns")) != image_born_open(fd));
}

int sidecar_hint_owner(const char *file, struct qmp_error *err)
{
    const int code = errno;
    struct stat st;

    if (err && (code == EACCES || code == EPERM) && !stat(file, &st)) {
        err->hint[0] = '\0';
        qmp_error_hint(err, "it is user %u's: do it as that user, or as root", (unsigned)st.st_uid);
    }
    errno = code;
    return -1;
}
