/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU answers, {"query-block": …, "query-jobs": …, …} as in tests/scene/recorded: any
 * shape gives a graph whose every part can be asked for, and over which can be planned.
 */
#include <jansson.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/internal.h"
#include "snapshot/job.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/planners.h"
#include "tests/scene/recorded.h"

static void look_at_disk(const struct graph *g, const struct graph_disk *d)
{
    fuzz_must(d->id && graph_disk(g, d->id) == d);
    fuzz_must(!d->nlayers == !graph_active(d));
    graph_skip_reason(d);
    for (size_t i = 0; i < d->nlayers; i++) {
        const struct graph_layer *l = &d->layers[i];

        fuzz_must(l->file && l->spelling && l->format && graph_layer(d, l->file));
        graph_has_folder(l->file);
        for (size_t k = 0; k < l->ntags; k++)
            fuzz_must(graph_tag(l, l->tags[k].name));
    }
}

static void look(const struct graph *g)
{
    for (size_t i = 0; i < g->ndisks; i++)
        look_at_disk(g, &g->disks[i]);
    for (size_t i = 0; i < g->njobs; i++) {
        const struct graph_job *j = &g->jobs[i];

        fuzz_must(j->id && j->status && graph_job(g, j->id));
        fuzz_must(job_phase(j) != JOB_GONE || !strcmp(j->status, "null"));
    }
}

static void take_machine(struct machine *m, const json_t *replies)
{
    machine_take_type(m, json_object_get(replies, "qom-get"), NULL);
    machine_take_memory(m, json_object_get(replies, "query-memory-size-summary"), NULL);
    machine_take_cpus(m, json_object_get(replies, "query-cpus-fast"), NULL);
    machine_take_devices(m, json_object_get(replies, "qom-list"), NULL);
    machine_take_tree(m, json_object_get(replies, "human-monitor-command"), NULL);
    machine_take_migration(m, json_object_get(replies, "query-migrate"), NULL);
    machine_take_capabilities(m, json_object_get(replies, "query-migrate-capabilities"), NULL);
}

void fuzz_graph(const uint8_t *bytes, size_t n)
{
    json_auto_t *replies = json_loadb((const char *)bytes, n, JSON_ALLOW_NUL, NULL);
    struct machine machine = {0};
    struct graph g = {0};
    struct chain c;

    if (!replies)
        return;
    recorded_take(&g, replies, GRAPH_DISKS, NULL);
    look(&g);
    /* as when one looks again */
    recorded_take(&g, replies, GRAPH_NODES, NULL);
    look(&g);
    take_machine(&machine, replies);
    if (g.status) {
        chain_init(&c, "/vm", NULL, NULL);
        planners_run(&g, &c, &machine);
        chain_done(&c);
    }
    machine_done(&machine);
    graph_done(&g);
}
