/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-alone: see vm-alone.h.
 *
 *   recorded   a <- a.s1       a.s1's header names nothing: what lies in a would be lost
 *   recorded   a               a's header names x: what lies in x would be recorded, and exported
 *
 * The recorded one is right where it was lost, and where the layers were merged into the image
 * (rebase, block-stream), which shows the same on top of its old base then. It is wrong where the
 * image was made flat by copying it: what is zero is a hole there, and the base would show. So it
 * is written back, but not unasked. What a running QEMU has open is as QEMU has it; and what is
 * pending may have made an image flat, or put it on another layer of ours.
 */
#include "snapshot/vm-alone.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/fingerprint.h"
#include "snapshot/image.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/qcow2.h"

/* Does one of @list, of a plan, say of @file (its @key) that nothing is to be below it? The folder
 * may have been moved since. */
static bool says_flat(const json_t *list, const char *key, const char *file)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry) {
        const char *named = text(entry, key);

        if (named && same(path_name(named), path_name(file)) && !text(entry, "backing") &&
            (text(entry, "step") ? same(text(entry, "step"), "rebase") : !text(entry, "tag")))
            return true;
    }
    return false;
}

/* Is what is pending to make @file flat: by a job, or with qemu-img? */
static bool becomes_flat(const struct chain *c, const char *file)
{
    const json_t *pending = chain_pending(c);

    return says_flat(json_object_get(pending, "promise"), "layer", file) ||
           says_flat(json_object_get(pending, "steps"), "file", file);
}

/* Of an image that names nothing, and may need nothing. */
#define FLAT                                                                                       \
    "if it was made flat by copying (qemu-img convert, an export), it needs none: "                \
    "qrewind forget, then adopt"

/* What writes the file @meant (its format: @format), NULL: none, into the header of @file. */
static int tell_way(const struct chain *c, const char *sidecar, const char *file, const char *meant,
                    const char *format, struct qmp_error *err)
{
    if (chain_pending(c)) {
        auto_free char *below = path_quote(meant ? meant : ""), *top = path_quote(file);

        return qmp_error_hint(err,
                              "what is recorded is written into it by: qemu-img rebase -u -f "
                              "qcow2%s%s -b %s %s",
                              meant ? " -F " : "", meant ? format : "", below, top);
    }
    auto_free char *quoted = path_quote(sidecar);
    return qmp_error_hint(err,
                          "qrewind --sidecar %s repair --yes writes what is recorded into it%s",
                          quoted, meant ? "; but " FLAT : "");
}

/* What was below is not to be had now. */
static int tell_missing(const struct chain *c, const char *sidecar, const char *file,
                        const char *meant, struct qmp_error *err)
{
    auto_free char *quoted = path_quote(sidecar);

    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s: its header names no backing file, the sidecar says %s, which is not there",
                  file, meant);
    if (chain_pending(c))
        return qmp_error_hint(err, "put that back where it was");
    return qmp_error_hint(err,
                          "put that back where it was; if this was made flat (qemu-img rebase, "
                          "convert) and is whole without it: qrewind --sidecar %s repair --yes "
                          "--only wrong-backing",
                          quoted);
}

int vm_check_alone(const struct chain *c, const char *sidecar, const char *id,
                   struct qmp_error *err)
{
    const json_t *layer = chain_layer(c, id), *below = chain_layer(c, text(layer, "backing"));
    auto_free char *file = chain_layer_file(c, id);
    auto_free char *meant = chain_layer_file(c, text(layer, "backing"));
    struct qcow2_header h = {0};

    if (!same(text(layer, "format"), "qcow2") || image_read_header(file, &h, NULL))
        return 0;
    auto_free char *named = mem_strdup(h.backing);
    auto_free char *path = named ? image_backing_path(file, named) : NULL;
    auto_free char *place = path ? image_place(path) : NULL;
    qcow2_header_done(&h);

    if (meant && !named && !becomes_flat(c, file)) {
        if (!image_is_there(meant))
            return tell_missing(c, sidecar, file, meant, err);
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s: its header names no backing file, the sidecar says %s", file, meant);
        return tell_way(c, sidecar, file, meant, text(below, "format"), err);
    }
    if (meant || !named || same(place, file) || (place && !image_is_there(place)) ||
        (place && chain_pending(c) && chain_layer_by_file(c, place)))
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s: its header names %s, the sidecar says that it builds on nothing", file,
                  place ? place : named);
    return tell_way(c, sidecar, file, NULL, NULL, err);
}

int vm_check_stripped(const struct chain *c, const struct graph_disk *d, struct qmp_error *err)
{
    const char *id = lost_stripped(c, d);
    auto_free char *file = chain_layer_file(c, id), *image = path_quote(file ? file : "");
    auto_free char *meant = chain_layer_file(c, text(chain_layer(c, id), "backing"));

    if (!id || !graph_is_path(meant) || fingerprint_has_grown(c, id, false))
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "disk %s: QEMU has %s on nothing, recorded is %s, and it has not grown since it "
                  "was frozen: its header seems to have lost the name",
                  d->id, file, meant);
    return qmp_error_hint(err,
                          "stop the VM%s, then qrewind -i %s repair --yes names it again; if it "
                          "needs none: qrewind repair --yes",
                          image_is_there(meant) ? "" : " and put that back where it was", image);
}
