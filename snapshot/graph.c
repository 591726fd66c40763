/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * graph: see graph.h. The replies are input from outside: a missing or odd member
 * is an empty value here, not a crash; only what nothing can be done without
 * (the reply's own shape) is an error.
 */
#include "snapshot/graph.h"

#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"

static const char *text(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));

    return s && s[0] ? s : NULL;
}

static bool flag(const json_t *obj, const char *key)
{
    return json_is_true(json_object_get(obj, key));
}

static int64_t number(const json_t *obj, const char *key, int64_t missing)
{
    const json_t *n = json_object_get(obj, key);

    return json_is_integer(n) ? json_integer_value(n) : missing;
}

static int odd(struct qmp_error *err, const char *command)
{
    return qmp_error_set(err, QMP_ERR_PROTOCOL, "%s: the reply is not what QEMU documents",
                         command);
}

/* ---- names ---- */

/*
 * The name people know a device by. virtio devices are told as the QOM path of
 * their backend, others as a plain id; a device without an id sits under
 * peripheral-anon and has no name worth showing.
 */
static char *qdev_id(const char *qdev)
{
    static const char named[] = "/machine/peripheral/";

    if (!qdev)
        return NULL;
    if (qdev[0] != '/')
        return mem_strdup(qdev);
    if (strncmp(qdev, named, sizeof(named) - 1))
        return NULL;
    qdev += sizeof(named) - 1;
    return mem_printf("%.*s", (int)strcspn(qdev, "/"), qdev);
}

static bool is_protocol(const char *driver)
{
    /* clang-format off */
    static const char *const names[] = {
        "file", "host_device", "host_cdrom", "nbd", "http", "https", "ftp", "ftps", "ssh", "nfs",
        "iscsi", "rbd", "gluster", "sheepdog", "vxhs", "nvme", "null-co", "null-aio", "vvfat",
        "io_uring", "nvme-io_uring", "virtio-blk-vfio-pci", "virtio-blk-vhost-user",
        "virtio-blk-vhost-vdpa",
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(driver, names[i]))
            return true;
    return false;
}

static bool is_filter(const char *driver)
{
    static const char *const names[] = {
        "throttle", "copy-on-read", "copy-before-write", "backup-top", "mirror_top",   "commit_top",
        "compress", "preallocate",  "blkdebug",          "quorum",     "blklogwrites", "blkverify"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(driver, names[i]))
            return true;
    return false;
}

/* ---- query-block ---- */

static void fill_layer(struct graph_layer *l, const json_t *image)
{
    const char *format = text(image, "format");
    auto_free char *name = mem_strdup(text(image, "filename"));

    if (!name)
        name = mem_strdup("");
    l->file = graph_file_name(name);
    l->spelling = mem_strdup(name);
    l->remote = !graph_is_path(l->file);
    l->format = mem_strdup(!format || is_protocol(format) || is_filter(format) ? "raw" : format);
    l->backing = mem_strdup(text(image, "backing-filename"));
    l->size = number(image, "virtual-size", 0);
    l->allocated = number(image, "actual-size", -1);
    l->cluster_size = number(image, "cluster-size", 0);
    l->encrypted = flag(image, "encrypted");
    l->corrupt =
        flag(json_object_get(json_object_get(image, "format-specific"), "data"), "corrupt");
    graph_tags_take(l, image);
}

static void free_layer(struct graph_layer *l)
{
    free(l->file);
    free(l->spelling);
    free(l->node);
    free(l->file_node);
    free(l->format);
    free(l->backing);
    free(l->trouble);
    graph_tags_free(l);
}

static void free_layers(struct graph_disk *d)
{
    for (size_t i = 0; i < d->nlayers; i++)
        free_layer(&d->layers[i]);
    free(d->layers);
    d->layers = NULL;
    d->nlayers = 0;
}

struct graph_layer *graph_add_layer(struct graph_disk *d)
{
    d->layers = mem_grow(d->layers, d->nlayers + 1, sizeof(*d->layers));
    memset(&d->layers[d->nlayers], 0, sizeof(*d->layers));
    return &d->layers[d->nlayers++];
}

/* The device's name, else the drive's, else the node's; one that no disk before has: the
 * document knows disks by it. */
static char *choose_id(const struct graph *g, const struct graph_disk *d)
{
    auto_free char *device = qdev_id(d->qdev);
    const char *const names[] = {device, d->drive, d->node, d->qdev};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t k = 0;

        while (names[i] && k < g->ndisks && strcmp(g->disks[k].id, names[i]))
            k++;
        if (names[i] && k == g->ndisks)
            return mem_strdup(names[i]);
    }
    return mem_printf("?%zu", g->ndisks);
}

static void fill_disk(const struct graph *g, struct graph_disk *d, const json_t *entry)
{
    const json_t *in = json_object_get(entry, "inserted");
    const json_t *cache = json_object_get(in, "cache");
    const char *driver = text(in, "drv");

    d->qdev = mem_strdup(text(entry, "qdev"));
    d->drive = mem_strdup(text(entry, "device"));
    d->node = mem_strdup(text(in, "node-name"));
    d->removable = flag(entry, "removable");
    d->aside = d->removable && (!d->qdev || json_object_get(entry, "tray_open"));
    d->empty = !in;
    d->read_only = flag(in, "ro");
    d->encrypted = flag(in, "encrypted");
    d->cache_direct = flag(cache, "direct");
    d->cache_no_flush = flag(cache, "no-flush");
    d->detect_zeroes = mem_strdup(text(in, "detect_zeroes"));
    d->bitmaps = json_array_size(json_object_get(in, "dirty-bitmaps")) > 0;
    d->filter = driver && is_filter(driver) ? mem_strdup(driver) : NULL;
    d->id = choose_id(g, d);
    d->nameless = d->node && !d->drive && !strcmp(d->id, d->node);

    const json_t *image = json_object_get(in, "image");
    for (int depth = 0; image && depth < GRAPH_MAX_LAYERS; depth++) {
        const char *format = text(image, "format");

        /* a filter shows itself as an image of its own, of the same file */
        if (!format || !is_filter(format))
            fill_layer(graph_add_layer(d), image);
        image = json_object_get(image, "backing-image");
    }
    /* a quorum has no image but itself */
    if (!d->nlayers && in)
        fill_layer(graph_add_layer(d), json_object_get(in, "image"));
    if (d->nlayers)
        d->layers[0].node = mem_strdup(d->node);
}

