/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * graph-jobs: the part of graph.h that tells which nodes a job works on. Only
 * x-debug-query-block-graph does:
 *
 *   nodes  {"id": 7, "type": "block-job", "name": "backup0"}   {"id": 2, "name": "#block1086"}
 *   edges  {"parent": 7, "child": 2, "name": "main node"}
 *
 * A backup of a layer further down puts a filter there, and has that: QEMU tells the names of no
 * layer below it. So what builds on a job's nodes is noted as well.
 *
 * It is for people who debug, so it may say anything, or nothing: then nobody knows.
 */
#include <stdio.h>
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

/* What the reply says, by numbers as text. */
struct told {
    json_t *names;  /* of nodes and whatever else there is */
    json_t *jobs;   /* job -> number */
    json_t *below;  /* number -> the numbers of its children */
    json_t *builds; /* number -> those of its parents */
};

static const char *number(const json_t *of, const char *key, char buf[static 24])
{
    snprintf(buf, 24, "%lld", (long long)json_integer_value(json_object_get(of, key)));
    return buf;
}

static void add_to(json_t *lists, const char *key, const char *value)
{
    json_t *list = json_object_get(lists, key);

    if (!list)
        json_object_set_new(lists, key, list = json_array());
    json_array_append_new(list, json_string(value));
}

static void listen(struct told *t, const json_t *reply)
{
    char a[24], b[24];
    const json_t *e;
    size_t i;

    json_array_foreach(json_object_get(reply, "nodes"), i, e) {
        const char *name = text(e, "name");

        if (name && same(text(e, "type"), "block-job"))
            json_object_set_new(t->jobs, name, json_string(number(e, "id", a)));
        else if (name)
            json_object_set_new(t->names, number(e, "id", a), json_string(name));
    }
    json_array_foreach(json_object_get(reply, "edges"), i, e) {
        add_to(t->below, number(e, "parent", a), number(e, "child", b));
        add_to(t->builds, b, a);
    }
}

/* The nodes of the job with that number, and all that builds on them. */
static void find_nodes(const struct told *t, const char *number, struct graph_job *job)
{
    json_auto_t *queue = json_copy(json_object_get(t->below, number)), *seen = json_object();
    const size_t own = json_array_size(queue);

    for (size_t i = 0; i < json_array_size(queue); i++) {
        const char *at = json_string_value(json_array_get(queue, i));
        const char *name = text(t->names, at);

        if (!name)
            continue;
        if (i < own)
            json_object_set_new(job->nodes, name, json_true());
        if (json_object_get(seen, at))
            continue;
        json_object_set_new(seen, at, json_true());
        json_object_set_new(job->above, name, json_true());
        json_array_extend(queue, json_object_get(t->builds, at));
    }
}

int graph_take_job_nodes(struct graph *g, const json_t *reply, struct qmp_error *err)
{
    json_auto_t *names = json_object(), *jobs = json_object(), *below = json_object(),
                *builds = json_object();
    struct told t = {names, jobs, below, builds};

    listen(&t, reply);
    for (size_t i = 0; i < g->njobs; i++) {
        struct graph_job *job = &g->jobs[i];
        const char *at = is_foreign(job) ? text(jobs, job->id) : NULL;

        json_decref(job->nodes);
        json_decref(job->above);
        job->nodes = json_object();
        job->above = json_object();
        if (at)
            find_nodes(&t, at, job);
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

bool graph_job_is_below(const struct graph_job *job, const struct graph_disk *d)
{
    return d->node && json_object_get(job->above, d->node);
}
