/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doubt: see doubt.h.                                                   PURE */
#include "snapshot/doubt.h"

#include "qmp/mem.h"
#include "snapshot/member.h"

int doubt_unfilled(const struct plan *p, struct qmp_error *err)
{
    const json_t *fact = json_array_get(p->promise, 0);

    qmp_error_set(err, QRW_ERR_UNKNOWN,
                  "disk %s runs on %s, which an interrupted %s had not filled yet, as far "
                  "as is recorded",
                  text(fact, "disk"), text(fact, "layer"), p->operation);
    return qmp_error_hint(err, "start the VM on the image that it ran on before, then: qrewind "
                               "repair; only if somebody had completed the job: qrewind repair "
                               "--yes");
}

/* The files that disks run on when @c holds, new string: "/a and /b". */
static char *active_files(const struct chain *c)
{
    char *all = NULL;
    const char *id;
    json_t *disk;

    json_object_foreach(json_object_get(c->doc, "disks"), id, disk) {
        auto_free char *file = chain_layer_file(c, text(disk, "active")), *before = all;

        all = before ? mem_printf("%s and %s", before, file) : mem_strdup(file);
    }
    return all;
}

/* Does the disk @id run on another file than @before, as it is to after @p? */
static bool has_left(const struct plan *p, const struct graph *g, const char *id,
                     const char *before)
{
    auto_free char *after = chain_layer_file(&p->after, chain_active(&p->after, id));
    const struct graph_disk *d = graph_disk(g, id);

    return graph_is_path(before) && !same(before, after) &&
           !(d && d->nlayers && same(d->layers[0].file, before));
}

int doubt_way_back(const struct chain *before, const struct plan *p, const struct graph *g,
                   doubt_gone_fn *gone, const void *arg, struct qmp_error *err)
{
    const char *id;
    json_t *disk;

    json_object_foreach(json_object_get(before->doc, "disks"), id, disk) {
        auto_free char *file = chain_layer_file(before, text(disk, "active"));

        if (!has_left(p, g, id, file) || !gone(file, arg))
            continue;
        auto_free char *right = active_files(&p->after);
        qmp_error_set(err, QRW_ERR_UNKNOWN,
                      "an interrupted %s has removed %s already, and can only be finished; but "
                      "the VM does not run on what it switched to",
                      p->operation, file);
        return qmp_error_hint(err, "start the VM on %s, then: qrewind repair", right);
    }
    return 0;
}
