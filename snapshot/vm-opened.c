/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm-opened: what QEMU has open, and no disk of it uses: nodes of ours, and what is recorded as
 * active, as another tool has left it that has merged that down.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/vm-private.h"

/* The nodes that carry our prefix. */
static json_t *nodes(struct qrw_vm *vm)
{
    json_auto_t *stats = ask_one(vm->client, &vm->stop, "query-blockstats",
                                 json_pack("{s:b}", "query-nodes", 1), NULL);
    json_t *found = json_array(), *entry;
    size_t i;

    json_array_foreach(stats, i, entry) {
        const char *node = text(entry, "node-name");

        if (node && !strncmp(node, "qrw-", 4))
            json_array_append_new(found, json_string(node));
    }
    return found;
}

static json_t *files(const struct qrw_vm *vm, const struct chain *c)
{
    json_t *found = json_object();

    for (size_t i = 0; i < vm->graph.ndisks && vm->files_reachable && vm->pid > 0; i++) {
        const char *id = chain_active(c, vm->graph.disks[i].id);
        auto_free char *file = chain_layer_file(c, id);
        struct image_stat st;

        if (file && graph_is_path(file) && !graph_disk_with(&vm->graph, file) &&
            !image_stat(file, &st, NULL) && st.exists && image_open_in(vm->pid, &st) > 0)
            json_object_set_new(found, file, json_true());
    }
    return found;
}

void vm_take_opened(struct qrw_vm *vm, const struct chain *c, json_t *survey)
{
    json_object_set_new(survey, "nodes", nodes(vm));
    json_object_set_new(survey, "opened", files(vm, c));
}
