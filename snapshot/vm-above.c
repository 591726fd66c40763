/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-above: an overlay that nobody has recorded, on top of what a disk runs on. After an older
 * sidecar was put back the guest's newest data lies in such, and a snapshot of what is below it is
 * not of that.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"
#include "snapshot/vm-private.h"
#include "snapshot/vm-written.h"

/* It was written to, and after what it builds on. */
static bool is_newer(const char *file, const char *active)
{
    struct image_stat above, below;
    bool empty = false;

    return !image_stat(file, &above, NULL) && !image_stat(active, &below, NULL) &&
           above.mtime_ns >= below.mtime_ns && !image_is_empty_overlay(file, &empty, NULL) &&
           !empty;
}

/* Another VM's, on a base that they share. */
static bool is_recorded(const struct chain *c, const char *file)
{
    char *found[2] = {NULL, NULL};
    bool known = chain_layer_by_file(c, file) || sidecar_search(file, found, NULL) || found[0];

    free(found[0]);
    free(found[1]);
    return known;
}

static int refuse(const struct chain *c, const struct graph_disk *d, const char *file,
                  struct qmp_error *err)
{
    auto_free char *top = vm_top(file, NULL), *quoted = vm_image_argument(top ? top : file);

    qmp_error_set(err, QRW_ERR_REFUSED,
                  "disk %s: %s lies on what it runs on, and no record names it: if the guest wrote "
                  "to that last, this is not what it saw",
                  d->id, file);
    return qmp_error_hint(err,
                          "have it recorded: qrewind -i %s %s; or remove it, if nobody needs it",
                          quoted, chain_layer_by_file(c, d->layers[0].file) ? "repair" : "adopt");
}

/* The header of @file does not lead to what it lies on: it cannot be recorded yet. */
static int refuse_astray(const struct graph_disk *d, const char *file, struct qmp_error *err)
{
    auto_free char *quoted = path_quote(file), *active = path_quote(d->layers[0].file);

    qmp_error_set(err, QRW_ERR_REFUSED,
                  "disk %s: %s seems to lie on what it runs on, though its header names another "
                  "place, and no record names it: if the guest wrote to that last, this is not "
                  "what it saw",
                  d->id, file);
    return qmp_error_hint(err,
                          "have its header name the right one: qemu-img rebase -u -f qcow2 -F %s "
                          "-b %s %s; or remove it, if nobody needs it",
                          d->layers[0].format, active, quoted);
}

static bool is_above(const struct chain *c, const char *file, const char *active)
{
    return !path_ends(file, SIDECAR_SUFFIX) && is_newer(file, active) && !is_recorded(c, file);
}

static int check_above(const struct chain *c, const struct graph_disk *d, struct qmp_error *err)
{
    const char *active = d->layers[0].file;
    struct image_users users = {0};
    int rc = image_users(active, NULL, &users, err);

    for (size_t i = 0; i < users.n && !rc; i++)
        if (is_above(c, users.names[i], active))
            rc = refuse(c, d, users.names[i], err);
    for (size_t i = 0; i < users.nastray && !rc; i++)
        if (is_above(c, users.astray[i], active))
            rc = refuse_astray(d, users.astray[i], err);
    image_users_done(&users);
    return rc;
}

int vm_check_above(struct qrw_vm *vm, const struct chain *c, struct qmp_error *err)
{
    vm_note_written(vm, c);
    for (size_t i = 0; vm->offline && i < vm->graph.ndisks; i++) {
        const struct graph_disk *d = &vm->graph.disks[i];

        if (!graph_skip_reason(d) && !d->layers[0].remote && check_above(c, d, err))
            return -1;
    }
    return 0;
}
