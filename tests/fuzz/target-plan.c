/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A journalled plan: one that is taken in survives the journal again, can be judged, and is
 * printed so that nothing in it reaches a terminal raw.
 *
 * The program's objects are in no library: what prints is included.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.c"
#include "cli/print.c"
#include "cli/text.c"
#include "snapshot/recover.h"
#include "tests/fuzz/fuzz.h"

static void print_safely(const json_t *doc)
{
    FILE *before[] = {stdout, stderr};
    char *printed = NULL;
    size_t n = 0;

    stdout = stderr = open_memstream(&printed, &n);
    print_plan(doc);
    print_work(doc, NULL);
    out_json(stdout, doc);
    fclose(stdout);
    stdout = before[0];
    stderr = before[1];
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)printed[i];

        fuzz_must(c == '\n' || (c >= ' ' && c != 0x7f));
        /* C1 controls are two bytes in UTF-8 */
        fuzz_must(c != 0xc2 || (unsigned char)printed[i + 1] >= 0xa0);
    }
    free(printed);
}

static void judge(struct plan *p)
{
    json_auto_t *reply =
        json_pack("[{s:s, s:{s:s, s:{s:s, s:s}}}]", "device", "vda", "inserted", "node-name", "#1",
                  "image", "filename", "/vm/a.qcow2", "format", "qcow2");
    json_auto_t *jobs = json_pack("[{s:s, s:s}]", "id", "qrw-commit-vda", "status", "concluded");
    struct graph g = {0};
    struct qmp_error err = {0};

    graph_take_block(&g, reply, NULL);
    graph_take_jobs(&g, jobs, NULL);
    recover_decide(p, &g);
    fuzz_must(!plan_holds(p, &g, &err) || err.desc[0]);
    json_auto_t *list = plan_job_list(p, &g);
    fuzz_must(list);
    plan_promises_job(p, NULL);
    plan_decide(p, "finish");
    graph_done(&g);
}

void fuzz_plan(const uint8_t *bytes, size_t n)
{
    json_auto_t *doc = json_loadb((const char *)bytes, n, JSON_ALLOW_NUL, NULL);
    struct qmp_error err = {0};
    struct plan p, again;

    if (!doc)
        return;
    if (plan_from_json(&p, doc, "/vm", &err)) {
        fuzz_must(err.kind != QMP_ERR_NONE && err.desc[0]);
        return;
    }
    json_auto_t *journal = plan_to_json(&p), *same = NULL;
    fuzz_must(journal && !plan_from_json(&again, journal, "/vm", NULL));
    same = plan_to_json(&again);
    fuzz_must(json_equal(journal, same));
    plan_done(&again);

    json_auto_t *result = json_deep_copy(p.result);
    json_object_set_new(result, "plan", plan_preview(&p));
    print_safely(result);
    judge(&p);
    plan_done(&p);
}
