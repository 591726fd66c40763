/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: see import.h. */
#include "snapshot/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/image-error.h"
#include "snapshot/image.h"
#include "snapshot/manifest.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/process.h"
#include "snapshot/sidecar.h"
#include "snapshot/tool.h"

/* ---- the manifest ---- */

json_t *import_manifest(const char *folder, struct qmp_error *err)
{
    auto_free char *path = mem_printf("%s/" MANIFEST_NAME, folder);
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    json_error_t why;
    struct stat st;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        if (access(folder, F_OK) && errno == ENOENT) {
            qmp_error_set(err, QRW_ERR_NOT_FOUND, "there is no folder %s", folder);
            return NULL;
        }
        qmp_error_set(err, QRW_ERR_NOT_FOUND,
                      "%s is no exported snapshot: there is no " MANIFEST_NAME, folder);
        qmp_error_hint(err, "it may have been cut off; an image file is imported with --format");
        return NULL;
    }
    if (fd < 0 || fstat(fd, &st)) {
        image_error(err, "open", path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > MANIFEST_MAX_BYTES) {
        qmp_error_set(err, QRW_ERR_INVALID, "%s: this is not a manifest", path);
        return NULL;
    }
    json_t *manifest = json_loadfd(fd, JSON_REJECT_DUPLICATES, &why);
    if (!manifest) {
        qmp_error_set(err, QRW_ERR_INVALID, MANIFEST_NAME ": line %d: %s", why.line, why.text);
    } else if (manifest_check(manifest, err)) {
        json_decref(manifest);
        manifest = NULL;
    }
    return manifest;
}

/* ---- an image ---- */

/*
 * Whoever made the image may have it show any file of this host that we may read, as its base, as
 * its data file, or as an extent.
 */
static const char *other_file(const json_t *doc, const char *file)
{
    const json_t *data = json_object_get(json_object_get(doc, "format-specific"), "data"), *extent;
    size_t i;

    if (text(doc, "backing-filename"))
        return text(doc, "backing-filename");
    if (text(data, "data-file"))
        return text(data, "data-file");
    json_array_foreach(json_object_get(data, "extents"), i, extent)
        if (!same(text(extent, "filename"), file))
            return text(extent, "filename") ? text(extent, "filename") : "another file";
    return NULL;
}

json_t *import_image(const struct runner *r, const char *file, const char *format, const char *disk,
                     const char *now, struct qmp_error *err)
{
    json_auto_t *doc = tool_report(r, "info", file, format, err);
    json_t *size = json_object_get(doc, "virtual-size");
    const char *other = other_file(doc, file);

    if (!doc)
        return NULL;
    if (other || json_integer_value(size) <= 0) {
        qmp_error_set(err, QRW_ERR_REFUSED, "%s %s%s", file,
                      other ? "is not all in one file: it needs " : "shows nothing",
                      other ? other : "");
        auto_free char *from = path_quote(file), *one = mem_printf("%s.whole.qcow2", file);
        auto_free char *to = path_quote(one);
        if (other)
            qmp_error_hint(err,
                           "if you trust it, make one file of it: qemu-img convert -f %s -O qcow2 "
                           "%s %s",
                           format, from, to);
        return NULL;
    }
    return json_pack("{s:{s:s, s:s+}, s:[{s:s, s:s, s:s, s:O}]}", "snapshot", "created", now,
                     "description", "imported from ", path_name(file), "files", "name",
                     path_name(file), "disk", disk, "format", format, "disk_size", size);
}

/* ---- steps ---- */

static int wrong(struct qmp_error *err, const char *file, const char *what)
{
    qmp_error_set(err, QRW_ERR_INVALID, "what became %s %s", path_name(file), what);
    return qmp_error_hint(err, "the exported copy is damaged, or was tampered with");
}

/* A qcow2 image that stands alone, of the size that the guest is to see (0: any). */
static int check_header(const char *file, uint64_t size, struct qmp_error *err)
{
    struct qcow2_header h;

    if (image_read_header(file, &h, err))
        return -1;
    bool alone = !h.backing && !(h.incompatible & (QCOW2_DATA_FILE | QCOW2_CORRUPT)) &&
                 !(h.incompatible & ~(uint64_t)QCOW2_KNOWN) && !h.crypt_method;
    bool fits = !size || h.size == size;
    qcow2_header_done(&h);
    if (!alone)
        return wrong(err, file, "does not stand alone: it needs another file, or a key");
    return fits ? 0 : wrong(err, file, "is of another size than the manifest says");
}

static int run_check(const struct runner *r, const char *file, struct qmp_error *err)
{
    struct process p = {.argv =
                            (const char *[]){"qemu-img", "check", "-q", "-f", "qcow2", file, NULL},
                        .input = r->workspace,
                        .base = qmp_client_base(r->client),
                        .stop = r->stop};

    return process_run(&p, err) ? qmp_error_wrap(err, "qemu-img check %s", path_name(file)) : 0;
}

static int check_sum(const struct runner *r, const char *file, const char *expected,
                     struct qmp_error *err)
{
    char sum[65];

    if (tool_checksum(r, file, sum, err))
        return -1;
    return strcmp(sum, expected) ? wrong(err, file, "has another checksum than the manifest says")
                                 : 0;
}

int import_verify(struct runner *r, const json_t *step, struct qmp_error *err)
{
    const char *file = text(step, "file"), *sum = text(step, "sha256"), *tag = text(step, "tag");
    uint64_t size = (uint64_t)json_integer_value(json_object_get(step, "disk_size"));
    struct image_stat st;

    if (chmod(file, 0600))
        return image_error(err, "change the mode of", file);
    if (image_stat(file, &st, err) || (sum && check_sum(r, file, sum, err)))
        return -1;
    if (same(text(step, "format"), MANIFEST_STREAM))
        return 0;
    if (same(text(step, "format"), "raw"))
        return st.size == size ? 0 : wrong(err, file, "is of another size than the manifest says");
    if (check_header(file, size, err) || run_check(r, file, err))
        return -1;
    return tag && image_has_snapshot(file, tag, err) ? -1 : 0;
}

int import_document(struct runner *r, const json_t *step, struct qmp_error *err)
{
    json_auto_t *document = json_deep_copy(json_object_get(step, "document"));

    return sidecar_save(text(step, "file"), document, NULL, err);
}
