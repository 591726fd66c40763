/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lost: see lost.h. */
#include "snapshot/lost.h"

#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

bool lost_is_needed(const struct chain *c, json_t *disks, const char *id)
{
    const char *disk;
    json_t *held;

    json_object_foreach(disks, disk, held)
        if (chain_is_below(c, id, text(held, text(held, "layer") ? "layer" : "inside")))
            return true;
    return false;
}

/* The last snapshot that can do without @id. NULL: none. */
static const char *find_spared(const struct chain *c, const char *id)
{
    const json_t *all = chain_snapshots(c);

    for (size_t i = json_array_size(all); i-- > 0;) {
        const json_t *s = json_array_get(all, i);

        if (!lost_is_needed(c, json_object_get(s, "disks"), id))
            return text(s, "name");
    }
    return NULL;
}

char *lost_cure(const struct chain *c, const char *id)
{
    const json_t *layer = chain_layer(c, id);
    const char *below = text(layer, "backing"), *format = text(chain_layer(c, below), "format");
    const char *spared = find_spared(c, id);
    const long long size = chain_layer_size(c, id);

    if (!below || !format || !spared || size <= 0 || !same(text(layer, "format"), "qcow2"))
        return NULL;
    auto_free char *file = chain_layer_file(c, id), *meant = chain_layer_file(c, below);
    if (!graph_has_folder(file))
        return NULL;
    auto_free char *folder = path_folder(file), *spelled = chain_spell(folder, meant);
    auto_free char *backing = path_quote(spelled), *image = path_quote(file);
    auto_free char *name = path_argument(spared);
    return mem_printf("if there is none, what was in it is lost, and an empty one in its place "
                      "lets you go back to %s: qemu-img create -q -f qcow2 -F %s -b %s %s %lld; "
                      "then: qrewind revert --discard %s",
                      name, format, backing, image, size, name);
}
