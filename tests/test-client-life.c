/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-client-life: connections that end, clients that are freed, loops that are left:
 * every callback once, whatever happens.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/client.h"
#include "qmp/mem.h"
#include "tests/fake-monitor/fake-monitor.h"

static struct event_base *base;
static struct qmp_client *client;
static struct fake *fake;
static struct qmp_error err;
static char *heard;

static void setup(void)
{
    base = event_base_new();
    client = qmp_client_new(base, NULL);
    heard = mem_strdup("");
}

static void teardown(void)
{
    qmp_client_free(client);
    fake_free(fake);
    event_base_free(base);
    free(heard);
}

TestSuite(life, .init = setup, .fini = teardown, .timeout = 60);

static void hear(const char *who, const struct qmp_error *why)
{
    auto_free char *before = heard;

    heard = mem_printf("%s%s %s;", before, who, why ? qmp_error_kind_name(why->kind) : "ok");
}

static void free_client(void)
{
    qmp_client_free(client);
    client = NULL;
}

static void on_ready(struct qmp_client *c, const struct qmp_error *why, void *arg)
{
    hear("ready", why);
    if (arg)
        free_client();
}

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *why, void *arg)
{
    hear(arg, why);
}

static void on_reply_free(struct qmp_client *c, json_t *ret, const struct qmp_error *why, void *arg)
{
    hear(arg, why);
    free_client();
    cr_expect(!ret || json_is_object(ret), "what was given stays until the callback returns");
}

static void on_reply_again(struct qmp_client *c, json_t *ret, const struct qmp_error *why,
                           void *arg)
{
    hear(arg, why);
    qmp_client_call(c, "again", NULL, 0, on_reply, (void *)"again");
}

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    hear(name, NULL);
}

static void on_event_free(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    hear(name, NULL);
    free_client();
    cr_expect_str_eq(name, json_string_value(json_object_get(event, "event")));
}

static void call(const char *name, int timeout_ms, qmp_reply_fn *fn)
{
    qmp_client_call(client, name, NULL, timeout_ms, fn, (void *)name);
}

static void connect_to_fake(void)
{
    cr_assert_eq(qmp_connect(client, fake_address(fake), 5000, &err), 0, "%s", err.desc);
}

/* Run the loop until as much was heard as is wanted, which must then be that. */
static void expect_heard(const char *want)
{
    for (int i = 0; i < 10000 && strlen(heard) < strlen(want); i++)
        event_base_loop(base, EVLOOP_ONCE);
    event_base_loop(base, EVLOOP_NONBLOCK);
    cr_assert_str_eq(heard, want);
}

/* ---- the connection ends ---- */

