/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client-events: events, who hears them, and the trace of everything. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/fake-monitor/heard.h"
#include "tests/fake-monitor/pair.h"

TestSuite(events, .init = pair_enter, .fini = pair_leave, .timeout = 60);

static bool script_is_done(void *arg)
{
    return fake_finished(fake);
}

static void run_script(void)
{
    cr_assert_eq(qmp_client_run(client, script_is_done, NULL, 5000, NULL), 0);
}

static void on_ready(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
    hear(err ? "failed" : "ready");
}

Test(events, events_come_wherever_they_are)
{
    fake = fake_script(qmp_client_base(client), "@ A", "greet", "@ B", "negotiate", "@ C", "> x",
                       "@ D", "= 1", "@ E", NULL);
    qmp_client_subscribe(client, NULL, pair_on_event, (void *)"");
    cr_assert_eq(qmp_client_connect(client, fake_address(fake), 5000, on_ready, NULL, NULL), 0);
    pair_call("x");
    pair_hears("A;B;ready;C;D;x=1;E;");
}

Test(events, a_subscriber_hears_what_it_asked_for_in_the_order_they_came)
{
    SCRIPT("pause", "@ STOP", "@ RESUME", "@ STOP");
    qmp_client_subscribe(client, "STOP", pair_on_event, (void *)"1");
    unsigned second = qmp_client_subscribe(client, NULL, pair_on_event, (void *)"2");
    qmp_client_subscribe(client, "RESUME", pair_on_event, (void *)"3");
    pair_connect();
    fake_go(fake);
    pair_hears("1STOP;2STOP;2RESUME;3RESUME;1STOP;2STOP;");
    qmp_client_unsubscribe(client, second);
    qmp_client_unsubscribe(client, 12345);
    fake_do(fake, "@ STOP");
    fake_do(fake, "@ RESUME");
    pair_hears("1STOP;2STOP;2RESUME;3RESUME;1STOP;2STOP;1STOP;3RESUME;");
}

static void on_event_once(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    unsigned *handles = arg;

    hear("once");
    qmp_client_unsubscribe(c, handles[0]);
    qmp_client_unsubscribe(c, handles[1]);
    qmp_client_subscribe(c, NULL, pair_on_event, (void *)"new ");
}

Test(events, subscribers_may_change_while_an_event_is_given_out)
{
    unsigned handles[2];

    SCRIPT("pause", "@ A", "@ B");
    handles[0] = qmp_client_subscribe(client, NULL, on_event_once, handles);
    handles[1] = qmp_client_subscribe(client, NULL, pair_on_event, (void *)"old ");
    pair_connect();
    fake_go(fake);
    pair_hears("once;new B;");
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
    pair_connect();
    pair_call("a");
    pair_run_a_little();
    pair_call("b");
    run_script();
    pair_hears("<{\"QMP\":  {}};>{\"execute\":\"qmp_capabilities\",\"id\":0};"
               "<{\"return\": {}, \"id\": 0};"
               ">{\"execute\":\"a\",\"id\":0};<{\"return\":1,\"id\":0};a=1;"
               "<{\"return\":1,\"id\":7};"
               ">{\"execute\":\"b\",\"id\":0};<{\"return\":2,\"id\":0};b=2;");
}
