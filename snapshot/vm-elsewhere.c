/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-elsewhere: a sidecar that no disk leads to, and that knows one nevertheless. If the VM has all
 * disks of it, it is the VM's: somebody has streamed the image away beside which it lies, or the VM
 * was started with an old image, and it lies beside the new one. Or it lies beside one disk of a
 * VM: started without that one, the VM seems to have none. So it does where its active image was
 * renamed, or all of its images were. And one that is out of reach: a link leads to it. And where
 * it has left the image that it is called after: what lies there is old.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph-files.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"

/* Has a guest of the VM of @c been on @layer? One that lies below all that may be a template, of
 * which other VMs are made. */
static bool has_been(const struct chain *c, const char *layer)
{
    return chain_is_ours(c, layer) || chain_pinned_by(c, layer);
}

/* Does @file say that a guest writes to @image, or (@ever) that it has? */
static bool has_active(const char *file, const char *image, bool ever)
{
    struct chain c = {0};
    const char *layer;
    bool active;

    if (!file || sidecar_load(&c, file, NULL, NULL, NULL))
        return false;
    layer = chain_layer_by_file(&c, image);
    active = layer && (chain_is_active(&c, layer) || (ever && has_been(&c, layer)));
    chain_done(&c);
    return active;
}

/* Does @g run on the layer that is active of disk @id of @c, or on one that was? */
static bool runs_on(const struct chain *c, const struct graph *g, const char *id)
{
    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];
        const char *layer = graph_skip_reason(d) ? NULL : chain_layer_by_file(c, d->layers[0].file);

        if (layer && (same(chain_active(c, id), layer) ||
                      (same(chain_disk_of(c, layer), id) && has_been(c, layer))))
            return true;
    }
    return false;
}

/* Does @g have all disks of the record @file? */
static bool is_whole(const char *file, const struct graph *g)
{
    struct chain c = {0};
    bool whole = !sidecar_load(&c, file, NULL, NULL, NULL);
    const char *id;
    json_t *disk;

    json_object_foreach(json_object_get(c.doc, "disks"), id, disk)
        whole = whole && runs_on(&c, g, id);
    chain_done(&c);
    return whole;
}

/* The one record that has @image. New string, NULL: none, or several do. */
static char *find_record(const char *image)
{
    char *found[2] = {NULL, NULL};
    const int rc = sidecar_search(image, found, NULL);
    char *file = !rc && !found[1] ? found[0] : NULL;

    if (!file)
        free(found[0]);
    free(found[1]);
    return file;
}

char *vm_find_elsewhere(const struct qrw_vm *vm)
{
    const struct graph *g = &vm->graph;
    char *own = NULL;

    for (size_t i = 0; i < g->ndisks && !vm->strange && !vm->offline; i++) {
        const struct graph_disk *d = &g->disks[i];

        if (graph_skip_reason(d) || !graph_has_folder(d->layers[0].file))
            continue;
        auto_free char *before = own, *file = find_record(d->layers[0].file);
        if (file && before && strcmp(file, before))
            return NULL; /* it is told that they are two */
        own = mem_strdup(file ? file : before);
    }
    if (!own || is_whole(own, g))
        return own;
    free(own);
    return NULL;
}

/* The image that a guest writes to by the record @file, which is not there, but what it builds on
 * is below @d. New string, NULL: there is none. */
static char *missing_active(const char *file, const struct graph_disk *d)
{
    struct chain c = {0};
    const char *id;
    char *missing = NULL;
    json_t *disk;

    if (!file || sidecar_load(&c, file, NULL, NULL, NULL))
        return NULL;
    json_object_foreach(json_object_get(c.doc, "disks"), id, disk) {
        const char *active = text(disk, "active");
        auto_free char *image = chain_layer_file(&c, active);
        auto_free char *base = chain_layer_file(&c, text(chain_layer(&c, active), "backing"));

        if (missing || !image || !base || !graph_layer(d, base) || !image_is_gone(image))
            continue;
        missing = image;
        image = NULL;
    }
    chain_done(&c);
    return missing;
}

/* The images were renamed, and the record does not lead to them, nor they to it. */
static int check_renamed(const struct graph_disk *d, const char *file, struct qmp_error *err)
{
    auto_free char *missing = missing_active(file, d);

    if (!missing)
        return 0;
    auto_free char *quoted = path_quote(file);
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "disk %s runs on %s, which %s does not know; it knows %s, which is not there",
                  d->id, path_name(d->layers[0].file), file, path_name(missing));
    return qmp_error_hint(err, "if that was renamed: qrewind --sidecar %s repair --yes", quoted);
}

