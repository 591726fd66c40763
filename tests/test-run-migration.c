/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of a guest that runs on, and it fails in a QEMU that hangs after that (before 8.1), or
 * in one that does not: how long is waited for it, and what is said. More: test-qemu-live*.c.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "snapshot/clock.h"
#include "snapshot/runner.h"
#include "tests/fake-monitor/pair.h"

TestSuite(run_migration, .init = pair_enter, .fini = pair_leave, .timeout = 60);

enum { TIMEOUT_MS = 100, SOON_MS = 3000 };

#define OLD "greet"
#define NEW                                                                                        \
    "< {\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 1, \"major\": 8}, "            \
    "\"package\": \"\"}, \"capabilities\": []}}"
#define BEGUN                                                                                      \
    "negotiate", "> migrate", "= {}", "> query-status", "= {\"status\": \"running\"}",             \
        "> query-migrate", "= {\"status\": \"active\"}", "> query-status"
#define CANCELLED                                                                                  \
    BEGUN, "= {\"status\": \"running\"}", "> query-migrate", "= {\"status\": \"cancelled\"}"

/* Save it, patiently, as every operation is run; that fails. */
static struct qmp_error save(void)
{
    const struct qrw_options options = {.timeout_ms = TIMEOUT_MS};
    const bool never = false;
    struct runner r = {.client = client, .stop = &never, .options = &options};
    json_auto_t *step = json_pack("{s:s, s:s, s:{s:s}, s:s}", "step", "migration", "execute",
                                  "migrate", "arguments", "uri", "file:m", "file", "m");
    struct qmp_error err = {0};

    pair_connect();
    qmp_client_set_patience(client, TIMEOUT_MS);
    qmp_client_be_patient(client);
    cr_assert_eq(runner_migration(&r, step, false, &err), -1);
    return err;
}

/* How long a call may be left unanswered now, by one who would be patient. */
static int patience(void)
{
    qmp_client_be_patient(client);
    return qmp_client_set_patience(client, 0);
}

Test(run_migration, a_qemu_that_hangs_after_it_was_cancelled_is_given_up_soon)
{
    fake = fake_script(qmp_client_base(client), OLD, CANCELLED, NULL);
    struct qmp_error err = save();
    int64_t begun = clock_ms();

    cr_expect(strstr(err.desc, "cancelled; after that this QEMU leaves the guest hanging"), "%s",
              err.desc);
    cr_expect_null(qmp_call(client, "closefd", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_CONNECT);
    cr_expect_lt(clock_ms() - begun, SOON_MS, "%d ms", (int)(clock_ms() - begun));
}

Test(run_migration, one_that_answers_goes_on_without_patience)
{
    fake = fake_script(qmp_client_base(client), OLD, CANCELLED, NULL);
    save();
    cr_expect_eq(patience(), TIMEOUT_MS);
}

Test(run_migration, one_that_hangs_before_that_is_seen_may_have_slow_storage)
{
    fake = fake_script(qmp_client_base(client), OLD, BEGUN, NULL);
    int64_t begun = clock_ms();
    struct qmp_error err = save();

    cr_expect_eq(err.kind, QMP_ERR_CONNECT);
    cr_expect_geq(clock_ms() - begun, 6 * TIMEOUT_MS);
    cr_expect_lt(clock_ms() - begun, SOON_MS, "%d ms", (int)(clock_ms() - begun));
    cr_expect(strstr(err.hint, "if the saving was cancelled this QEMU hangs for ever"), "%s",
              err.hint);
}

Test(run_migration, one_that_does_not_hang_keeps_its_time)
{
    fake = fake_script(qmp_client_base(client), NEW, CANCELLED, NULL);
    struct qmp_error err = save();

    cr_expect_str_eq(err.desc, "cancelled");
    cr_expect_eq(patience(), 60 * 60 * TIMEOUT_MS);
}

/* ---- the guest, told to stop ---- */

#define IS(status) "> query-status", "= {\"status\": \"" status "\"}"
#define RESET IS("prelaunch"), "> cont", "= {}", "> stop", "= {}"

static int settle(bool *ours, struct runner *r, struct qmp_error *err)
{
    *ours = true;
    *r = (struct runner){.client = client, .stopped_us = 1};
    pair_connect();
    return runner_settle(r, ours, err);
}

Test(run_migration, a_guest_that_was_reset_while_it_stood_goes_on_for_a_moment)
{
    struct qmp_error err;
    struct runner r;
    bool ours;

    SCRIPT(RESET, RESET, IS("paused"));
    cr_expect_eq(settle(&ours, &r, &err), 0);
    cr_expect(ours);
    cr_expect_gt(r.stopped_us, 1, "it stands since the last stop");
}

Test(run_migration, a_guest_that_does_nothing_else_is_given_up)
{
    struct qmp_error err;
    struct runner r;
    bool ours;

    SCRIPT(RESET, RESET, RESET, RESET, RESET, RESET, RESET, RESET, RESET, RESET, RESET, RESET,
           RESET, RESET, RESET, RESET, RESET, RESET, RESET, RESET);
    cr_expect_eq(settle(&ours, &r, &err), -1);
    cr_expect(ours);
    cr_expect_str_eq(err.desc, "the guest is reset again and again");
}

Test(run_migration, a_guest_that_had_stopped_by_itself_is_not_ours_to_start)
{
    struct qmp_error err;
    struct runner r;
    bool ours;

    SCRIPT(IS("io-error"));
    cr_expect_eq(settle(&ours, &r, &err), -1);
    cr_expect(!ours);
    cr_expect_str_eq(err.desc, "the guest stopped by itself meanwhile (io-error)");
}
