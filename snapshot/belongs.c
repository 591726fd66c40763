/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* belongs: see belongs.h. */
#include "snapshot/belongs.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/path.h"
#include "snapshot/sidecar.h"

enum { SECTOR = 512, DEEPEST = 512 };

static bool is_image(const char *file, const struct image_stat *st, bool raw)
{
    struct qcow2_header h = {0};
    const bool qcow2 = !image_read_header(file, &h, NULL);

    qcow2_header_done(&h);
    return qcow2 || !st->size || image_is_memory(file, true) || image_is_unwritten(file) ||
           (raw && st->size % SECTOR == 0);
}

static bool shares_folder(const char *a, const char *b)
{
    auto_free char *one = path_folder(a), *other = path_folder(b);

    return !strcmp(one, other);
}

static bool is_at_home(const char *file, const struct chain *c, const struct graph *g)
{
    auto_free char *folder = path_folder(file);

    for (size_t i = 0; i < g->ndisks; i++)
        if (g->disks[i].nlayers && !g->disks[i].told && graph_is_path(g->disks[i].layers[0].file) &&
            shares_folder(file, g->disks[i].layers[0].file))
            return true;
    return !strcmp(folder, c->folder);
}

static bool leads_home(const char *file, const struct chain *c, const struct graph *g)
{
    char *at = mem_strdup(file);

    for (int depth = 0; at && !is_at_home(at, c, g) && depth < DEEPEST; depth++) {
        char *below = image_backing_file(at);

        free(at);
        at = below;
    }
    bool home = at && is_at_home(at, c, g);
    free(at);
    return home;
}

/* Leads a link beside @image to the record, in the folder of @c, and names that @file? */
static bool leads_to_record(const char *image, const char *file, const struct chain *c)
{
    auto_free char *link = mem_printf("%s" SIDECAR_SUFFIX, image);
    auto_free char *record = sidecar_led(link), *folder = record ? path_folder(record) : NULL;
    struct chain led = {0};

    if (!folder || strcmp(folder, c->folder) || sidecar_load(&led, record, NULL, NULL, NULL))
        return false;
    const bool named = chain_layer_by_file(&led, file) != NULL;
    chain_done(&led);
    return named;
}

bool belongs(const char *file, bool raw, const struct chain *c, const struct graph *g)
{
    const json_t *layer;
    struct image_stat st;
    const char *id;

    if (image_stat(file, &st, NULL) || !st.exists)
        return true;
    if (!is_image(file, &st, raw))
        return false;
    if (leads_home(file, c, g) || leads_to_record(file, file, c))
        return true;
    json_object_foreach(json_object_get(c->doc, "layers"), id, layer) {
        auto_free char *other = chain_layer_file(c, id);

        if (shares_folder(file, other) &&
            (leads_home(other, c, g) || leads_to_record(other, file, c)))
            return true;
    }
    return false;
}
