/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* offline: see offline.h. What is pending may have moved the active layers: offline-state.c. */
#include "snapshot/offline.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph-files.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/offline-state.h"
#include "snapshot/path.h"
#include "snapshot/plan-check.h"
#include "snapshot/sidecar.h"
#include "snapshot/utf8.h"

/* An image that the user named. */
struct named {
    char *file, *format; /* canonical; NULL: to be found out */
};

struct look {
    const struct offline *o;
    struct named *images;
    size_t n;
    char *sidecar;
    struct chain chain; /* the document, where there is one */
    struct graph *g;
};

static void look_done(struct look *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->images[i].file);
        free(l->images[i].format);
    }
    free(l->images);
    free(l->sidecar);
    chain_done(&l->chain);
}

/* ---- what the user named ---- */

/* The format before the colon of "raw:disk.img", else NULL. New string. */
static char *format_of(const char *spec)
{
    static const char *const formats[] = {"raw",  "qcow2", "qcow", "qed",
                                          "vmdk", "vdi",   "vhdx", "vpc"};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        size_t n = strlen(formats[i]);

        if (!strncmp(spec, formats[i], n) && spec[n] == ':')
            return mem_strdup(formats[i]);
    }
    return NULL;
}

static int take_image(struct look *l, const char *spec, struct qmp_error *err)
{
    struct named it = {.format = format_of(spec)};
    auto_free char *full = path_join(l->o->cwd, it.format ? spec + strlen(it.format) + 1 : spec);
    struct image_stat st;

    auto_free char *real = realpath(full, NULL);
    it.file = mem_strdup(utf8_is(real) || !real ? real : full);
    l->images = mem_grow(l->images, l->n + 1, sizeof(it));
    l->images[l->n++] = it;
    if (!it.file || image_stat(it.file, &st, NULL) || (!st.regular && !st.block_device))
        return qmp_error_set(err, QRW_ERR_NOT_FOUND, "no image %s", full);
    if (it.format || !st.regular || !sidecar_is_one(it.file))
        return 0;
    auto_free char *quoted = path_quote(spec);
    qmp_error_set(err, QRW_ERR_REFUSED, "%s is a sidecar, and no image", full);
    return qmp_error_hint(err, "say --sidecar %s", quoted);
}

/* ---- its sidecar ---- */

static int take_sidecar(struct look *l, char *file, const char *image, struct qmp_error *err)
{
    if (!file || same(file, l->sidecar)) {
        free(file);
        return 0;
    }
    if (!l->sidecar) {
        l->sidecar = file;
        return 0;
    }
    qmp_error_set(err, QRW_ERR_REFUSED, "%s: both %s and %s know of it, or of an image with it",
                  image, l->sidecar, file);
    qmp_error_hint(err, "say which one is meant: --sidecar FILE");
    free(file);
    return -1;
}

/* Those that know of @it: new strings, NULL: there is none. */
static int sidecars_of(const struct named *it, char *found[2], struct qmp_error *err)
{
    struct graph g = {0};
    int rc;

    graph_files_add(&g, "", it->file, it->format, NULL);
    rc = sidecar_find(&g, &found[0], NULL, err);
    graph_done(&g);
    if (!rc && !found[0])
        rc = sidecar_search(it->file, found, err); /* one that lies beside a layer above it */
    if (rc) {
        free(found[0]);
        free(found[1]);
        found[0] = found[1] = NULL;
    }
    return rc;
}

static int find_sidecar(struct look *l, struct qmp_error *err)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *file = l->images[i].file;
        char *found[2] = {0};

        if (sidecars_of(&l->images[i], found, err))
            return -1;
        if (take_sidecar(l, found[0], file, err) || take_sidecar(l, found[1], file, err))
            return -1;
    }
    return 0;
}

/* With --sidecar: is @it, which that does not record, another VM's? */
static int check_own(const struct look *l, const struct named *it, struct qmp_error *err)
{
    char *found[2] = {0};
    struct image_stat own, other;
    int rc = l->o->sidecar ? sidecars_of(it, found, err) : 0;

    if (!rc && found[0] &&
        (image_stat(l->sidecar, &own, NULL) || image_stat(found[0], &other, NULL) ||
         !image_same(&own, &other))) {
        qmp_error_set(err, QRW_ERR_REFUSED,
                      "%s: %s knows of it, or of an image with it, and not %s", it->file, found[0],
                      l->sidecar);
        rc = qmp_error_hint(err, "leave out --sidecar, or --image");
    }
    free(found[0]);
    free(found[1]);
    return rc;
}

static int load(struct look *l, struct qmp_error *err)
{
    if (l->o->sidecar)
        l->sidecar = mem_strdup(l->o->sidecar);
    else if (find_sidecar(l, err))
        return -1;
    if (!l->sidecar || (l->n && !sidecar_exists(l->sidecar)))
        return 0;
    if (!sidecar_exists(l->sidecar))
        return qmp_error_set(err, QRW_ERR_NOT_FOUND, "no sidecar %s", l->sidecar);
    return sidecar_load(&l->chain, l->sidecar, NULL, NULL, err);
}

/* ---- the disks ---- */

static bool has_link(const struct look *l, const char *image)
{
    auto_free char *link = mem_printf("%s" SIDECAR_SUFFIX, image);

    return sidecar_leads(link, l->sidecar);
}

/* Does @d, whose active layer is @id in @c, lie with the sidecar, has the user named an image of
 * it, or is a link to the sidecar beside one, as we leave where a VM has disks in several folders?
 * A sidecar may call any file a disk. */