/* All images were renamed, and what the header of the last names is in a record beside them. */
static int check_cut(const struct graph_disk *d, struct qmp_error *err)
{
    const struct graph_layer *l = graph_trouble(d);
    char *found[2] = {NULL, NULL};

    if (!l || !graph_has_folder(l->file) || !image_is_gone(l->file))
        return 0;
    int rc = sidecar_search(l->file, found, err);
    if (!rc && found[0]) {
        auto_free char *quoted = path_quote(found[0]);

        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s builds on %s, which is not there; %s knows it",
                      d->id, l->file, found[0]);
        rc = qmp_error_hint(err, "if the images were renamed: qrewind --sidecar %s repair --yes",
                            quoted);
    }
    free(found[0]);
    free(found[1]);
    return rc;
}

/* A link beside a layer leads to the record, which is out of reach. */
static int check_away(const struct graph_disk *d, struct qmp_error *err)
{
    for (size_t i = 0; i < d->nlayers; i++) {
        auto_free char *link = mem_printf("%s" SIDECAR_SUFFIX, d->layers[i].file);
        auto_free char *away = graph_has_folder(link) ? sidecar_away(link) : NULL;

        if (!away)
            continue;
        auto_free char *quoted = path_quote(link);
        qmp_error_set(err, QRW_ERR_REFUSED, "the record of disk %s is %s, which is not there",
                      d->id, away);
        return qmp_error_hint(err,
                              "mount what it lies on, or say where it is now: --sidecar FILE; if "
                              "it is gone for good: rm %s",
                              quoted);
    }
    return 0;
}

/* QRW_ERR_REFUSED: there is one. That a guest @runs on what is a base there ruins that. */
static int check(const struct graph_disk *d, bool runs, struct qmp_error *err)
{
    char *found[2] = {NULL, NULL};
    const char *image = d->layers[0].file;
    int rc = sidecar_search(image, found, err);

    for (int i = 0; i < 2 && !rc; i++)
        if (has_active(found[i], image, runs)) {
            auto_free char *quoted = path_quote(found[i]);

            qmp_error_set(err, QRW_ERR_REFUSED, "disk %s runs on %s, and %s knows it", d->id,
                          path_name(image), found[i]);
            rc = qmp_error_hint(err, "if it is of this VM, which lacks a disk: --sidecar %s",
                                quoted);
        }
    free(found[0]);
    free(found[1]);
    return rc;
}

int vm_check_away(const struct qrw_vm *vm, struct qmp_error *err)
{
    for (size_t i = 0; i < vm->graph.ndisks && !vm->strange; i++)
        if (!graph_skip_reason(&vm->graph.disks[i]) && check_away(&vm->graph.disks[i], err))
            return -1;
    return 0;
}

static bool has_left(const struct chain *c, const char *image)
{
    return chain_left_by(c, image);
}

static int refuse_left(const char *file, const char *image, struct qmp_error *err)
{
    struct chain c = {0};

    if (sidecar_load(&c, file, NULL, NULL, err))
        return -1;
    const char *id = chain_left_by(&c, image);
    auto_free char *is = chain_layer_file(&c, chain_active(&c, id ? id : ""));
    auto_free char *now = path_quote(is ? is : ""), *own = path_quote(image);
    qmp_error_set(err, QRW_ERR_REFUSED, "%s says that disk %s does not use %s any more", file,
                  id ? id : "-", path_name(image));
    chain_done(&c);
    return qmp_error_hint(err,
                          "it is on %s%s; if this one is another disk now, a sidecar of its own "
                          "is begun with --sidecar %s" SIDECAR_SUFFIX,
                          now, !is || image_is_gone(is) ? ", which is not there" : "", own);
}

/* QRW_ERR_REFUSED: a disk had been on that. */
static int check_left(const struct graph_disk *d, struct qmp_error *err)
{
    char *found[2] = {NULL, NULL};
    const char *image = d->layers[0].file;
    int rc = sidecar_search_by(has_left, image, found, err);

    if (!rc && found[0])
        rc = refuse_left(found[0], image, err);
    free(found[0]);
    free(found[1]);
    return rc;
}

int vm_check_elsewhere(const struct qrw_vm *vm, const char *foreign, struct qmp_error *err)
{
    if (vm->strange)
        return 0;
    for (size_t i = 0; i < vm->graph.ndisks; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];

        if (!graph_skip_reason(d) && graph_has_folder(d->layers[0].file) &&
            (check_away(d, err) || check(d, !vm->offline, err) || check_renamed(d, foreign, err) ||
             check_cut(d, err) || check_left(d, err)))
            return -1;
    }
    return 0;
}