Test(life, the_end_ends_every_wait_at_every_stage)
{
    static const struct {
        const char *lines[5], *want;
    } table[] = {
        {{"close"}, "ready closed;a closed;b closed;"},
        {{"< {\"QMP\":", "close"}, "ready closed;a closed;b closed;"},
        {{"greet", "close"}, "ready closed;a closed;b closed;"},
        {{"greet", "negotiate", "close"}, "ready ok;a closed;b closed;"},
        {{"greet", "negotiate", "> a", "close"}, "ready ok;a closed;b closed;"},
        {{"greet", "negotiate", "> a", "= 1", "close"}, "ready ok;a ok;b closed;"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *const *l = table[i].lines;

        heard[0] = '\0';
        fake = fake_script(base, l[0], l[1], l[2], l[3], l[4], NULL);
        cr_assert_eq(qmp_client_connect(client, fake_address(fake), 5000, on_ready, NULL, &err), 0);
        call("a", 0, on_reply);
        call("b", 5000, on_reply);
        expect_heard(table[i].want);
        cr_expect_str_eq(qmp_client_broken(client)->desc, "QEMU closed the connection");
        cr_expect_eq(qmp_client_fd(client), -1);
        fake_free(fake);
        qmp_client_free(client);
        client = qmp_client_new(base, NULL);
    }
    fake = NULL;
}

Test(life, what_was_said_before_the_end_is_heard)
{
    fake = fake_script(base, "greet", "negotiate", "> quit", "@ SHUTDOWN", "= {}", "@ LAST",
                       "close", NULL);
    connect_to_fake();
    qmp_client_subscribe(client, NULL, on_event, NULL);
    call("quit", 0, on_reply);
    expect_heard("SHUTDOWN ok;quit ok;LAST ok;");
}

Test(life, a_call_into_a_closed_socket_brings_no_signal_and_loses_nothing)
{
    fake = fake_script(base, "greet", "negotiate", "pause", "@ SHUTDOWN", "close", NULL);
    connect_to_fake();
    qmp_client_subscribe(client, NULL, on_event, NULL);
    fake_go(fake);
    /* the other end is closed and its last words are unread: now we write */
    call("a", 0, on_reply);
    expect_heard("SHUTDOWN ok;a closed;");
}

Test(life, a_broken_client_answers_every_call_from_the_loop)
{
    fake = fake_script(base, "greet", "negotiate", "close", NULL);
    connect_to_fake();
    call("a", 0, on_reply_again);
    expect_heard("a closed;again closed;");
    call("b", 10, on_reply);
    cr_expect_str_eq(heard, "a closed;again closed;", "never from inside the call");
    expect_heard("a closed;again closed;b closed;");
    cr_expect_null(qmp_call(client, "c", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_CLOSED);
    cr_expect_str_eq(err.context, "c");
}

Test(life, an_error_without_id_ends_the_connection)
{
    fake = fake_script(
        base, "greet", "negotiate", "> a",
        "< {\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}", NULL);
    connect_to_fake();
    cr_expect_null(qmp_call(client, "a", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_PROTOCOL);
    cr_expect_str_eq(err.context, "a: QEMU could not read what was sent");
    cr_expect_str_eq(err.desc, "JSON parse error");
}

Test(life, failure_to_connect_is_told_from_the_loop)
{
    cr_assert_eq(qmp_client_connect(client, "/nowhere/at/all", 0, on_ready, NULL, &err), 0);
    call("a", 0, on_reply);
    cr_expect_str_eq(heard, "");
    expect_heard("ready connect;a connect;");
}

static void on_end(struct qmp_client *c, const struct qmp_error *why, void *arg)
{
    cr_assert(why);
    hear("end", why);
    if (arg)
        free_client();
}

Test(life, the_end_is_told_also_to_one_who_waits_for_nothing)
{
    fake = fake_script(base, "greet", "negotiate", "close", NULL);
    qmp_client_on_end(client, on_end, NULL);
    connect_to_fake();
    call("a", 0, on_reply);
    expect_heard("a closed;end closed;");
    qmp_client_on_end(client, on_end, fake);
    cr_expect_str_eq(heard, "a closed;end closed;", "never from inside the function");
    expect_heard("a closed;end closed;end closed;");
    cr_expect_null(client);
}

Test(life, the_end_by_freeing)
{
    qmp_client_on_end(client, on_end, NULL);
    call("a", 0, on_reply);
    free_client();
    cr_expect_str_eq(heard, "a cancelled;end cancelled;");
}

/* ---- freeing ---- */

Test(life, freeing_cancels_everything_once)
{
    fake = fake_script(base, "greet", "negotiate", "> a", NULL);
    cr_assert_eq(qmp_client_connect(client, fake_address(fake), 5000, on_ready, NULL, &err), 0);
    call("a", 5000, on_reply);
    call("b", 0, on_reply);
    free_client();
    cr_expect_str_eq(heard, "ready cancelled;a cancelled;b cancelled;");
    expect_heard("ready cancelled;a cancelled;b cancelled;");
}

Test(life, freeing_a_client_that_never_did_anything)
{
    qmp_client_free(qmp_client_new(NULL, NULL));
    qmp_client_free(NULL);
}

Test(life, freeing_inside_of_an_answer)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "> b", "=1 {}", "=2 {}", NULL);
    connect_to_fake();
    call("a", 5000, on_reply_free);
    call("b", 5000, on_reply);
    expect_heard("a ok;b cancelled;");
}

Test(life, freeing_inside_of_an_event)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "@ STOP", "= {}", NULL);
    connect_to_fake();
    qmp_client_subscribe(client, NULL, on_event_free, NULL);
    qmp_client_subscribe(client, NULL, on_event, NULL);
    call("a", 0, on_reply);
    expect_heard("STOP ok;a cancelled;");
}

