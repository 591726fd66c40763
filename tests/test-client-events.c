/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client-events: events, who hears them, and the trace of everything. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/client.h"
#include "qmp/mem.h"
#include "tests/fake-monitor/fake-monitor.h"
#include "tests/fake-monitor/heard.h"

static struct qmp_client *client;
static struct fake *fake;

static void setup(void)
{
    client = qmp_client_new(NULL, NULL);
}

static void teardown(void)
{
    fake_free(fake);
    qmp_client_free(client);
    heard_forget();
}

TestSuite(events, .init = setup, .fini = teardown, .timeout = 60);

#define SCRIPT(...)                                                                                \
    fake = fake_script(qmp_client_base(client), "greet", "negotiate", __VA_ARGS__, NULL)

static void connect_to_fake(void)
{
    struct qmp_error err;

    cr_assert_eq(qmp_connect(client, fake_address(fake), 5000, &err), 0, "%s", err.desc);
}

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    auto_free char *text = ret ? json_dumps(ret, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    cr_expect_neq(!ret, !err, "exactly one of the two");
    if (ret)
        hear("%s=%s", (char *)arg, text);
    else
        hear("%s!%s", (char *)arg, qmp_error_kind_name(err->kind));
}

static void call(const char *name)
{
    qmp_client_call(client, name, NULL, 0, on_reply, (void *)name);
}

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    cr_expect_str_eq(json_string_value(json_object_get(event, "event")), name);
    hear("%s%s", (char *)arg, name);
}

static void expect_heard(const char *want)
{
    heard_becomes(qmp_client_base(client), want);
}

static bool script_is_done(void *arg)
{
    return fake_finished(fake);
}

static void run_script(void)
{
    cr_assert_eq(qmp_client_run(client, script_is_done, NULL, 5000, NULL), 0);
}

static bool never(void *arg)
{
    return false;
}

/* A round or two of the loop, for what must not happen. */
static void run_a_little(void)
{
    struct qmp_error err;

    cr_assert_eq(qmp_client_run(client, never, NULL, 20, &err), -1);
}

static void on_ready(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
    hear(err ? "failed" : "ready");
}

Test(events, events_come_wherever_they_are)
{
    fake = fake_script(qmp_client_base(client), "@ A", "greet", "@ B", "negotiate", "@ C", "> x",
                       "@ D", "= 1", "@ E", NULL);
    qmp_client_subscribe(client, NULL, on_event, (void *)"");
    cr_assert_eq(qmp_client_connect(client, fake_address(fake), 5000, on_ready, NULL, NULL), 0);
    call("x");
    expect_heard("A;B;ready;C;D;x=1;E;");
}

Test(events, a_subscriber_hears_what_it_asked_for_in_the_order_they_came)
{
    SCRIPT("pause", "@ STOP", "@ RESUME", "@ STOP");
    qmp_client_subscribe(client, "STOP", on_event, (void *)"1");
    unsigned second = qmp_client_subscribe(client, NULL, on_event, (void *)"2");
    qmp_client_subscribe(client, "RESUME", on_event, (void *)"3");
    connect_to_fake();
    fake_go(fake);
    expect_heard("1STOP;2STOP;2RESUME;3RESUME;1STOP;2STOP;");
    qmp_client_unsubscribe(client, second);
    qmp_client_unsubscribe(client, 12345);
    fake_do(fake, "@ STOP");
    fake_do(fake, "@ RESUME");
    expect_heard("1STOP;2STOP;2RESUME;3RESUME;1STOP;2STOP;1STOP;3RESUME;");
}

static void on_event_once(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    unsigned *handles = arg;

    hear("once");
    qmp_client_unsubscribe(c, handles[0]);
    qmp_client_unsubscribe(c, handles[1]);
    qmp_client_subscribe(c, NULL, on_event, (void *)"new ");
}

Test(events, subscribers_may_change_while_an_event_is_given_out)
{
    unsigned handles[2];

    SCRIPT("pause", "@ A", "@ B");
    handles[0] = qmp_client_subscribe(client, NULL, on_event_once, handles);
    handles[1] = qmp_client_subscribe(client, NULL, on_event, (void *)"old ");
    connect_to_fake();
    fake_go(fake);
    expect_heard("once;new B;");
}

static void on_trace(bool sent, const char *text, size_t len, void *arg)
{
    hear("%s%.*s", sent ? ">" : "<", (int)len, text);
}

Test(events, the_trace_shows_every_message_whole_in_both_directions)
{
    struct qmp_client_options opts = {.trace = on_trace};

    qmp_client_free(client);
    client = qmp_client_new(NULL, &opts);
    fake = fake_script(qmp_client_base(client), "slow", "< {\"QMP\":  {}}", "negotiate", "> a",
                       "< {\"return\":1,\"id\":$id}", "< {\"return\":1,\"id\":7}", "> b",
                       "< {\"return\":2,\"id\":$id}", NULL);
    connect_to_fake();
    call("a");
    run_a_little();
    call("b");
    run_script();
    expect_heard("<{\"QMP\":  {}};>{\"execute\":\"qmp_capabilities\",\"id\":0};"
                 "<{\"return\": {}, \"id\": 0};"
                 ">{\"execute\":\"a\",\"id\":0};<{\"return\":1,\"id\":0};a=1;"
                 "<{\"return\":1,\"id\":7};"
                 ">{\"execute\":\"b\",\"id\":0};<{\"return\":2,\"id\":0};b=2;");
}
