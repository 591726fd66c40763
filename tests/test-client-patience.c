/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client-patience: a peer that says nothing any more is taken for dead, a slow one is not. */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fake-monitor/heard.h"
#include "tests/fake-monitor/pair.h"

enum { SOON_MS = 50, PATIENCE_MS = 1000, LONG_MS = 20000 };

static struct qmp_error err;

TestSuite(patience, .init = pair_enter, .fini = pair_leave, .timeout = 60);

/* Connect to a fake that does the lines once it has negotiated. */
#define CONNECT(...)                                                                               \
    do {                                                                                           \
        fake = fake_script(qmp_client_base(client), "greet", "negotiate", __VA_ARGS__, NULL);      \
        cr_assert_eq(qmp_connect(client, fake_address(fake), LONG_MS, &err), 0, "%s", err.desc);   \
    } while (0)

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *why, void *arg)
{
    hear_outcome(arg, why);
}

static void call(const char *name)
{
    qmp_client_call(client, name, NULL, 0, on_reply, (void *)name);
}

Test(patience, is_endless_at_first_and_can_be_made_to_end)
{
    CONNECT("> stop", "= {}");
    cr_expect_eq(qmp_client_set_patience(client, 100), 0);
    cr_expect_eq(qmp_client_be_patient(client), 100);
    cr_expect_eq(qmp_client_set_patience(client, 1 << 30), 6000);
    cr_expect_eq(qmp_client_be_patient(client), 1 << 30);
    cr_expect_gt(qmp_client_set_patience(client, 0), 1 << 30, "no overflow");
}

Test(patience, is_lost_for_good)
{
    CONNECT("> stop", "= {}");
    qmp_client_set_patience(client, 100);
    cr_expect_eq(qmp_client_be_patient(client), 100);
    qmp_client_lose_patience(client, 6, 100);
    cr_expect_eq(qmp_client_be_patient(client), 600);
    cr_expect_eq(qmp_client_set_patience(client, 100), 600, "it was not patient again");
    qmp_client_lose_patience(client, 6, 1 << 30);
    cr_expect_gt(qmp_client_set_patience(client, 0), 1 << 30, "no overflow");
}

Test(patience, with_silence_ends_the_connection_for_every_call)
{
    CONNECT("> stop", "> cont");
    qmp_client_set_patience(client, SOON_MS);
    call("stop");
    call("cont");
    heard_becomes(qmp_client_base(client), "stop connect;cont connect;");
    cr_expect_str_eq(qmp_client_broken(client)->desc,
                     "QEMU does not answer stop for 0.05 s: it hangs, or waits for its storage");
    cr_expect_eq(qmp_client_fd(client), -1);
}

Test(patience, is_not_won_by_events)
{
    CONNECT("> stop", "@ STOP {}", "slow", "@ A {}", "@ B {}", "@ C {}");
    qmp_client_set_patience(client, SOON_MS);
    cr_expect_null(qmp_call(client, "stop", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_CONNECT);
}

static bool never(void *arg)
{
    return false;
}

Test(patience, is_not_needed_where_nothing_was_asked)
{
    CONNECT("> stop", "= {}");
    qmp_client_set_patience(client, 1);
    cr_expect_eq(qmp_client_run(client, never, NULL, SOON_MS, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
    cr_expect_null(qmp_client_broken(client));
    json_t *ret = qmp_call(client, "stop", NULL, 0, &err);
    cr_expect(ret, "%s", err.desc);
    json_decref(ret);
}

/* Stop this process for longer than its patience, in a child's hands. */
static void doze(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        kill(getppid(), SIGSTOP);
        poll(NULL, 0, PATIENCE_MS + SOON_MS);
        kill(getppid(), SIGCONT);
        _exit(0);
    }
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
}

/* The answer does not come in one piece. */
static const char *doze_first(const char *command, json_t *args, void *arg)
{
    static char answer[16384];

    if (!strcmp(command, "stop"))
        doze();
    snprintf(answer, sizeof(answer), "= \"%016000d\"", 0);
    return answer;
}

Test(patience, does_not_blame_the_peer_for_our_own_sleep)
{
    fake = fake_dispatch(qmp_client_base(client), NULL);
    fake_answer_with(fake, doze_first, NULL);
    cr_assert_eq(qmp_connect(client, fake_address(fake), LONG_MS, &err), 0, "%s", err.desc);
    qmp_client_set_patience(client, PATIENCE_MS);
    json_t *ret = qmp_call(client, "stop", NULL, 0, &err);
    cr_expect(ret, "%s", err.desc);
    json_decref(ret);
}