bool graph_needs_type(const struct graph_disk *d)
{
    return d->aside && d->qdev && !d->empty && !d->read_only;
}

int graph_take_type(void *disk, const json_t *reply, struct qmp_error *err)
{
    struct graph_disk *d = disk;
    const char *type = json_string_value(reply);

    (void)err;
    d->aside = !type || strcmp(type, "scsi-hd") != 0;
    return 0;
}

/* Its device was unplugged a moment ago, and QEMU is about to forget the drive: one that never had
 * a device counts as removable. */
static bool is_unplugged(const json_t *entry)
{
    return !text(entry, "qdev") && json_is_false(json_object_get(entry, "removable"));
}

struct graph_disk *graph_add_disk(struct graph *g)
{
    g->disks = mem_grow(g->disks, g->ndisks + 1, sizeof(*g->disks));
    memset(&g->disks[g->ndisks], 0, sizeof(*g->disks));
    return &g->disks[g->ndisks++];
}

void graph_rename(struct graph_disk *d, const char *id)
{
    char *name = mem_strdup(id);

    free(d->id);
    d->id = name;
}

static void free_disks(struct graph *g)
{
    for (size_t i = 0; i < g->ndisks; i++) {
        struct graph_disk *d = &g->disks[i];

        free_layers(d);
        free(d->id);
        free(d->qdev);
        free(d->drive);
        free(d->node);
        free(d->filter);
        free(d->detect_zeroes);
    }
    free(g->disks);
    g->disks = NULL;
    g->ndisks = 0;
}

int graph_take_block(struct graph *g, const json_t *reply, struct qmp_error *err)
{
    const json_t *entry;
    size_t i;

    if (!json_is_array(reply))
        return odd(err, "query-block");
    free_disks(g);
    g->disks = mem_alloc(json_array_size(reply) * sizeof(*g->disks));
    json_array_foreach(reply, i, entry) {
        if (is_unplugged(entry))
            continue;
        fill_disk(g, &g->disks[g->ndisks], entry);
        g->ndisks++;
    }
    g->level = GRAPH_DISKS;
    return 0;
}

/* ---- query-blockstats ---- */

/* How many layers @stats tells of. */
static size_t depth_of(const json_t *stats)
{
    size_t n = 0;

    for (; stats && n < GRAPH_MAX_LAYERS; n++)
        stats = json_object_get(stats, "backing");
    return n;
}

/*
 * Hang the node names into a disk's chain. query-blockstats gives the chain as node
 * names and leaves implicit filters out, query-block's images do the same: layer for
 * layer they are the same list. Where they are not of one length, something is between
 * the layers that we do not know, and no node below the root is named.
 */
static void name_layers(struct graph_disk *d, const json_t *stats)
{
    if (depth_of(stats) != d->nlayers)
        return;
    for (size_t i = 0; i < d->nlayers; i++) {
        free(d->layers[i].node);
        free(d->layers[i].file_node);
        d->layers[i].node = mem_strdup(text(stats, "node-name"));
        d->layers[i].file_node = mem_strdup(text(json_object_get(stats, "parent"), "node-name"));
        stats = json_object_get(stats, "backing");
    }
}

static bool same_device(const struct graph_disk *d, const json_t *stats)
{
    const char *qdev = text(stats, "qdev");
    const char *drive = text(stats, "device");

    if (d->qdev || qdev)
        return d->qdev && qdev && !strcmp(d->qdev, qdev);
    return d->drive && drive && !strcmp(d->drive, drive);
}

int graph_take_stats(struct graph *g, const json_t *reply, struct qmp_error *err)
{
    const json_t *entry;
    size_t i;

    if (!json_is_array(reply))
        return odd(err, "query-blockstats");
    json_array_foreach(reply, i, entry)
        for (size_t k = 0; k < g->ndisks; k++)
            if (same_device(&g->disks[k], entry))
                name_layers(&g->disks[k], entry);
    g->level = GRAPH_NODES;
    return 0;
}

void graph_merge(struct graph_disk *d, size_t from, size_t to, size_t into)
{
    for (size_t i = from; i < to; i++) {
        if (d->layers[i].allocated > 0)
            d->layers[into].allocated += d->layers[i].allocated;
        free_layer(&d->layers[i]);
    }
    memmove(d->layers + from, d->layers + to, (d->nlayers - to) * sizeof(*d->layers));
    d->nlayers -= to - from;
    free(d->node);
    d->node = d->layers[0].node ? mem_strdup(d->layers[0].node) : NULL;
}

void graph_done(struct graph *g)
{
    free_disks(g);
    graph_forget_jobs(g);
    free(g->status);
    free(g->migration);
    memset(g, 0, sizeof(*g));
}
