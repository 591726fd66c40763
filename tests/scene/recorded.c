/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recorded: see recorded.h. */
#include "tests/scene/recorded.h"

#include "qmp/mem.h"

const struct recorded_reply recorded_replies[RECORDED_REPLIES] = {
    {"query-status", graph_take_status, GRAPH_DISKS},
    {"query-block", graph_take_block, GRAPH_DISKS},
    {"query-jobs", graph_take_jobs, GRAPH_DISKS},
    {"query-blockstats", graph_take_stats, GRAPH_NODES},
};

int recorded_take(struct graph *g, const json_t *replies, enum graph_level level,
                  struct qmp_error *err)
{
    for (size_t i = 0; i < RECORDED_REPLIES; i++) {
        const json_t *reply = json_object_get(replies, recorded_replies[i].command);

        if (reply && recorded_replies[i].level <= level && recorded_replies[i].take(g, reply, err))
            return -1;
    }
    return 0;
}

json_t *recorded_load(const char *machine, const char *release)
{
    auto_free char *path = mem_printf("tests/scene/recorded/%s-%s.json", machine, release);

    return json_load_file(path, 0, NULL);
}
