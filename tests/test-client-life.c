/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-client-life: connections that end, clients that are freed, loops that are left:
 * every callback once, whatever happens.
 */
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

TestSuite(life, .init = setup, .fini = teardown, .timeout = 60);

static void free_client(void)
{
    qmp_client_free(client);
    client = NULL;
}

static void on_ready(struct qmp_client *c, const struct qmp_error *why, void *arg)
{
    hear_outcome("ready", why);
    if (arg)
        free_client();
}

static void on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *why, void *arg)
{
    hear_outcome(arg, why);
}

static void on_reply_free(struct qmp_client *c, json_t *ret, const struct qmp_error *why, void *arg)
{
    hear_outcome(arg, why);
    free_client();
    cr_expect(!ret || json_is_object(ret), "what was given stays until the callback returns");
}

static void on_reply_again(struct qmp_client *c, json_t *ret, const struct qmp_error *why,
                           void *arg)
{
    hear_outcome(arg, why);
    qmp_client_call(c, "again", NULL, 0, on_reply, (void *)"again");
}

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    hear_outcome(name, NULL);
}

static void on_event_free(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    hear_outcome(name, NULL);
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

static void expect_heard(const char *want)
{
    heard_becomes(base, want);
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

        heard_forget();
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
    heard_is("a closed;again closed;");
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
    heard_is("");
    expect_heard("ready connect;a connect;");
}

static void on_end(struct qmp_client *c, const struct qmp_error *why, void *arg)
{
    cr_assert(why);
    hear_outcome("end", why);
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
    heard_is("a closed;end closed;");
    expect_heard("a closed;end closed;end closed;");
    cr_expect_null(client);
}

Test(life, the_end_by_freeing)
{
    qmp_client_on_end(client, on_end, NULL);
    call("a", 0, on_reply);
    free_client();
    heard_is("a cancelled;end cancelled;");
}

/* ---- freeing ---- */

Test(life, freeing_cancels_everything_once)
{
    fake = fake_script(base, "greet", "negotiate", "> a", NULL);
    cr_assert_eq(qmp_client_connect(client, fake_address(fake), 5000, on_ready, NULL, &err), 0);
    call("a", 5000, on_reply);
    call("b", 0, on_reply);
    free_client();
    heard_is("ready cancelled;a cancelled;b cancelled;");
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
    heard_is("a cancelled;b cancelled;");
}

Test(life, calls_made_while_the_client_is_freed_are_cancelled_too)
{
    call("a", 0, on_reply_again);
    free_client();
    heard_is("a cancelled;again cancelled;");
}

Test(life, freeing_during_a_blocking_call)
{
    fake = fake_script(base, "greet", "negotiate", "> a", "> b", "=1 {}", NULL);
    connect_to_fake();
    call("a", 0, on_reply_free);
    cr_expect_null(qmp_call(client, "b", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_CANCELLED);
    heard_is("a ok;");
}
