/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * graph-jobs: the part of graph.h that tells which nodes a job works on. Only
 * x-debug-query-block-graph does:
 *
 *   nodes  {"id": 7, "type": "block-job", "name": "backup0"}   {"id": 2, "name": "#block1086"}
 *   edges  {"parent": 7, "child": 2, "name": "main node"}
 *
 * It is for people who debug, so it may say anything, or nothing: then nobody knows.
 */
#include <string.h>

#include "snapshot/graph.h"
#include "snapshot/member.h"

/* Ours say by their ids which disk they are about. */
static bool is_foreign(const struct graph_job *job)
{
    return strncmp(job->id, "qrw-", 4) != 0 && !same(job->status, "concluded");
}

bool graph_has_foreign_jobs(const struct graph *g)
{
    for (size_t i = 0; i < g->njobs; i++)
        if (is_foreign(&g->jobs[i]))
            return true;
    return false;
}

/* The number of the job @id. NULL: it is not told. */
static const json_t *number_of(const json_t *nodes, const char *id)
{
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (same(text(node, "type"), "block-job") && same(text(node, "name"), id))
            return json_object_get(node, "id");
    return NULL;
}

static const char *name_of(const json_t *nodes, const json_t *number)
{
    const json_t *node;
    size_t i;

    json_array_foreach(nodes, i, node)
        if (json_equal(json_object_get(node, "id"), number))
            return text(node, "name");
    return NULL;
}

int graph_take_job_nodes(struct graph *g, const json_t *reply, struct qmp_error *err)
{
    const json_t *nodes = json_object_get(reply, "nodes"), *edges = json_object_get(reply, "edges"),
                 *edge;
    size_t k;

    for (size_t i = 0; i < g->njobs; i++) {
        struct graph_job *job = &g->jobs[i];
        const json_t *number = is_foreign(job) ? number_of(nodes, job->id) : NULL;

        json_decref(job->nodes);
        job->nodes = json_object();
        json_array_foreach(number ? edges : NULL, k, edge) {
            const char *name = json_equal(json_object_get(edge, "parent"), number)
                                   ? name_of(nodes, json_object_get(edge, "child"))
                                   : NULL;

            if (name)
                json_object_set_new(job->nodes, name, json_true());
        }
    }
    return 0;
}

bool graph_job_has(const struct graph_job *job, const struct graph_disk *d)
{
    for (size_t i = 0; i < d->nlayers; i++)
        if (d->layers[i].node && json_object_get(job->nodes, d->layers[i].node))
            return true;
    return d->node && json_object_get(job->nodes, d->node);
}
