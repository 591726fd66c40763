/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client: calls, answers and events on a connection that works. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/fake-monitor/heard.h"
#include "tests/fake-monitor/pair.h"

TestSuite(client, .init = pair_enter, .fini = pair_leave, .timeout = 60);

static bool never(void *arg)
{
    return false;
}

/* ---- calls ---- */

Test(client, a_command_is_answered)
{
    struct qmp_error err;

    SCRIPT("> query-status {\"a\": 1}", "= {\"running\": true}", "> x", "! DeviceNotFound no vda");
    pair_connect();
    json_auto_t *ret = qmp_call(client, "query-status", json_pack("{s:i}", "a", 1), 0, &err);
    cr_expect(json_is_true(json_object_get(ret, "running")));
    cr_expect_null(qmp_call(client, "x", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_COMMAND);
    cr_expect_str_eq(err.class, "DeviceNotFound");
    cr_expect_str_eq(err.context, "x");
    cr_expect_str_eq(err.desc, "no vda");
    cr_expect(qmp_error_no_device(&err));
}

Test(client, what_the_greeting_says_is_there)
{
    SCRIPT("pause");
    cr_expect_null(qmp_client_greeting(client));
    cr_expect_eq(qmp_client_version(client), 0);
    cr_expect_eq(qmp_client_fd(client), -1);
    cr_expect_eq(qmp_client_peer(client), 0);
    pair_connect();
    cr_expect_eq(qmp_client_version(client), 70222);
    cr_expect(json_object_get(qmp_client_greeting(client), "capabilities"));
    cr_expect_eq(qmp_client_peer(client), getpid());
    cr_expect_geq(qmp_client_fd(client), 0);
    cr_expect_null(qmp_client_broken(client));
    cr_expect_eq(qmp_client_bytes_sent(client), fake_bytes(fake));
}

static void on_ready(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
    hear(err ? "failed" : "ready");
}

Test(client, nothing_is_sent_before_the_greeting_and_then_all_in_one_write)
{
    fake = fake_script(qmp_client_base(client), "pause", "greet", "negotiate", "> a", "= 1", "> b",
                       "= 2", NULL);
    pair_call("a");
    cr_assert_eq(qmp_client_connect(client, fake_address(fake), 5000, on_ready, NULL, NULL), 0);
    pair_call("b");
    pair_run_a_little();
    cr_expect_eq(fake_bytes(fake), 0);
    fake_go(fake);
    pair_hears("ready;a=1;b=2;");
    cr_expect_eq(fake_reads(fake), 1);
}

Test(client, a_thousand_commands_in_flight)
{
    static const struct fake_answer table[] = {{"query-status", "= {}"}, {0}};
    auto_free char *want = mem_alloc(1000 * strlen("query-status={};") + 1);

    fake = fake_dispatch(qmp_client_base(client), table);
    pair_connect();
    for (int i = 0; i < 1000; i++) {
        pair_call("query-status");
        strcat(want, "query-status={};");
    }
    unsigned before = fake_reads(fake);
    pair_hears(want);
    cr_expect_leq(fake_reads(fake) - before, 2, "one write, and no more reads than it needs");
}

Test(client, answers_find_their_calls_in_any_order)
{
    SCRIPT("> a", "> b", "> c", "=2 20", "=3 30", "=1 10");
    pair_connect();
    pair_call("a");
    pair_call("b");
    pair_call("c");
    pair_hears("b=20;c=30;a=10;");
}

Test(client, bytes_may_come_one_by_one)
{
    fake = fake_script(qmp_client_base(client), "slow", "@ EARLY", "greet", "negotiate", "> a",
                       "@ STOP", "= {\"x\": \"}\\\"{\"}", NULL);
    qmp_client_subscribe(client, NULL, pair_on_event, (void *)"");
    pair_connect();
    pair_call("a");
    pair_hears("EARLY;STOP;a={\"x\":\"}\\\"{\"};");
}

Test(client, a_timeout_ends_the_wait_and_the_late_answer_is_dropped)
{
    struct qmp_error err;

    SCRIPT("> slow", "pause", "= 1", "> next", "= 2");
    pair_connect();
    cr_expect_null(qmp_call(client, "slow", NULL, 10, &err));
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
    cr_expect_str_eq(err.context, "slow");
    fake_go(fake);
    json_auto_t *ret = qmp_call(client, "next", NULL, 5000, &err);
    cr_expect_eq(json_integer_value(ret), 2);
    cr_expect_null(qmp_client_broken(client));
}

Test(client, an_answer_in_time_is_no_timeout)
{
    SCRIPT("> a", "= 1");
    pair_connect();
    qmp_client_call(client, "a", NULL, 200, pair_on_reply, (void *)"a");
    pair_hears("a=1;");
    cr_assert_eq(qmp_client_run(client, never, NULL, 250, NULL), -1);
    heard_is("a=1;");
}

Test(client, nobody_has_to_listen_to_an_answer)
{
    SCRIPT("> a", "= 1", "> b", "= 2");
    pair_connect();
    qmp_client_call(client, "a", NULL, 1000, NULL, NULL);
    pair_call("b");
    pair_hears("b=2;");
}

Test(client, bad_calls_fail_from_the_loop_and_harm_nobody)
{
    struct qmp_call_options oob = {.oob = true}, bad_fd = {.fd = 12345, .send_fd = true};

    SCRIPT("> a", "= 1");
    pair_connect();
    qmp_client_call(client, "array", json_array(), 0, pair_on_reply, (void *)"array");
    pair_call("a");
    qmp_client_call_with(client, "oob", NULL, &oob, pair_on_reply, (void *)"oob");
    qmp_client_call_with(client, "fd", NULL, &bad_fd, pair_on_reply, (void *)"fd");
    heard_is("");
    pair_hears("array!usage;oob!usage;fd!system;a=1;");
}

Test(client, out_of_band_where_it_was_negotiated)
{
    struct qmp_client_options opts = {.want_oob = true};
    struct qmp_call_options oob = {.oob = true};

    qmp_client_free(client);
    client = qmp_client_new(NULL, &opts);
    fake =
        fake_script(qmp_client_base(client), "greet", "> qmp_capabilities {\"enable\": [\"oob\"]}",
                    "= {}", "> slow", "> yank", "=3 1", "=2 2", NULL);
    pair_connect();
    pair_call("slow");
    qmp_client_call_with(client, "yank", NULL, &oob, pair_on_reply, (void *)"yank");
    pair_hears("yank=1;slow=2;");
}

Test(client, integers_beyond_64_bits_do_not_lose_the_answer)
{
    SCRIPT("> a", "= {\"size\": 18446744073709551615}");
    pair_connect();
    json_auto_t *ret = qmp_call(client, "a", NULL, 0, NULL);
    cr_expect_float_eq(json_number_value(json_object_get(ret, "size")), 18446744073709551615.0, 1);
}

static char *long_answer(size_t len)
{
    char *line = mem_alloc(len + 16);

    memset(line, 'x', len + 5);
    memcpy(line, "= \"", 3);
    memcpy(line + len + 3, "\"", 2);
    return line;
}

static const char *give(const char *command, json_t *args, void *arg)
{
    return arg;
}

Test(client, a_huge_command_and_a_huge_answer_pass)
{
    auto_free char *line = long_answer(150000);
    auto_free char *argument = mem_alloc(8 << 20);
    struct qmp_error err;

    memset(argument, 'y', (8 << 20) - 1);
    fake = fake_dispatch(qmp_client_base(client), NULL);
    fake_answer_with(fake, give, line);
    pair_connect();
    json_auto_t *ret = qmp_call(client, "a", json_pack("{s:s}", "x", argument), 0, &err);
    cr_assert(ret, "%s", err.desc);
    cr_expect_eq(json_string_length(ret), 150000);
    cr_expect_eq(strlen(fake_log(fake)), strlen("a {\"x\":\"\"}\n") + (8 << 20) - 1);
}

Test(client, a_message_beyond_the_limit_ends_the_connection)
{
    struct qmp_client_options opts = {.max_message = 1000};
    auto_free char *line = long_answer(2000);
    struct qmp_error err;

    qmp_client_free(client);
    client = qmp_client_new(NULL, &opts);
    fake = fake_dispatch(qmp_client_base(client), NULL);
    fake_answer_with(fake, give, line);
    pair_connect();
    cr_expect_null(qmp_call(client, "a", NULL, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_PROTOCOL);
    cr_expect(strstr(err.desc, "too long"), "%s", err.desc);
}

/* ---- descriptors ---- */

Test(client, a_descriptor_travels_with_its_command)
{
    int ends[2];
    char byte = 0;
    struct qmp_call_options opts = {.send_fd = true};

    SCRIPT("> a", "= 0", "> getfd {\"fdname\": \"x\"}", "= 1", "> b", "= 2");
    pair_connect();
    cr_assert_eq(pipe(ends), 0);
    pair_call("a");
    opts.fd = ends[1];
    qmp_client_call_with(client, "getfd", json_pack("{s:s}", "fdname", "x"), &opts, pair_on_reply,
                         (void *)"getfd");
    close(ends[1]); /* it was duplicated */
    pair_call("b");
    pair_hears("a=0;getfd=1;b=2;");
    int fd = fake_take_fd(fake);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "x", 1), 1);
    close(fd);
    cr_expect_eq(read(ends[0], &byte, 1), 1);
    cr_expect_eq(byte, 'x');
    cr_expect_eq(read(ends[0], &byte, 1), 0, "nobody else holds the other end");
    close(ends[0]);
}

Test(client, a_descriptor_that_is_never_sent_is_closed)
{
    int ends[2];
    char byte;
    struct qmp_call_options opts = {.send_fd = true};

    cr_assert_eq(pipe(ends), 0);
    opts.fd = ends[1];
    qmp_client_call_with(client, "getfd", NULL, &opts, pair_on_reply, (void *)"getfd");
    close(ends[1]);
    qmp_client_free(client);
    client = NULL;
    heard_is("getfd!cancelled;");
    cr_expect_eq(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}
