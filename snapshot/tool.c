/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool: see tool.h.
 *
 * While a VM runs, all of this is reading beside QEMU. A frozen layer it has open only for
 * reading, so qemu-img gets its lock, and holds off who would write to it meanwhile.
 *
 * An internal snapshot lies in the image that the guest writes to; qemu-img must open that
 * without a lock (force-share), which in general shows stale metadata. Not so here: what the
 * snapshot consists of was on the disk when QEMU answered that it is taken (its own L1 table,
 * L2 tables and data, each with a reference count that says "shared"), and is never written
 * to again: QEMU copies a shared L2 table or cluster before it changes it. What can change is
 * the table that lists the snapshots, when one is taken or deleted by somebody else: it is
 * looked at again afterwards.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/clock.h"
#include "snapshot/image.h"
#include "snapshot/image-error.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/process.h"
#include "snapshot/tool.h"

enum { MAX_REPORT = 4 << 20 }; /* bytes */

/* ---- how far it is ---- */

struct work {
    const struct runner *r;
    const char *operation, *file;
    int64_t begun_ms, offset, length; /* bytes */
    int fd;                           /* what sha256sum reads: its offset is ours too */
    char *sum;
};

static void report(void *arg)
{
    const struct work *w = arg;
    const struct qrw_options *o = w->r->options;

    if (o && o->progress)
        o->progress(
            &(struct qrw_progress){.job = w->r->workspace < 0 ? "check" : "export",
                                   .disk = path_name(w->file),
                                   .operation = w->operation,
                                   .status = w->offset < w->length ? "running" : "concluded",
                                   .offset = w->offset,
                                   .length = w->length,
                                   .elapsed_ms = clock_ms() - w->begun_ms},
            o->arg);
}

static int failed(const struct process *p, struct qmp_error *why, struct qmp_error *err)
{
    if (why->kind == QRW_ERR_UNSUPPORTED)
        qmp_error_hint(why,
                       strcmp(p->argv[0], "qemu-img") ? "install coreutils" : "install qemu-utils");
    if (err)
        *err = *why;
    return -1;
}

static int run(struct work *w, const struct process *p, struct qmp_error *err)
{
    struct qmp_error why;

    w->begun_ms = clock_ms();
    if (process_run(p, &why))
        return failed(p, &why, err);
    w->offset = w->length;
    report(w);
    return 0;
}

/* ---- convert ---- */

/* "    (12.50/100%)": only the whole ones, whatever the locale takes for a point. */
static void hear_percent(const char *line, void *arg)
{
    struct work *w = arg;
    int percent;

    if (sscanf(line, " (%d", &percent) == 1 && percent >= 0 && percent <= 100)
        w->offset = w->length / 100 * percent;
}

/* The layers as QEMU's block options. */
static json_t *source(const json_t *layers, size_t at)
{
    const json_t *layer = json_array_get(layers, at);

    if (!layer)
        return json_null();
    return image_options(text(layer, "file"), text(layer, "format"), source(layers, at + 1));
}

/* The layers and the tag as a name for qemu-img. New string. */
static char *name_of(const json_t *layers, const char *tag)
{
    json_t *options = source(layers, 0);

    if (tag)
        json_object_set_new(options, "force-share", json_true());
    return image_name(options);
}

static int64_t bytes_of(const struct tool_image *i)
{
    int64_t bytes = 0;
    const json_t *layer;
    size_t k;

    json_array_foreach(i->layers, k, layer) {
        struct image_stat st = {0};

        if (!image_stat(text(layer, "file"), &st, NULL))
            bytes += (int64_t)st.allocated;
    }
    return bytes;
}

/* QEMU reads and writes whole sectors. */
static int cut(const char *file, const char *like, struct qmp_error *err)
{
    struct image_stat st;

    if (image_stat(like, &st, err))
        return -1;
    return truncate(file, (off_t)st.size) ? image_error(err, "cut", file) : 0;
}

/* The disk may have been resized since: it comes out as large as it was. */
static int resize(const struct runner *r, const struct tool_image *i, uint64_t size,
                  struct qmp_error *err)
{
    auto_free char *bytes = mem_printf("%llu", (unsigned long long)size);
    struct process p = {.argv = (const char *[]){"qemu-img", "resize", "-q", "--shrink", "-f",
                                                 i->format, i->to, bytes, NULL},
                        .input = r->workspace,
                        .base = qmp_client_base(r->client),
                        .stop = r->stop};

    return process_run(&p, err) ? qmp_error_wrap(err, "qemu-img resize") : 0;
}

/* See that the snapshot is still there, and so was while it was read. */
static int check_tag(const struct runner *r, const struct tool_image *i, struct qmp_error *err)
{
    const char *image = text(json_array_get(i->layers, 0), "file");
    struct qcow2_snapshot *list;
    size_t n;

    if (image_snapshots(image, &list, &n, err))
        return -1;
    const struct qcow2_snapshot *s = qcow2_snapshot_find(list, n, i->tag);
    bool found = s != NULL;
    uint64_t size = found ? s->disk_size : 0;
    qcow2_snapshots_free(list, n);
    if (!found)
        return qmp_error_set(err, QRW_ERR_FAILED, "'%s' was removed while it was read", i->tag);
    return size ? resize(r, i, size, err) : 0;
}

