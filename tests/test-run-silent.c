/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job that saves the memory: QEMU answers nothing meanwhile, however long that takes. Once it has
 * told that the job is over it has to answer again.
 */
#include <criterion/criterion.h>
#include <event2/event.h>

#include "snapshot/clock.h"
#include "snapshot/runner.h"
#include "tests/fake-monitor/pair.h"

TestSuite(run_silent, .init = pair_enter, .fini = pair_leave, .timeout = 20);

enum { PATIENCE_MS = 200 };

#define STATUS(status) "@ JOB_STATUS_CHANGE {\"id\": \"save\", \"status\": \"" status "\"}"
#define JOBS(status)                                                                               \
    "= [{\"id\": \"save\", \"type\": \"snapshot-save\", \"status\": \"" status "\", "              \
    "\"current-progress\": 0, \"total-progress\": 1}]"

static int save(json_t *step, bool attach, struct qmp_error *err)
{
    const bool never = false;
    struct runner r = {.client = client, .stop = &never, .jobs = json_array()};
    int rc;

    pair_connect();
    qmp_client_set_patience(client, PATIENCE_MS);
    rc = runner_jobs(&r, (const json_t *const[]){step}, 1, attach, err);
    json_decref(r.jobs);
    return rc;
}

static json_t *ours(void)
{
    return json_pack("{s:s, s:s, s:{s:s}}", "step", "job", "execute", "snapshot-save", "arguments",
                     "job-id", "save");
}

static json_t *of_another(void)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:s}", "step", "job", "disk", "save", "arguments",
                     "job-id", "save", "then", "hold");
}

/* In the middle of the script: nothing is said for longer than one is patient. */
static void later(evutil_socket_t fd, short what, void *arg)
{
    fake_go(fake);
}

static void go_on_later(void)
{
    const struct timeval after = {.tv_usec = 3 * PATIENCE_MS * 1000};

    event_base_once(qmp_client_base(client), -1, EV_TIMEOUT, later, NULL, &after);
}

Test(run_silent, while_it_is_saved_nothing_need_be_answered)
{
    struct qmp_error err = {0};
    json_auto_t *step = ours();

    SCRIPT("> snapshot-save", STATUS("running"), "pause", STATUS("concluded"), "= {}",
           "> query-jobs", JOBS("concluded"));
    go_on_later();
    cr_expect_eq(save(step, false, &err), RUN_DONE, "%s", err.desc);
    cr_expect_eq(qmp_client_set_patience(client, 0), PATIENCE_MS, "as before");
}

Test(run_silent, who_says_that_it_is_over_has_to_answer_how_it_ended)
{
    int64_t begun = clock_ms();
    struct qmp_error err = {0};
    json_auto_t *step = ours();

    SCRIPT("> snapshot-save", STATUS("running"), "= {}", STATUS("concluded"), "> query-jobs",
           "< {\"return\": [], \"id\": \"save\"}", STATUS("concluded"), STATUS("concluded"));
    cr_assert_lt(save(step, false, &err), 0);
    cr_expect_eq(err.kind, QMP_ERR_CONNECT);
    cr_expect_lt(clock_ms() - begun, 20 * PATIENCE_MS);
}

Test(run_silent, the_same_of_a_job_of_another_client)
{
    struct qmp_error err = {0};
    json_auto_t *step = of_another();

    SCRIPT("> query-jobs", "pause", JOBS("running"), STATUS("concluded"), "> query-jobs");
    go_on_later();
    cr_assert_lt(save(step, true, &err), 0);
    cr_expect(fake_finished(fake), "it was asked once more, after it was silent: %s", err.desc);
    cr_expect_eq(err.kind, QMP_ERR_CONNECT);
}
