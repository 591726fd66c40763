/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-files: see graph-files.h. */
#include "snapshot/graph-files.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/utf8.h"

static void take_tags(struct graph_layer *l)
{
    struct qcow2_snapshot *list;
    struct qmp_error err;
    size_t n;

    if (image_snapshots(l->file, &list, &n, &err) && err.kind == QMP_ERR_SYSTEM)
        l->trouble = mem_strdup(err.desc);
    l->tags = mem_alloc(n * sizeof(*l->tags));
    for (size_t i = 0; i < n; i++) {
        if (!list[i].id[0] || !list[i].name[0])
            continue;
        l->tags[l->ntags++] = (struct graph_tag){.id = mem_strdup(list[i].id),
                                                 .name = mem_strdup(list[i].name),
                                                 .state_size = (int64_t)list[i].vm_state_size,
                                                 .sec = list[i].date_sec,
                                                 .nsec = (int)list[i].date_nsec};
    }
    qcow2_snapshots_free(list, n);
}

static void take_trouble(struct graph_layer *l, const struct qmp_error *err)
{
    char words[sizeof(err->context) + sizeof(err->desc)];

    free(l->trouble);
    l->trouble = mem_strdup(qmp_error_text(err, words, sizeof(words)));
}

/* What the header of @l says. Its backing format is the caller's; NULL: there is none. */
static char *take_header(struct graph_disk *d, struct graph_layer *l)
{
    struct qcow2_header h = {0};
    struct qmp_error err = {0};
    char *format;

    if (image_read_header(l->file, &h, &err)) {
        take_trouble(l, &err);
        return NULL;
    }
    l->size = (int64_t)h.size;
    l->cluster_size = (int64_t)1 << h.cluster_bits;
    l->corrupt = h.incompatible & QCOW2_CORRUPT;
    l->backing = mem_strdup(h.backing);
    l->encrypted = h.crypt_method != 0;
    if (l == graph_active(d))
        d->encrypted = l->encrypted;
    format = mem_strdup(h.backing_format);
    if (h.nsnapshots)
        take_tags(l);
    qcow2_header_done(&h);
    return format;
}

/* What the document knows of the file. New string, NULL: nothing. */
static char *recorded_format(const struct chain *c, const char *file)
{
    const char *id = c ? chain_layer_by_file(c, file) : NULL;

    return mem_strdup(text(chain_layer(c, id), "format"));
}

/* Do the first bytes look like qcow2? Where they could not be read that is not known: as raw, what
 * it names would be overlooked, also by whoever puts an overlay on it. New string. */
static char *guess(struct graph_layer *l)
{
    struct qcow2_header h = {0};
    struct qmp_error err = {0};
    const bool qcow2 = !image_read_header(l->file, &h, &err);

    if (!qcow2 && !l->trouble && err.kind == QMP_ERR_SYSTEM)
        take_trouble(l, &err);
    qcow2_header_done(&h);
    return mem_strdup(qcow2 ? "qcow2" : "raw");
}

/* A layer of @d that is @file, which may not be there. The file's size is that of a raw image. */
static struct graph_layer *add_file(struct graph_disk *d, char *file)
{
    struct graph_layer *l = graph_add_layer(d);
    struct image_stat st = {0};
    struct qmp_error err = {0};
    auto_free char *real = realpath(file, NULL);

    l->spelling = file;
    l->file = mem_strdup(utf8_is(real) ? real : file);
    l->allocated = -1;
    if (image_stat(l->file, &st, &err))
        l->trouble = mem_strdup(err.desc);
    else if (!st.exists)
        l->trouble = mem_printf("%s: there is no such file", l->file);
    else if (!st.regular && !st.block_device)
        l->trouble = mem_printf("%s is neither a file nor a block device", l->file);
    else
        l->allocated = (int64_t)(st.block_device ? st.size : st.allocated);
    l->size = (int64_t)st.size;
    return l;
}

/* A layer that is no file of this host: QEMU alone could say what it is. */
static void add_remote(struct graph_disk *d, const char *name, const char *format)
{
    struct graph_layer *l = graph_add_layer(d);

    l->file = graph_file_name(name);
    l->spelling = mem_strdup(name);
    l->format = mem_strdup(format ? format : "raw");
    l->guessed = !format;
    l->remote = true;
    l->allocated = -1;
}

void graph_files_add(struct graph *g, const char *id, const char *file, const char *format,
                     const struct chain *c)
{
    struct graph_disk *d = graph_add_disk(g);
    char *next = mem_strdup(file), *known = mem_strdup(format);

    graph_rename(d, id);
    while (next) {
        struct graph_layer *l = add_file(d, next);

        l->unsaid = !known;
        if (!known)
            known = recorded_format(c, l->file);
        l->guessed = !known;
        l->format = known ? known : guess(l);
        next = known = NULL;
        if (!l->trouble && (graph_is_loop(d) || d->nlayers > GRAPH_MAX_LAYERS))
            l->trouble = mem_printf("%s: the chain of backing files is a loop", l->file);
        if (!l->trouble && !strcmp(l->format, "qcow2"))
            known = take_header(d, l);
        if (!l->backing)
            break;
        next = image_backing_path(l->file, l->backing);
        if (!next)
            add_remote(d, l->backing, known);
    }
    free(known);
    g->level = GRAPH_DISKS;
}
