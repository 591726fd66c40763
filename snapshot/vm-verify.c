/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm-verify: does the file system agree with the plan, before and after? */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/image.h"
#include "snapshot/path.h"
#include "snapshot/vm-private.h"

static const char *text(const json_t *obj, const char *key)
{
    return json_string_value(json_object_get(obj, key));
}

/* ---- before: the plan's needs ---- */

static int absent(struct qrw_vm *vm, const struct plan *p, const json_t *need,
                  struct qmp_error *err)
{
    struct image_stat st;

    if (image_stat(text(need, "file"), &st, err))
        return -1;
    if (!st.exists && !st.symlink)
        return 0;
    qmp_error_set(err, QRW_ERR_REFUSED, "%s exists already", text(need, "file"));
    return qmp_error_hint(err, "choose another name, or move that file away; qrewind never "
                               "overwrites a file that it did not make");
}

/* Where QEMU sees files that we do not, QEMU is asked to open it. */
static int absent_for_qemu(struct qrw_vm *vm, const struct plan *p, const json_t *need,
                           struct qmp_error *err)
{
    auto_free char *node = mem_printf("qrw-%s-probe", p->token);
    json_auto_t *opened = ask_one(
        vm->client, &vm->stop, "blockdev-add",
        json_pack("{s:s, s:s, s:s, s:b}", "driver", "file", "node-name", node, "filename",
                  text(need, "file"), "read-only", 1),
        NULL);

    if (!opened)
        return qmp_client_broken(vm->client) ? qmp_error_set(err, QMP_ERR_CLOSED, "%s",
                                                             qmp_client_broken(vm->client)->desc)
                                             : 0;
    json_decref(ask_one(vm->client, NULL, "blockdev-del", json_pack("{s:s}", "node-name", node),
                        NULL));
    return qmp_error_set(err, QRW_ERR_REFUSED, "%s exists already where QEMU runs",
                         text(need, "file"));
}

static int space(struct qrw_vm *vm, const struct plan *p, const json_t *need,
                 struct qmp_error *err)
{
    auto_free char *folder = path_folder(text(need, "file"));
    uint64_t wanted = (uint64_t)json_integer_value(json_object_get(need, "bytes"));
    uint64_t free_bytes;

    if (image_space(folder, &free_bytes, err))
        return -1;
    if (wanted <= free_bytes)
        return 0;
    return qmp_error_set(err, QRW_ERR_REFUSED,
                         "%s has %llu MiB free, up to %llu MiB are needed for %s", folder,
                         (unsigned long long)(free_bytes >> 20),
                         (unsigned long long)(wanted >> 20), path_name(text(need, "file")));
}

/* Every file of our own document may build on the one that will be written to. */
static int unshared(struct qrw_vm *vm, const struct plan *p, const json_t *need,
                    struct qmp_error *err)
{
    const json_t *layers = json_object_get(p->after.doc, "layers");
    const char **own = mem_alloc((json_object_size(layers) + vm->graph.ndisks + 1) * sizeof(*own));
    struct image_users users = {0};
    const struct graph_disk *d;
    size_t n = 0;
    int rc;

    for (d = vm->graph.disks; d < vm->graph.disks + vm->graph.ndisks; d++)
        for (size_t k = 0; k < d->nlayers && graph_layer(d, text(need, "file")); k++) {
            own = mem_grow(own, n + 2, sizeof(*own));
            own[n++] = d->layers[k].file;
        }
    own[n] = NULL;
    rc = image_users(text(need, "file"), own, &users, err);
    if (!rc && users.n) {
        qmp_error_set(err, QRW_ERR_REFUSED, "%s is also the base of %s%s", text(need, "file"),
                      users.names[0], users.n > 1 ? " and others" : "");
        rc = qmp_error_hint(err, "writing to it would ruin that image; stream merges upwards and "
                                 "leaves the base alone");
    }
    image_users_done(&users);
    free(own);
    return rc;
}

static const struct {
    const char *need;
    int (*check)(struct qrw_vm *vm, const struct plan *p, const json_t *need,
                 struct qmp_error *err);
} checks[] = {
    {"absent", absent},
    {"absent-for-qemu", absent_for_qemu},
    {"space", space},
    {"unshared", unshared},
};

int vm_check_needs(struct qrw_vm *vm, const struct plan *p, struct qmp_error *err)
{
    const json_t *need;
    size_t i;

    json_array_foreach(p->needs, i, need)
        for (size_t k = 0; k < sizeof(checks) / sizeof(checks[0]); k++)
            if (!strcmp(checks[k].need, text(need, "need")) && checks[k].check(vm, p, need, err))
                return -1;
    return 0;
}

/* ---- after: the headers ---- */

static bool names(const char *layer, const char *backing)
{
    struct image_stat meant, found;
    struct qcow2_header h = {0};
    bool same = true;

    if (image_read_header(layer, &h, NULL))
        return true;
    auto_free char *path = h.backing ? image_backing_path(layer, h.backing) : NULL;
    if (!backing || !h.backing)
        same = !backing && !h.backing;
    else if (path && !image_stat(backing, &meant, NULL) && !image_stat(path, &found, NULL))
        same = meant.exists && found.exists && image_same(&meant, &found);
    qcow2_header_done(&h);
    return same;
}

void vm_check_headers(struct qrw_vm *vm, struct plan *p)
{
    const json_t *fact;
    size_t i;

    if (!vm->files_reachable)
        return;
    json_array_foreach(p->promise, i, fact)
    {
        const char *backing = text(fact, "backing");

        if (!names(text(fact, "layer"), backing))
            plan_note(p, "the header of %s does not name %s: qemu-img rebase -u mends it while "
                         "the VM is off",
                      text(fact, "layer"), backing ? backing : "no backing file, as it should");
    }
}
