/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-open: see graph-open.h. */
#include "snapshot/graph-open.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

static int guessed(const struct graph_disk *d, size_t k, struct qmp_error *err)
{
    const struct graph_layer *l = &d->layers[k], *above = l - 1;
    auto_free char *file = path_quote(l->file);

    qmp_error_set(err, QRW_ERR_REFUSED, "the format of %s is recorded nowhere", l->file);
    if (k == 0) {
        const bool qcow2 = same(l->format, "qcow2");
        auto_free char *first = path_image(l->file, qcow2 && d->nlayers > 1);
        const bool named = strcmp(first, file) != 0; /* a header that names a base is one */

        return qmp_error_hint(err,
                              "a guest can write anything at its beginning, so that nothing is "
                              "guessed from that; say it: --image %s%s%s%s%s",
                              named ? first : "raw:", named ? ", or raw:" : "", file,
                              qcow2 && !named ? ", or qcow2:" : "", qcow2 && !named ? file : "");
    }
    auto_free char *top = path_quote(above->file), *backing = path_quote(above->backing);
    return qmp_error_hint(err,
                          "record it where it is used: qemu-img rebase -u -f %s -b %s -F FORMAT %s",
                          above->format, backing, top);
}

int graph_check_layer(const struct graph_disk *d, size_t k, struct qmp_error *err)
{
    const struct graph_layer *l = &d->layers[k];

    if (l->trouble)
        return qmp_error_set(err, QRW_ERR_INVALID, "disk %s: %s", d->id, l->trouble);
    return l->guessed ? guessed(d, k, err) : 0;
}

/* Those below are only read, as long as nothing is merged. */
static int damaged(const struct graph_disk *d, struct qmp_error *err)
{
    auto_free char *file = path_quote(d->layers[0].file);

    qmp_error_set(err, QRW_ERR_INVALID, "disk %s: QEMU has marked %s as damaged", d->id,
                  d->layers[0].file);
    return qmp_error_hint(err, "get it back from a copy, or try: qemu-img check -r all %s", file);
}

static int encrypted(const struct graph_disk *d, size_t k, struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_UNSUPPORTED, "disk %s is encrypted, in %s", d->id,
                  d->layers[k].file);
    return qmp_error_hint(err, "offline nobody has its key: start the VM, and work there");
}

int graph_check_open(const struct graph_disk *d, struct qmp_error *err)
{
    for (size_t k = 0; k < d->nlayers; k++)
        if (d->layers[k].trouble)
            return graph_check_layer(d, k, err);
    if (d->layers[0].corrupt)
        return damaged(d, err);
    for (size_t k = 0; k < d->nlayers; k++)
        if ((d->layers[k].encrypted && encrypted(d, k, err)) || graph_check_layer(d, k, err))
            return -1;
    return 0;
}