Test(life, freeing_inside_of_ready)
{
    fake = fake_script(base, "greet", "negotiate", NULL);
    cr_assert_eq(qmp_client_connect(client, fake_address(fake), 5000, on_ready, fake, &err), 0);
    call("a", 0, on_reply);
    expect_heard("ready ok;a cancelled;");
}

Test(life, freeing_inside_of_a_failure)
{
    cr_assert_eq(qmp_client_connect(client, "/nowhere/at/all", 0, on_ready, &err, &err), 0);
    call("a", 0, on_reply);
    expect_heard("ready connect;a cancelled;");
}

Test(life, freeing_inside_of_a_timeout)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "> b", NULL);
    connect_to_fake();
    call("a", 1, on_reply_free);
    call("b", 5000, on_reply);
    expect_heard("a timeout;b cancelled;");
}

Test(life, freeing_inside_of_the_end)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "close", NULL);
    connect_to_fake();
    call("a", 0, on_reply_free);
    call("b", 0, on_reply);
    expect_heard("a closed;b cancelled;");
}

Test(life, freeing_inside_of_a_cancellation)
{
    call("a", 0, on_reply_free);
    call("b", 0, on_reply);
    free_client();
    cr_expect_str_eq(heard, "a cancelled;b cancelled;");
}

Test(life, calls_made_while_the_client_is_freed_are_cancelled_too)
{
    call("a", 0, on_reply_again);
    free_client();
    cr_expect_str_eq(heard, "a cancelled;again cancelled;");
}

Test(life, freeing_during_a_blocking_call)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "> b", "=1 {}", NULL);
    connect_to_fake();
    call("a", 0, on_reply_free);
    cr_expect_null(qmp_call(client, "b", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_CANCELLED);
    cr_expect_str_eq(heard, "a ok;");
}

/* ---- blocking calls ---- */

static bool is_heard(void *arg)
{
    return strstr(heard, arg);
}

static bool never(void *arg)
{
    return false;
}

Test(life, running_until_something_is_true)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "@ STOP", "= {}", NULL);
    connect_to_fake();
    qmp_client_subscribe(client, NULL, on_event, NULL);
    call("a", 0, on_reply);
    cr_expect_eq(qmp_client_run(client, is_heard, (void *)"STOP", 5000, &err), 0);
    cr_expect_eq(qmp_client_run(client, is_heard, (void *)"a ok", 5000, &err), 0);
    cr_expect_eq(qmp_client_run(client, is_heard, (void *)"STOP", 0, &err), 0, "asked first");
}

Test(life, running_until_a_deadline)
{
    fake = fake_script(base, "greet", "negotiate", NULL);
    connect_to_fake();
    cr_expect_eq(qmp_client_run(client, never, NULL, 5, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
    cr_expect_null(qmp_client_broken(client));
}

Test(life, running_until_the_connection_breaks)
{
    fake = fake_script(base, "greet", "negotiate", "pause", "close", NULL);
    connect_to_fake();
    call("a", 0, on_reply);
    fake_go(fake);
    cr_expect_eq(qmp_client_run(client, never, NULL, 5000, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_CLOSED);
    cr_expect_str_eq(heard, "a closed;", "everybody heard it before");
}

Test(life, running_with_nothing_to_wait_for)
{
    cr_expect_eq(qmp_client_run(client, never, NULL, 0, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
}

static void stop_loop(evutil_socket_t fd, short what, void *arg)
{
    event_base_loopbreak(base);
}

Test(life, a_wait_that_is_interrupted_leaves_the_client_whole)
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
    hear(arg, why);
    cr_expect_null(qmp_call(c, "b", NULL, 0, &err));
    hear("inner", &err);
}

Test(life, blocking_inside_of_a_callback_is_refused)
{
    fake =
        fake_script(base, "greet", "negotiate", "> a", "= {}", "> b", "= {}", "> c", "= {}", NULL);
    connect_to_fake();
    call("a", 0, on_reply_block);
    expect_heard("a ok;inner usage;");
    json_auto_t *ret = qmp_call(client, "c", NULL, 5000, &err);
    cr_expect(ret, "%s", err.desc);
}

Test(life, two_clients_on_one_loop)
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
