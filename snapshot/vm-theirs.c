/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-theirs: are layers of the record those of another VM?
 *
 *   one/a.qcow2.qrewind.json <── two/b.qcow2.qrewind.json       a copy of one says that it is on
 *   copy/a.qcow2.qrewind.json ╌╌> two/b.qcow2                   two/b, too: on the disk of the
 * first
 *
 * The link beside an image says whose it is. Where that is another record, which has the image as
 * one that it keeps, nothing is changed. What both only build on is shared.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"

/* Where the link beside @image leads, if there is one, and that is not @sidecar. New string. */
static char *led(const char *image, const char *sidecar)
{
    auto_free char *link = mem_printf("%s" SIDECAR_SUFFIX, image);
    auto_free char *other = realpath(link, NULL);
    struct image_stat st, own;

    /* all but that of the link itself is of where it leads */
    if (!other || image_stat(link, &st, NULL) || !st.symlink || !path_ends(other, SIDECAR_SUFFIX) ||
        sidecar_trust_for(other, image, NULL) ||
        (!image_stat(sidecar, &own, NULL) && own.exists && image_same(&st, &own)))
        return NULL;
    return mem_strdup(other);
}

/* Does the record @file keep @image, and not only build on it? */
static bool keeps(const char *file, const char *image)
{
    struct chain c = {0};

    if (sidecar_load(&c, file, NULL, NULL, NULL))
        return false;
    json_auto_t *pinned = chain_pinned(&c);
    const char *id = chain_layer_by_file(&c, image);
    const bool kept = id && pointers_held(&c, pinned, id);
    chain_done(&c);
    return kept;
}

static int refuse(const char *image, const char *other, const char *sidecar, struct qmp_error *err)
{
    auto_free char *quoted = path_quote(sidecar), *link = mem_printf("%s" SIDECAR_SUFFIX, image);
    auto_free char *wrong = path_quote(link);

    qmp_error_set(err, QRW_ERR_REFUSED,
                  "%s is of %s, to which the link beside it leads, and not of %s", image, other,
                  sidecar);
    return qmp_error_hint(err,
                          "if this VM is a copy of that one, it needs its own disks, too, in the "
                          "same place beside the sidecar; qrewind --sidecar %s forget drops its "
                          "record. If that one is no more: rm %s",
                          quoted, wrong);
}

int vm_check_theirs(const struct qrw_vm *vm, const struct chain *c, const char *sidecar,
                    struct qmp_error *err)
{
    json_auto_t *pinned = chain_pinned(c);
    const char *id;
    json_t *layer;

    if (!vm->files_reachable || vm->strange)
        return 0;
    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *image = chain_layer_file(c, id);

        if (!graph_has_folder(image) || !pointers_held(c, pinned, id))
            continue;
        auto_free char *other = led(image, sidecar);
        if (other && keeps(other, image))
            return refuse(image, other, sidecar, err);
    }
    return 0;
}
