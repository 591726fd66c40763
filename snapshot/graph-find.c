/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-find: the part of graph.h that looks things up, and what file names mean. */
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph.h"
#include "snapshot/member.h"

/* json: names nest as deep as filters do. */
#define MAX_DEPTH 64

const struct graph_disk *graph_disk(const struct graph *g, const char *name)
{
    for (size_t i = 0; i < g->ndisks; i++)
        if (same(g->disks[i].id, name))
            return &g->disks[i];
    for (size_t i = 0; i < g->ndisks; i++)
        if (same(g->disks[i].drive, name) || same(g->disks[i].node, name) ||
            same(g->disks[i].qdev, name))
            return &g->disks[i];
    return NULL;
}

const struct graph_job *graph_job(const struct graph *g, const char *id)
{
    for (size_t i = 0; i < g->njobs; i++)
        if (same(g->jobs[i].id, id))
            return &g->jobs[i];
    return NULL;
}

bool graph_job_is_left(const struct graph_job *job)
{
    return !strncmp(job->id, "qrw-", 4) && same(job->status, "concluded");
}

bool graph_works(const struct graph *g)
{
    for (size_t i = 0; i < g->njobs; i++)
        if (!graph_job_is_left(&g->jobs[i]))
            return true;
    return false;
}

const struct graph_layer *graph_active(const struct graph_disk *d)
{
    return d->nlayers ? &d->layers[0] : NULL;
}

const struct graph_layer *graph_trouble(const struct graph_disk *d)
{
    for (size_t i = 0; i < d->nlayers; i++)
        if (d->layers[i].trouble)
            return &d->layers[i];
    return NULL;
}

bool graph_is_loop(const struct graph_disk *d)
{
    for (size_t i = 0; i + 1 < d->nlayers; i++)
        if (same(d->layers[i].file, d->layers[d->nlayers - 1].file))
            return true;
    return false;
}

const struct graph_layer *graph_layer(const struct graph_disk *d, const char *file)
{
    for (size_t i = 0; i < d->nlayers; i++)
        if (same(d->layers[i].file, file) || same(d->layers[i].node, file))
            return &d->layers[i];
    return NULL;
}

const struct graph_disk *graph_disk_with(const struct graph *g, const char *file)
{
    for (size_t i = 0; i < g->ndisks; i++)
        if (graph_layer(&g->disks[i], file))
            return &g->disks[i];
    return NULL;
}

bool graph_has_tags(const struct graph *g)
{
    for (size_t i = 0; i < g->ndisks; i++)
        for (size_t k = 0; k < g->disks[i].nlayers; k++)
            if (g->disks[i].layers[k].ntags)
                return true;
    return false;
}

bool graph_is_flash(const struct graph_disk *d)
{
    return d->qdev && strstr(d->qdev, ".flash");
}

bool graph_has_flash(const struct graph *g)
{
    for (size_t i = 0; i < g->ndisks; i++)
        if (graph_is_flash(&g->disks[i]) && !g->disks[i].read_only)
            return true;
    return false;
}

bool graph_is_off(const struct graph *g)
{
    return same(g->status, GRAPH_OFF);
}

const char *graph_state(const struct graph *g)
{
    return g->running ? "running" : graph_is_off(g) ? GRAPH_OFF : "paused";
}

const char *graph_skip_reason(const struct graph_disk *d)
{
    if (d->empty || !d->nlayers)
        return "empty";
    if (d->read_only)
        return "read-only";
    if (d->aside)
        return d->qdev ? "a CD" : "of no device";
    return NULL;
}

const struct graph_disk *graph_home(const struct graph *g)
{
    const struct graph_disk *home = NULL;

    for (size_t i = 0; i < g->ndisks; i++) {
        const struct graph_disk *d = &g->disks[i];

        if (!graph_skip_reason(d) && graph_has_folder(d->layers[0].file) &&
            (!home || (home->removable && !d->removable)))
            home = d;
    }
    return home;
}

/* ---- names ---- */

bool graph_is_path(const char *file)
{
    const char *colon = strchr(file, ':');
    const char *slash = strchr(file, '/');

    return !colon || (slash && slash < colon);
}

bool graph_has_folder(const char *file)
{
    return graph_is_path(file) &&
           (strncmp(file, "/dev/", 5) != 0 || !strncmp(file, "/dev/shm/", 9));
}

/* Only a part of the file, or what another format makes of it: its name alone means something
 * else. */
static bool is_part(const json_t *options)
{
    static const char *const keys[] = {"offset", "size", "file.offset", "file.size", "data-file"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (json_object_get(options, keys[i]))
            return true;
    return same(text(options, "driver"), "raw") &&
           same(text(json_object_get(options, "file"), "driver"), "qcow2");
}

char *graph_file_name(const char *name)
{
    if (!strncmp(name, "file:", 5))
        return mem_strdup(name + 5);
    if (strncmp(name, "json:", 5))
        return mem_strdup(name);

    json_auto_t *whole = json_loads(name + 5, 0, NULL);
    const json_t *at = whole;

    for (int depth = 0; json_is_object(at) && depth < MAX_DEPTH; depth++) {
        const char *file = text(at, "filename");

        if (is_part(at))
            break;
        if (!file)
            file = text(at, "file.filename");
        if (file)
            return mem_strdup(file);
        at = json_object_get(at, "file");
    }
    return mem_strdup(name);
}
