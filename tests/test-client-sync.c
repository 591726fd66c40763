/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client-sync: the calls that block, and running the loop until something is true. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fake-monitor/heard.h"
#include "tests/fake-monitor/pair.h"

static struct event_base *base;
static struct qmp_error err;

static void setup(void)
{
    base = event_base_new();
    client = qmp_client_new(base, NULL);
}

static void teardown(void)
{
    pair_leave();
    event_base_free(base);
}

TestSuite(sync, .init = setup, .fini = teardown, .timeout = 60);

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *why, void *arg)
{
    hear_outcome(arg, why);
}

static void call(const char *name, int timeout_ms, qmp_reply_fn *fn)
{
    qmp_client_call(client, name, NULL, timeout_ms, fn, (void *)name);
}

static void connect_to_fake(void)
{
    cr_assert_eq(qmp_connect(client, fake_address(fake), 5000, &err), 0, "%s", err.desc);
}

static void expect_heard(const char *want)
{
    heard_becomes(base, want);
}

static int events;

static void on_event_count(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    events++;
}

static bool event_came(void *arg)
{
    return events > 0;
}

static bool never(void *arg)
{
    return false;
}

Test(sync, running_until_something_is_true)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "@ STOP", "= {}", NULL);
    connect_to_fake();
    qmp_client_subscribe(client, NULL, on_event_count, NULL);
    call("a", 0, on_reply);
    cr_expect_eq(qmp_client_run(client, event_came, NULL, 5000, &err), 0);
    expect_heard("a ok;");
    cr_expect_eq(qmp_client_run(client, event_came, NULL, 0, &err), 0, "asked first");
}

Test(sync, running_until_a_deadline)
{
    fake = fake_script(base, "greet", "negotiate", NULL);
    connect_to_fake();
    cr_expect_eq(qmp_client_run(client, never, NULL, 5, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
    cr_expect_null(qmp_client_broken(client));
}

Test(sync, running_until_the_connection_breaks)
{
    fake = fake_script(base, "greet", "negotiate", "pause", "close", NULL);
    connect_to_fake();
    call("a", 0, on_reply);
    fake_go(fake);
    cr_expect_eq(qmp_client_run(client, never, NULL, 5000, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_CLOSED);
    heard_is("a closed;");
}

Test(sync, running_with_nothing_to_wait_for)
{
    cr_expect_eq(qmp_client_run(client, never, NULL, 0, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
}

static void stop_loop(evutil_socket_t fd, short what, void *arg)
{
    event_base_loopbreak(base);
}

Test(sync, a_wait_that_is_interrupted_leaves_the_client_whole)
{
    struct timeval soon = {.tv_usec = 1000};
    struct event *stop = evtimer_new(base, stop_loop, NULL);

    fake = fake_script(base, "greet", "negotiate", "> a", "pause", "=1 {}", "> b", "= {}", NULL);
    connect_to_fake();
    evtimer_add(stop, &soon);
    cr_expect_null(qmp_call(client, "a", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_CANCELLED);
    cr_expect_str_eq(err.context, "a");
    fake_go(fake);
    json_auto_t *ret = qmp_call(client, "b", NULL, 5000, &err);
    cr_expect(ret, "%s", err.desc);
    event_free(stop);
}

static void on_reply_block(struct qmp_client *c, json_t *ret, const struct qmp_error *why,
                           void *arg)
{
    hear_outcome(arg, why);
    cr_expect_null(qmp_call(c, "b", NULL, 0, &err));
    hear_outcome("inner", &err);
}

Test(sync, blocking_inside_of_a_callback_is_refused)
{
    fake =
        fake_script(base, "greet", "negotiate", "> a", "= {}", "> b", "= {}", "> c", "= {}", NULL);
    connect_to_fake();
    call("a", 0, on_reply_block);
    expect_heard("a ok;inner usage;");
    json_auto_t *ret = qmp_call(client, "c", NULL, 5000, &err);
    cr_expect(ret, "%s", err.desc);
}

Test(sync, two_clients_on_one_loop)
{
    struct qmp_client *second = qmp_client_new(base, NULL);
    struct fake *other = fake_script(base, "greet", "negotiate", "> b", "= {}", NULL);

    fake = fake_script(base, "greet", "negotiate", "> a", "= {}", NULL);
    connect_to_fake();
    call("a", 0, on_reply);
    cr_assert_eq(qmp_connect(second, fake_address(other), 5000, &err), 0);
    json_auto_t *ret = qmp_call(second, "b", NULL, 5000, &err);
    cr_expect(ret);
    expect_heard("a ok;");
    qmp_client_free(second);
    fake_free(other);
}
