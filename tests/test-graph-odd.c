/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replies that QEMU never gave: nothing in them may make graph or a planner stumble.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/graph.h"
#include "snapshot/plan-disk.h"
#include "tests/scene/command.h"
#include "tests/scene/lie.h"
#include "tests/scene/picture.h"
#include "tests/scene/recorded.h"

Test(graph, a_reply_of_the_wrong_shape_is_an_error_that_names_the_command)
{
    static const char *const odd[] = {"null", "5", "\"text\"", "[{\"status\": 1}]", "{}"};

    for (size_t i = 0; i < RECORDED_REPLIES; i++)
        for (size_t k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
            json_auto_t *reply = json_loads(odd[k], JSON_DECODE_ANY, NULL);
            struct qmp_error err = {0};
            struct graph g = {0};

            if (json_is_array(reply) && i > 0)
                continue; /* the right shape for those; what is in it is skipped */
            cr_expect_eq(recorded_replies[i].take(&g, reply, &err), -1, "%s: %s",
                         recorded_replies[i].command, odd[k]);
            cr_expect_eq(err.kind, QMP_ERR_PROTOCOL);
            cr_expect(strstr(err.desc, recorded_replies[i].command), "%s", err.desc);
            graph_done(&g);
        }
}

Test(graph, a_chain_without_end_ends)
{
    json_t *image = json_pack("{s:s}", "filename", "/vm/lowest");
    struct graph g = {0};

    for (int i = 0; i < 3000; i++)
        image = json_pack("{s:s, s:o}", "filename", "/vm/a", "backing-image", image);
    json_auto_t *reply = json_pack("[{s:s, s:{s:s, s:o}}]", "device", "d", "inserted", "node-name",
                                   "n", "image", image);
    cr_assert_eq(graph_take_block(&g, reply, NULL), 0);
    cr_expect_eq(g.disks[0].nlayers, 1024);
    graph_done(&g);
}

/* What it tells of jobs is for people who debug: it may change, and be anything. */
Test(graph, what_jobs_work_on_may_not_be_told)
{
    static const char *const odd[] = {
        "null",
        "{}",
        "{'nodes': 1, 'edges': 'x'}",
        "{'nodes': [null, {'type': 'block-job'}, {'type': 'block-job', 'name': 'j'}], 'edges': "
        "[7]}",
        "{'nodes': [{'type': 'block-job', 'name': 'j', 'id': 1}],"
        " 'edges': [{'parent': 1}, {'parent': 1, 'child': 5}, {'parent': 1, 'child': 1}]}",
        "{'nodes': [{'type': 'block-job', 'name': 'qrw-x', 'id': 1}, {'name': '#a', 'id': 2}],"
        " 'edges': [{'parent': 1, 'child': 2}]}"};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct picture *p = picture_new("disk0: a; job j mirror running; job qrw-x stream running");
        auto_free char *words = mem_strdup(odd[i]);

        for (char *c = words; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        json_auto_t *reply = json_loads(words, JSON_DECODE_ANY, NULL);
        cr_assert(reply, "%s", words);
        cr_expect_eq(graph_take_job_nodes(&p->graph, reply, NULL), 0);
        cr_expect_null(plan_disk_job(&p->graph, &p->graph.disks[0]), "%s", words);
        picture_free(p);
    }
}

/* Whatever it says, the planners refuse or plan. */
static void plan_all(const struct graph *g)
{
    static const char *const commands[] = {"create s1", "commit disk0", "stream disk0",
                                           "mirror disk0 /vm/copy.qcow2 --pivot"};
    struct picture *p = picture_new("disk0: a");

    p->scene.graph = g;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct command c;
        struct plan plan;

        command_parse(&c, commands[i]);
        plan_init(&plan, c.op->name, &p->scene);
        c.op->plan(&plan, &p->scene, &c.args, NULL);
        plan_done(&plan);
        command_done(&c);
    }
    picture_free(p);
}

Test(graph, no_lie_in_a_reply_makes_anybody_stumble)
{
    json_auto_t *truth = recorded_load("modern", "7.2");
    json_t *document;

    for (size_t at = 0; (document = lie_next(truth, &at));) {
        struct graph g = {0};

        if (!recorded_take(&g, document, GRAPH_NODES, NULL))
            plan_all(&g);
        graph_done(&g);
        json_decref(document);
    }
}
