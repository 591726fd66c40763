/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sidecar-place: where the sidecar lies, and is it there; by name alone. See sidecar.h. */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"

bool sidecar_is_beside(const struct graph *g, const char *file)
{
    size_t n = strlen(file) - strlen(SIDECAR_SUFFIX);

    for (size_t i = 0; i < g->ndisks; i++)
        for (size_t k = 0; k < g->disks[i].nlayers; k++) {
            const char *image = g->disks[i].layers[k].file;

            if (strlen(image) == n && !strncmp(image, file, n))
                return true;
        }
    return false;
}

char *sidecar_place(const struct graph *g)
{
    const struct graph_disk *home = graph_home(g);

    return home ? mem_printf("%s" SIDECAR_SUFFIX, home->layers[0].file) : NULL;
}
