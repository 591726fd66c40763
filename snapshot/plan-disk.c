/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan-disk: see plan-disk.h. */
#include "snapshot/plan-disk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/member.h"
#include "snapshot/path.h"

char *plan_enumerate(char *list, const char *between, const char *more)
{
    auto_free char *before = list;

    return before ? mem_printf("%s%s%s", before, between, more) : mem_strdup(more);
}

const struct graph_disk *plan_find_disk(const struct graph *g, const char *name,
                                        struct qmp_error *err)
{
    const struct graph_disk *d = graph_disk(g, name);
    char *list = NULL;

    if (d)
        return d;
    for (size_t i = 0; i < g->ndisks; i++)
        list = plan_enumerate(list, ", ", g->disks[i].id);
    qmp_error_set(err, QRW_ERR_NOT_FOUND, "no disk '%s'", name);
    qmp_error_hint(err, "the disks are: %s", list ? list : "none");
    free(list);
    return NULL;
}

const struct graph_disk *plan_snapshot_disk(const struct scene *s, const char *id,
                                            struct qmp_error *err)
{
    const struct graph_disk *d = graph_disk(s->graph, id);
    auto_free char *file = chain_layer_file(s->chain, chain_active(s->chain, id));

    if (d && d->nlayers)
        return d;
    if (d) {
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s is empty, and the snapshot has it", id);
        qmp_error_hint(err, CHAIN_PUT_IN, file ? file : "its medium");
        return NULL;
    }
    if (file && !graph_is_off(s->graph)) {
        qmp_error_set(err, QRW_ERR_NOT_FOUND, "no disk '%s'", id);
        qmp_error_hint(err,
                       "plug it in again, called %s and with %s; if QEMU has that still open, "
                       "qrewind repair closes it first",
                       id, file);
    } else {
        plan_find_disk(s->graph, id, err);
    }
    qmp_error_wrap(err, "the snapshot has a disk that the VM has not");
    return NULL;
}

char *plan_file(const struct scene *s, const char *name)
{
    char *file = path_join(s->cwd, name);

    if (!s->place || !s->files_reachable)
        return file;
    char *placed = s->place(file);
    free(file);
    return placed;
}

int plan_check_name(const char *file, struct qmp_error *err)
{
    json_auto_t *utf8 = json_string(file);

    return utf8 ? 0 : qmp_error_set(err, QMP_ERR_USAGE, "the name %s is not UTF-8", file);
}

static const struct graph_layer *by_snapshot(const struct scene *s, const struct graph_disk *d,
                                             const char *name)
{
    const json_t *snapshot = chain_snapshot(s->chain, name);
    const json_t *held = json_object_get(json_object_get(snapshot, "disks"), d->id);
    auto_free char *file =
        chain_layer_file(s->chain, json_string_value(json_object_get(held, "layer")));

    return file ? graph_layer(d, file) : NULL;
}

static const struct graph_layer *by_last_component(const struct graph_disk *d, const char *name)
{
    const struct graph_layer *found = NULL;

    for (size_t i = 0; i < d->nlayers; i++) {
        if (!same(path_name(d->layers[i].file), name) &&
            !same(path_name(d->layers[i].spelling), name))
            continue;
        if (found)
            return NULL;
        found = &d->layers[i];
    }
    return found;
}

const struct graph_layer *plan_find_layer(const struct scene *s, const struct graph_disk *d,
                                          const char *name, struct qmp_error *err)
{
    auto_free char *file = plan_file(s, name);
    const struct graph_layer *l = by_snapshot(s, d, name);
    char *list = NULL;

    if (!l)
        l = graph_layer(d, name);
    if (!l)
        l = graph_layer(d, file);
    if (!l)
        l = by_last_component(d, name);
    if (l)
        return l;
    for (size_t i = 0; i < d->nlayers; i++)
        list = plan_enumerate(list, ", ", path_name(d->layers[i].file));
    qmp_error_set(err, QRW_ERR_NOT_FOUND, "disk %s has no layer '%s'", d->id, name);
    qmp_error_hint(err, "its layers, the active one first: %s", list);
    free(list);
    return NULL;
}

static bool is_block_job(const struct graph_job *job)
{
    static const char *const types[] = {"commit", "stream", "mirror", "backup"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (same(job->type, types[i]))
            return true;
    return false;
}

/* QEMU hardly says which disk a job works on. Its id tells, ours by design ("qrw-commit-vda"),
 * others' when they left it to QEMU, which then takes the drive's name; else its nodes may. */
static bool works_on(const struct graph_job *job, const struct graph_disk *d)
{
    const char *tail = strncmp(job->id, "qrw-", 4) ? NULL : strchr(job->id + 4, '-');
    auto_free char *safe = plan_safe_name(d->id);

    return same(job->id, d->drive) || same(job->id, d->id) || (tail && same(tail + 1, safe)) ||
           graph_job_has(job, d);
}

const struct graph_job *plan_disk_job(const struct graph *g, const struct graph_disk *d)
{
    for (size_t i = 0; i < g->njobs; i++)
        if (is_block_job(&g->jobs[i]) && works_on(&g->jobs[i], d))
            return &g->jobs[i];
    return NULL;
}

/* Does QEMU name all nodes of @d that were asked for? A command without a node's name means
 * another one: block-commit without "base-node" goes down to the lowest image. */
static bool has_nodes(const struct graph *g, const struct graph_disk *d)
{
    for (size_t i = 0; i < d->nlayers && g->level == GRAPH_NODES; i++)
        if (!d->layers[i].node && !d->layers[i].dead)
            return false;
    return d->node != NULL;
}

/* QEMU gives its images away with a migration, and gets them with one. */
static bool owns_images(const struct graph *g)
{
    static const char *const states[] = {"inmigrate", "finish-migrate", "postmigrate"};

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (same(g->status, states[i]))
            return false;
    return true;
}

static int check_names(const struct graph_disk *d, struct qmp_error *err)
{
    for (size_t i = 0; i < d->nlayers; i++)
        if (d->layers[i].relative) {
            qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                          "disk %s: QEMU calls its image %s, seen from a folder that we cannot see",
                          d->id, d->layers[i].spelling);
            return qmp_error_hint(err, "start QEMU with absolute file names, or run qrewind where "
                                       "QEMU runs, as its user or as root");
        }
    return 0;
}

