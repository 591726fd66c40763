/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-take-out: a snapshot that is dropped, as it shows something else since, goes from inside of
 * the images, too.
 *
 * Its tag would be taken for one that somebody else has made as soon as its layer is in the chain
 * again, and gone back to. Killed in between, the record still has it, and it is found again.
 */
#include "snapshot/vm-take-out.h"

#include "qmp/mem.h"
#include "snapshot/belongs.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/vm-private.h"

/* The record alone says that it is an image of this VM, and whose that is. */
static int check_ours(const struct qrw_vm *vm, const struct chain *c, const char *file,
                      struct qmp_error *err)
{
    struct image_stat st;

    if (image_stat(file, &st, err))
        return -1;
    if (image_is_foreign(&st, vm->owner))
        return qmp_error_set(err, QRW_ERR_REFUSED, "it belongs to another user than the sidecar");
    return belongs(file, false, c, &vm->graph)
               ? 0
               : qmp_error_set(err, QRW_ERR_REFUSED, "it does not look like an image of this VM");
}

static int take_out(struct qrw_vm *vm, const struct chain *c, const char *file, const char *tag,
                    struct qmp_error *err)
{
    char token[9];
    const struct plan p = {.token = token};
    int rc;

    if (check_ours(vm, c, file, err))
        return -1;
    if (vm->offline)
        return image_check_unused(file, err) ? -1 : image_untag(file, tag, err);
    struct runner r = vm_runner(vm, false);
    vm_random_token(token);
    rc = runner_untag(&r, &p, file, tag, &vm->graph, err);
    json_decref(r.jobs);
    return rc;
}

void vm_take_out(struct qrw_vm *vm, const struct chain *c, const json_t *inside)
{
    const json_t *at;
    size_t i;

    json_array_foreach(inside, i, at) {
        const char *file = text(at, "file"), *tag = text(at, "tag");
        auto_free char *label = path_quote(tag), *image = path_quote(file);
        struct qmp_error why = {0};

        /* what has left the record is an orphan, with all that is in it, and stays as it is */
        if (chain_layer_by_file(c, file) && take_out(vm, c, file, tag, &why))
            vm_note(vm, 0,
                    "'%s' stays inside of %s, where it shows something else now: %s; with the VM "
                    "off: qemu-img snapshot -d %s %s, and qrewind repair --yes",
                    tag, file, why.desc, label, image);
    }
}
