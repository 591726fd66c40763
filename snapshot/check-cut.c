/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check-cut: a layer that shows all itself now, but not what lies inside of it.      PURE
 *
 *   recorded   base* <- a [t1]      QEMU has a on nothing (block-stream)
 *
 * What lay below was merged up into the present of a; t1 saw it through a, and shows zeros there.
 * As long as the record says what a lay on, nothing is lost: the header can name that again. So it
 * is not recorded what QEMU has while something lies inside. Had it gone down, what a lies on now
 * would have changed, and showed the same.
 */
#include <stdlib.h>

#include "qmp/mem.h"
#include "snapshot/check-rules.h"
#include "snapshot/lost.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

bool check_is_cut(const struct check *k, const struct graph_disk *d, size_t i)
{
    const char *id = lost_cut_off(k->c, d, i);
    const json_t *onto = id ? json_object_get(k->skipped, id) : NULL;

    return id && !onto && !chain_pending(k->c);
}

bool check_any_cut(const struct check *k, const struct graph_disk *d)
{
    for (size_t i = 0; k->live && i < d->nlayers; i++)
        if (check_is_cut(k, d, i))
            return true;
    return false;
}

char *check_cut_file(const struct check *k, const json_t *held)
{
    auto_free char *file = chain_layer_file(k->c, text(held, "inside"));
    const struct graph_disk *d = NULL;
    const struct graph_layer *l = check_live(k, file, &d);

    return l && check_is_cut(k, d, (size_t)(l - d->layers)) ? mem_strdup(file) : NULL;
}

char *check_cut_hint(const struct check *k, const char *file)
{
    const char *id = chain_layer_by_file(k->c, file);
    auto_free char *inside = chain_inside(k->c, id), *image = path_quote(file);
    auto_free char *below = chain_layer_file(k->c, text(chain_layer(k->c, id), "backing"));

    return mem_printf("; to keep what lies inside of it (%s), stop the VM, then: qrewind -i %s "
                      "repair --yes, which names %s in its header again; to give that up: qrewind "
                      "delete %s, then qrewind repair",
                      inside ? inside : "the undo point", image, path_name(below),
                      inside ? "NAME" : "--undo");
}