static int busy(const struct graph_disk *d, const struct graph_job *job, struct qmp_error *err)
{
    const bool over = same(job->status, "concluded");

    qmp_error_set(err, over ? QRW_ERR_REFUSED : QRW_ERR_LOCKED,
                  "disk %s is busy: the job %s (%s) is %s", d->id, job->id, job->type, job->status);
    if (over)
        return qmp_error_hint(err, "it has ended; to let it go: qrewind job dismiss %s", job->id);
    return qmp_error_hint(err, "wait for it (qrewind job wait %s) or cancel it", job->id);
}

/* A filter of somebody's job, as a backup of a frozen layer has, may be why. */
static int nameless(const struct graph *g, const struct graph_disk *d, struct qmp_error *err)
{
    for (size_t i = 0; i < g->njobs; i++)
        if (graph_job_is_below(&g->jobs[i], d))
            return busy(d, &g->jobs[i], err);
    return qmp_error_set(err, QRW_ERR_UNSUPPORTED,
                         "disk %s: QEMU does not tell the nodes of its images", d->id);
}

int plan_check_disk(const struct graph *g, const struct graph_disk *d, struct qmp_error *err)
{
    const struct graph_job *job = plan_disk_job(g, d);

    if (check_names(d, err))
        return -1;
    if (job)
        return busy(d, job, err);
    if (d->filter) {
        qmp_error_set(err, QRW_ERR_UNSUPPORTED, "disk %s: a filter (%s) is on top of its image",
                      d->id, d->filter);
        return qmp_error_hint(err, "if a job put it there, wait for the job; a filter of the "
                                   "command line has to go");
    }
    return has_nodes(g, d) ? 0 : nameless(g, d, err);
}

int plan_check_idle(const struct graph *g, const struct graph_disk *d, struct qmp_error *err)
{
    if (owns_images(g))
        return plan_check_disk(g, d, err);
    qmp_error_set(err, QRW_ERR_REFUSED, "the VM is in the middle of a migration: %s", g->status);
    if (same(g->status, "inmigrate"))
        return qmp_error_hint(err,
                              "started with -incoming it waits for a memory: a snapshot that was "
                              "saved with --memory=live can be loaded; for any other start it "
                              "with -S");
    return qmp_error_hint(err, "its images belong to somebody else until it runs");
}

int plan_check_lost(const struct graph_disk *d, const struct graph_layer *l, const char *more,
                    struct qmp_error *err)
{
    if (!l->lost)
        return 0;
    if (l->dead) {
        qmp_error_set(err, QRW_ERR_REFUSED, "disk %s: %s is not there, and cannot be kept", d->id,
                      l->file);
        return qmp_error_hint(err, "get it back from a copy%s", more ? more : "");
    }
    qmp_error_set(
        err, QRW_ERR_REFUSED,
        "disk %s: %s is not there any more, and what it holds is lost once QEMU closes it", d->id,
        l->file);
    return qmp_error_hint(err, "qrewind mirror %s FILE --pivot saves what the guest sees%s", d->id,
                          more ? more : "");
}

/* Does @file hold the memory of a snapshot? */
static bool is_memory(const struct chain *c, const char *file)
{
    const json_t *snapshot;
    size_t i;

    json_array_foreach(chain_snapshots(c), i, snapshot) {
        auto_free char *memory = chain_memory_file(c, json_object_get(snapshot, "memory"));

        if (same(memory, file))
            return true;
    }
    return false;
}

bool plan_knows_file(const struct scene *s, const char *file)
{
    return graph_disk_with(s->graph, file) || chain_layer_by_file(s->chain, file) ||
           is_memory(s->chain, file);
}

const char *plan_image_format(const char *asked, const char *file)
{
    return asked ? asked : path_ends(file, ".raw") ? "raw" : "qcow2";
}

char *plan_safe_name(const char *name)
{
    char *safe = mem_strdup(name);

    for (char *c = safe; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            *c = '_';
    if (safe[0] == '.')
        safe[0] = '_';
    return safe;
}

char *plan_job_id(const char *operation, const struct graph_disk *d)
{
    auto_free char *safe = plan_safe_name(d->id);

    return mem_printf("qrw-%s-%s", operation, safe);
}