int tool_convert(const struct runner *r, const struct tool_image *i, struct qmp_error *err)
{
    struct work w = {.r = r, .operation = "copy", .file = i->to, .length = bytes_of(i)};
    auto_free char *from = name_of(i->layers, i->tag), *tag = i->tag ? path_escape(i->tag) : NULL,
                   *which = tag ? mem_printf("snapshot.name=%s", tag) : NULL;
    const char *argv[16] = {"qemu-img", "convert", "-p", "-O", i->format};
    size_t n = 5;

    if (i->compress)
        argv[n++] = "-c";
    if (which) {
        argv[n++] = "-l";
        argv[n++] = which;
    }
    argv[n++] = from;
    argv[n++] = i->to;

    struct process p = {.argv = argv,
                        .input = r->workspace,
                        .base = qmp_client_base(r->client),
                        .stop = r->stop,
                        .heard = hear_percent,
                        .tick = report,
                        .arg = &w};
    if (run(&w, &p, err))
        return qmp_error_wrap(err, "qemu-img convert");
    if (i->verbatim)
        return cut(i->to, text(json_array_get(i->layers, 0), "file"), err);
    return i->tag ? check_tag(r, i, err) : 0;
}

/* ---- checksum ---- */

static void hear_sum(const char *line, void *arg)
{
    struct work *w = arg;
    size_t n = strspn(line, "0123456789abcdef");

    if (n == 64)
        snprintf(w->sum, 65, "%.64s", line);
}

static void look_how_far(void *arg)
{
    struct work *w = arg;

    w->offset = lseek(w->fd, 0, SEEK_CUR);
    report(w);
}

int tool_checksum(const struct runner *r, const char *file, char sum[static 65],
                  struct qmp_error *err)
{
    auto_close int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    struct work w = {.r = r, .operation = "check", .file = file, .fd = fd, .sum = sum};
    struct process p = {.argv = (const char *[]){"sha256sum", NULL},
                        .input = fd,
                        .base = qmp_client_base(r->client),
                        .stop = r->stop,
                        .heard = hear_sum,
                        .tick = look_how_far,
                        .arg = &w};
    struct stat st;

    sum[0] = '\0';
    if (fd < 0 || fstat(fd, &st))
        return image_error(err, "open", file);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return qmp_error_set(err, QRW_ERR_INVALID, "%s is neither a file nor a block device", file);
    w.length = st.st_size;
    if (run(&w, &p, err))
        return qmp_error_wrap(err, "sha256sum");
    return sum[0] ? 0 : qmp_error_set(err, QRW_ERR_FAILED, "sha256sum said something else");
}

/* ---- change ---- */

/* Let qemu-img work on @file, which nobody else may have open. */
static int change(const struct runner *r, const char *file, const char *const *argv,
                  struct qmp_error *err)
{
    /* what it cannot write when it closes the image it says, and ends with 0 */
    struct process p = {.argv = argv,
                        .input = -1,
                        .base = qmp_client_base(r->client),
                        .stop = r->stop,
                        .is_strict = true};
    struct qmp_error why;

    if (!process_run(&p, &why))
        return 0;
    if (why.kind == QRW_ERR_FAILED && image_check_unused(file, err))
        return -1;
    failed(&p, &why, err);
    return qmp_error_wrap(err, "qemu-img %s %s", argv[1], file);
}

int tool_rebase(const struct runner *r, const char *file, const char *format, const char *backing,
                const char *backing_format, struct qmp_error *err)
{
    const char *argv[] = {"qemu-img",
                          "rebase",
                          "-f",
                          format,
                          "-b",
                          backing ? backing : "",
                          backing ? "-F" : file,
                          backing ? backing_format : NULL,
                          file,
                          NULL};
    /* what the file system cannot write later, only who has it open before hears of */
    auto_close int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return image_error(err, "open", file);
    if (change(r, file, argv, err))
        return -1;
    return fsync(fd) ? image_error(err, "sync", file) : 0;
}

int tool_copy_snapshot(const struct runner *r, const char *file, const char *source,
                       const char *tag, const char *backing, struct qmp_error *err)
{
    auto_free char *escaped = path_escape(tag), *which = mem_printf("snapshot.name=%s", escaped);
    const char *argv[] = {"qemu-img",
                          "convert",
                          "-n",
                          "-f",
                          "qcow2",
                          "-O",
                          "qcow2",
                          "-l",
                          which,
                          backing ? "-B" : "--target-is-zero",
                          backing ? backing : source,
                          backing ? source : file,
                          backing ? file : NULL,
                          NULL};

    return change(r, file, argv, err);
}

/* ---- report ---- */

json_t *tool_report(const struct runner *r, const char *verb, const char *file, const char *format,
                    struct qmp_error *err)
{
    json_auto_t *layers = json_pack("[{s:s, s:s}]", "file", file, "format", format);
    auto_free char *name = name_of(layers, NULL), *said = NULL;
    struct process p = {.argv = (const char *[]){"qemu-img", verb, "--output=json", name, NULL},
                        .input = -1,
                        .base = qmp_client_base(r->client),
                        .stop = r->stop};
    struct qmp_error why;
    int rc = process_read(&p, MAX_REPORT, &said, &why);
    json_t *doc = !rc || why.kind == QRW_ERR_FAILED ? json_loads(said, 0, NULL) : NULL;

    if (doc)
        return doc;
    if (!rc)
        qmp_error_set(&why, QRW_ERR_FAILED, "it said something else");
    failed(&p, &why, err);
    qmp_error_wrap(err, "qemu-img %s", verb);
    return NULL;
}