static bool is_known(const struct look *l, const struct graph_disk *d, const struct chain *c,
                     const char *id)
{
    auto_free char *home = path_folder(l->sidecar);
    const size_t n = strlen(home);

    if (!strncmp(d->layers[0].file, home, n) && d->layers[0].file[n] == '/')
        return true;
    for (size_t i = 0; i < l->n; i++)
        if (graph_layer(d, l->images[i].file))
            return true;
    for (size_t i = 0; i < d->nlayers; i++)
        if (has_link(l, d->layers[i].file))
            return true;
    /* in a folder that was moved the headers lead nowhere yet */
    for (; id; id = text(chain_layer(c, id), "backing")) {
        auto_free char *file = chain_layer_file(c, id);

        if (has_link(l, file))
            return true;
    }
    return false;
}

/* Every disk of the document, with what is its active layer now. */
static int add_recorded(struct look *l, struct qmp_error *err)
{
    auto_free const char **files = mem_alloc((l->n + 1) * sizeof(*files));
    struct chain now = {0};
    const char *id;
    json_t *disk;

    for (size_t i = 0; i < l->n; i++)
        files[i] = l->images[i].file;
    files[l->n] = NULL;
    if (offline_state(&l->chain, files, &now, l->o->doubt, err))
        return plan_no_pending(l->sidecar, err);
    json_object_foreach(json_object_get(now.doc, "disks"), id, disk) {
        auto_free char *file = chain_layer_file(&now, text(disk, "active"));

        graph_files_add(l->g, id, file, text(chain_layer(&now, text(disk, "active")), "format"),
                        &now);
        struct graph_disk *d = &l->g->disks[l->g->ndisks - 1];
        d->told = !is_known(l, d, &now, text(disk, "active"));
    }
    chain_done(&now);
    return 0;
}

/* "disk", "disk-2": the stem of the image, which a VM's disk is not likely to be called. */
static char *choose_id(const struct graph *g, const char *file)
{
    auto_free char *stem = path_stem(file);
    char *id = mem_strdup(stem);

    for (int k = 2; graph_disk(g, id); k++) {
        free(id);
        id = mem_printf("%s-%d", stem, k);
    }
    return id;
}

/* The disk that runs on what @image builds on: somebody put an overlay on top by hand. */
static struct graph_disk *disk_below(struct look *l, const struct graph_disk *image)
{
    struct graph_disk *d = l->g->disks;

    for (; d && d < l->g->disks + l->g->ndisks; d++)
        if (graph_layer(image, d->layers[0].file))
            return d;
    return NULL;
}

static void swap(struct graph_disk *a, struct graph_disk *b)
{
    struct graph_disk was = *a;

    *a = *b;
    *b = was;
}

/*
 * Are the first bytes of @file, whose format nobody has said, to be taken for the header of qcow2
 * that they look like? A guest writes what it likes to a raw disk: a header that names a file of
 * the host would show it that. The file's name it cannot write.
 */
static bool is_qcow2(const char *file)
{
    struct qcow2_header h = {0};

    if (path_ends(file, ".raw") || path_ends(file, ".img") || image_read_header(file, &h, NULL))
        return false;
    const bool names = h.backing || h.incompatible & QCOW2_DATA_FILE;
    qcow2_header_done(&h);
    return !names || path_ends(file, ".qcow2");
}

/* Does what is pending make @file, on which no disk was then found to run? It goes on with it, or
 * takes it away, which it cannot while a disk has it. */
static bool is_being_made(const struct look *l, const char *file)
{
    const json_t *step;
    size_t i;

    json_array_foreach(json_object_get(chain_pending(&l->chain), "steps"), i, step)
        if (plan_makes_file(step) && same(text(step, "file"), file))
            return true;
    return false;
}

static int add_named(struct look *l, const struct named *it, struct qmp_error *err)
{
    const struct chain *c = l->chain.doc ? &l->chain : NULL;
    struct graph_disk *below;
    struct graph own = {0};

    if (graph_disk_with(l->g, it->file) || (c && chain_layer_by_file(c, it->file)))
        return 0;
    if (c && check_own(l, it, err))
        return -1;
    auto_free char *id = choose_id(l->g, it->file);
    graph_files_add(&own, id, it->file, it->format, c);
    struct graph_layer *top = &own.disks[0].layers[0];
    if (top->guessed && same(top->format, "qcow2") && is_qcow2(it->file))
        top->guessed = false;
    below = disk_below(l, &own.disks[0]);
    if (l->g->ndisks && c && is_being_made(l, it->file)) {
        /* nothing was written to it that the disk does not show */
    } else if (below) {
        graph_rename(&own.disks[0], below->id);
        swap(below, &own.disks[0]);
    } else {
        swap(graph_add_disk(l->g), &own.disks[0]);
    }
    graph_done(&own);
    return 0;
}

int offline_look(const struct offline *o, struct graph *g, char **sidecar, struct qmp_error *err)
{
    __attribute__((cleanup(look_done))) struct look l = {.o = o, .g = g};

    for (size_t i = 0; o->images && o->images[i]; i++)
        if (take_image(&l, o->images[i], err))
            return -1;
    if (load(&l, err) || (l.chain.doc && add_recorded(&l, err)))
        return -1;
    for (size_t i = 0; i < l.n; i++)
        if (add_named(&l, &l.images[i], err))
            return -1;
    if (!g->ndisks) {
        qmp_error_set(err, QRW_ERR_REFUSED, "%s records no disk", l.sidecar);
        return qmp_error_hint(err, "say which images are meant: --image FILE");
    }
    *sidecar = l.sidecar;
    l.sidecar = NULL;
    return 0;
}
