/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-spelling: see plan-spelling.h. */
#include "snapshot/plan-spelling.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

/* QEMU's room for a name (PATH_MAX), and what it writes around the file of each layer: options
 * that we do not know of included. */
enum { LONGEST = 4095, AROUND = 100 };

/* How long @name is in JSON as QEMU writes it, where what is not ASCII is given by numbers. */
static size_t escaped(const char *name)
{
    size_t n = 0;

    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if (*c >= 0xf0)
            n += 12;
        else if (*c >= 0xc0 || *c < ' ')
            n += 6;
        else if (*c < 0x80)
            n += 1 + (*c == '"' || *c == '\\');
    }
    return n;
}

/* What a layer that QEMU calls @spelling adds to the name of those above it. */
static size_t length(const char *spelling)
{
    return strncmp(spelling, "json:", 5) ? AROUND + escaped(spelling) : strlen(spelling);
}

char *plan_base_name(const char *file, const struct graph_layer *base)
{
    auto_free char *folder = path_folder(file), *meant = path_join(folder, base->spelling);

    /* one that is relative, to QEMU's folder, means the same only where that is the overlay's */
    return mem_strdup(base->spelling[0] == '/' || same(meant, base->file) ? base->spelling
                                                                          : base->file);
}

static int refuse(const struct graph_disk *d, const char *file, struct qmp_error *err)
{
    return qmp_error_set(
        err, QRW_ERR_UNSUPPORTED,
        "disk %s: QEMU would call %s by the files of the whole chain, and cut that "
        "name off: nobody could tell any more which one it is",
        d->id, file);
}

int plan_check_spelling(const struct scene *s, const struct graph_disk *d,
                        const struct graph_layer *base, const char *file, struct qmp_error *err)
{
    auto_free char *named = plan_base_name(file, base);

    /* out of our reach QEMU writes what it calls it */
    if (!s->files_reachable || same(named, base->spelling) ||
        length(base->spelling) + AROUND + escaped(file) <= LONGEST)
        return 0;
    refuse(d, file, err);
    return qmp_error_hint(err, "stop the VM, and start it with %s, named so", d->layers[0].file);
}

int plan_refuse_opening(const struct graph_disk *d, const char *file, struct qmp_error *err)
{
    refuse(d, file, err);
    return qmp_error_hint(err, "if the headers of the images below it named these, and their "
                               "formats, it would not: qemu-img rebase -u -f qcow2 -F FORMAT -b "
                               "BASE FILE");
}

/* Is it a node that somebody gave a name, and may have open for writing? */
static bool is_of_user(const char *node)
{
    return node && node[0] != '#' && strncmp(node, "qrw-", 4) != 0;
}

/* Does the header of @file, that calls its base @named, of @format, lead to the layer @below? */
static bool leads(const struct scene *s, const struct chain *c, const char *file, const char *named,
                  const char *format, const char *below)
{
    auto_free char *meant = chain_layer_file(c, below), *folder = path_folder(file);
    auto_free char *path = path_join(folder, named ? named : "");
    auto_free char *place = s->place ? s->place(path) : mem_strdup(path);
    const char *is = text(chain_layer(c, below), "format");

    /* without a format QEMU probes: what is recorded as qcow2 can be nothing else */
    return named && same(place, meant) && same(format ? format : "qcow2", is);
}

/* As plan_opening(): does it all stay plain, each opened on what is below it? *@total: how long the
 * name is else. */
static bool stays_plain(const struct scene *s, const struct chain *c, const struct graph_disk *d,
                        const char *id, size_t *total)
{
    bool plain = true;

    for (const char *below; id; id = below) {
        auto_free char *file = chain_layer_file(c, id);
        const struct graph_layer *l = graph_layer(d, file);

        *total += l ? length(l->spelling) : AROUND + escaped(file);
        below = l ? NULL : text(chain_layer(c, id), "backing");
        if (!below)
            continue;
        auto_free char *under = chain_layer_file(c, below), *format = NULL;
        auto_free char *named = s->header(file, &format);

        l = graph_layer(d, under);
        /* one that is not there yet we shall write */
        plain = plain && same(named ? named : under, l ? l->spelling : under);
    }
    return plain;
}

/* Do the headers lead all the way down? *@theirs: by a node of the user's. */
static bool leads_down(const struct scene *s, const struct chain *c, const struct graph_disk *d,
                       const char *id, bool *theirs)
{
    bool whole = true;

    for (const char *below; id; id = below) {
        auto_free char *file = chain_layer_file(c, id), *format = NULL;
        const struct graph_layer *l = graph_layer(d, file);

        below = text(chain_layer(c, id), "backing");
        auto_free char *named = below ? s->header(file, &format) : NULL;

        whole = whole && (!below || leads(s, c, file, named, format, below));
        *theirs = *theirs || (l && is_of_user(l->node));
    }
    return whole;
}

enum opening plan_opening(const struct scene *s, const struct chain *c, const struct graph_disk *d,
                          const char *id, const char *overlay)
{
    size_t total = AROUND + escaped(overlay);
    bool theirs = false;

    if (!s->header || stays_plain(s, c, d, id, &total))
        return OPEN_EACH;
    const bool whole = leads_down(s, c, d, id, &theirs);
    /* what is opened twice may be locked, and is as long as the old one is open */
    if (total <= LONGEST && (theirs || !whole))
        return OPEN_EACH;
    return whole ? OPEN_WHOLE : OPEN_NOT;
}
