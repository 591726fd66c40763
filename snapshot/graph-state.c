/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph-state: the part of graph.h that is no disk: the run state, jobs, a migration. */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph.h"
#include "snapshot/member.h"

int graph_take_status(struct graph *g, const json_t *reply, struct qmp_error *err)
{
    const char *status = text(reply, "status");

    if (!status || !*status)
        return qmp_error_set(err, QMP_ERR_PROTOCOL, "query-status: the reply has no status");
    free(g->status);
    g->status = mem_strdup(status);
    g->running = json_is_true(json_object_get(reply, "running"));
    return 0;
}

void graph_set_off(struct graph *g)
{
    free(g->status);
    g->status = mem_strdup(GRAPH_OFF);
    g->running = false;
}

const char *graph_migration(const json_t *reply)
{
    const char *status = text(reply, "status");
    const json_t *took = json_object_get(reply, "total-time");

    return same(status, "completed") && took && !json_integer_value(took) ? "device" : status;
}

int graph_take_migration(struct graph *g, const json_t *reply, struct qmp_error *err)
{
    const char *status = graph_migration(reply);

    free(g->migration);
    g->migration = status ? mem_strdup(status) : NULL;
    return 0;
}

bool graph_migrates(const char *status)
{
    static const char *const busy[] = {"setup",  "active",          "pre-switchover",
                                       "device", "postcopy-active", "cancelling"};

    for (size_t i = 0; status && i < sizeof(busy) / sizeof(busy[0]); i++)
        if (!strcmp(busy[i], status))
            return true;
    return false;
}

void graph_forget_jobs(struct graph *g)
{
    for (size_t i = 0; i < g->njobs; i++) {
        free(g->jobs[i].id);
        free(g->jobs[i].type);
        free(g->jobs[i].status);
        free(g->jobs[i].error);
        json_decref(g->jobs[i].nodes);
        json_decref(g->jobs[i].above);
    }
    free(g->jobs);
    g->jobs = NULL;
    g->njobs = 0;
}

static bool has(const json_t *entry, const char *key)
{
    const char *s = text(entry, key);

    return s && *s;
}

int graph_take_jobs(struct graph *g, const json_t *reply, struct qmp_error *err)
{
    const json_t *entry;
    size_t i;

    if (!json_is_array(reply))
        return qmp_error_set(err, QMP_ERR_PROTOCOL, "query-jobs: the reply is no list");
    graph_forget_jobs(g);
    g->jobs = mem_alloc(json_array_size(reply) * sizeof(*g->jobs));
    json_array_foreach(reply, i, entry) {
        struct graph_job *job = &g->jobs[g->njobs];

        if (!has(entry, "id") || !has(entry, "status"))
            continue;
        job->id = mem_strdup(text(entry, "id"));
        job->type = mem_strdup(text(entry, "type"));
        job->status = mem_strdup(text(entry, "status"));
        job->error = mem_strdup(text(entry, "error"));
        job->offset = json_integer_value(json_object_get(entry, "current-progress"));
        job->length = json_integer_value(json_object_get(entry, "total-progress"));
        g->njobs++;
    }
    return 0;
}
