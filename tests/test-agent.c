/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-agent: the guest agent's dialect, and guests that break it.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/agent.h"
#include "qmp/mem.h"
#include "tests/fake-agent/fake-agent.h"

#define SYNC "guest-sync-delimited"
#define STATUS "guest-fsfreeze-status"

/* For answers that never come, and for those that do on a loaded machine. */
enum { SOON_MS = 50, PATIENCE_MS = 20000 };

static struct event_base *base;
static struct fake_agent *fake;
static struct agent *agent;
static struct qmp_error err;

static void setup(void)
{
    base = event_base_new();
    fake = fake_agent_new(base);
}

static void teardown(void)
{
    agent_close(agent);
    fake_agent_free(fake);
    event_base_free(base);
}

TestSuite(agent, .init = setup, .fini = teardown, .timeout = 60);

static bool open_it(int timeout_ms)
{
    agent = agent_open(base, fake_agent_address(fake), false, timeout_ms, &err);
    return agent != NULL;
}

static json_t *ask(int timeout_ms)
{
    return agent_call(agent, STATUS, NULL, timeout_ms, &err);
}

static void expect_thawed(void)
{
    json_auto_t *status = ask(PATIENCE_MS);

    cr_assert_str_eq(json_string_value(status), "thawed", "%s", err.desc);
}

/* ---- synchronising ---- */

static const struct {
    const char *what, *lines;
} noises[] = {
    {"nothing", "ok"},
    {"the agent complains of our 0xFF", "! GenericError JSON parse error\nok"},
    {"an answer to an earlier client", "= {\"version\": \"7.2\"}\nok"},
    {"an earlier client's synchronisation", "mark\n= 17\nok"},
    {"two of them", "mark\n= 17\nmark\n= 18\nok"},
    {"half of an answer", "< {\"return\": [\"half\nok"},
    {"half of an answer behind a mark", "mark\n< {\"return\": [\"half\nok"},
    {"a number that is no number", "mark\n= \"$id\"\nok"},
    {"bytes that are no JSON", "mark\n< %%%%\nflood 00 5000\nok"},
    {"many marks", "flood ff 100000\nok"},
    {"an answer that is too long", "mark\n< {\"return\": \"\nflood 41 3000000\n< \"}\nok"},
    {"an answer that is too deep", "mark\nflood 7b 100000\nok"},
};

Test(agent, begins_anew_whatever_others_have_left_in_the_line)
{
    for (size_t i = 0; i < sizeof(noises) / sizeof(noises[0]); i++) {
        fake_agent_answer(fake, SYNC, noises[i].lines);
        cr_assert(open_it(PATIENCE_MS), "%s: %s", noises[i].what, err.desc);
        expect_thawed();
        agent_close(agent);
    }
    agent = NULL;
}

static const struct {
    const char *what, *lines;
    int kind;
} failures[] = {
    {"silence", "", QMP_ERR_TIMEOUT},
    {"the right number without a mark", "= $id", QMP_ERR_TIMEOUT},
    {"the wrong number", "mark\n= 1", QMP_ERR_TIMEOUT},
    {"only marks", "flood ff 1000000", QMP_ERR_TIMEOUT},
    {"only noise", "mark\nflood 41 4000000", QMP_ERR_TIMEOUT},
    {"an error", "mark\n! CommandNotFound no such command", QMP_ERR_TIMEOUT},
    {"the end", "close", QMP_ERR_CLOSED},
};

Test(agent, is_not_believed_without_the_mark_and_the_right_number)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        fake_agent_answer(fake, SYNC, failures[i].lines);
        cr_assert_not(open_it(SOON_MS), "%s", failures[i].what);
        cr_expect_eq(err.kind, failures[i].kind, "%s: %s", failures[i].what, err.desc);
        /* nobody is served before the one who was first is gone */
        fake_agent_do(fake, "close");
    }
}

Test(agent, that_serves_somebody_else_is_said_to_be_busy)
{
    cr_assert(open_it(PATIENCE_MS));
    cr_assert_null(agent_open(base, fake_agent_address(fake), false, SOON_MS, &err));
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
    cr_expect(strstr(err.hint, "another client"), "%s", err.hint);
    expect_thawed();
}

Test(agent, whose_waiting_line_is_full_is_waited_for)
{
    cr_assert(open_it(PATIENCE_MS));
    /* even those who have left again stand in it, and there is only room for two */
    for (int i = 0; i < 3; i++) {
        cr_assert_null(agent_open(base, fake_agent_address(fake), false, SOON_MS, &err));
        cr_expect_eq(err.kind, QMP_ERR_TIMEOUT, "%s", err.desc);
    }
    agent_close(agent);
    cr_expect(open_it(PATIENCE_MS), "%s", err.desc);
}

static const struct {
    const char *address;
    int kind;
} unreachable[] = {
    {"unix:/nowhere/agent.sock", QMP_ERR_CONNECT},
    {"/dev/null", QMP_ERR_CONNECT},
    {"unix:nobody-listens,abstract=on", QMP_ERR_CONNECT},
    {"fd:999", QMP_ERR_CONNECT},
    {"", QMP_ERR_USAGE},
    {"tcp:nonsense", QMP_ERR_USAGE},
    {"tcp:127.0.0.1:1", QMP_ERR_CONNECT},
};

Test(agent, that_is_not_there_is_not_waited_for)
{
    for (size_t i = 0; i < sizeof(unreachable) / sizeof(unreachable[0]); i++) {
        cr_assert_null(agent_open(base, unreachable[i].address, false, PATIENCE_MS, &err), "%s",
                       unreachable[i].address);
        cr_expect_eq(err.kind, unreachable[i].kind, "%s: %s", unreachable[i].address, err.desc);
    }
}

Test(agent, is_spoken_to_through_a_descriptor)
{
    int pair[2];
    static const char call[] = "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":";
    char sent[256] = "";

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    auto_free char *address = mem_printf("fd:%d", pair[0]);
    cr_assert_null(agent_open(NULL, address, false, SOON_MS, &err));
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
    cr_expect_gt(read(pair[1], sent, sizeof(sent) - 1), 0);
    cr_expect(!strncmp(sent, call, strlen(call)), "%s", sent);
    cr_expect(strchr(sent, '\n'), "%s", sent);
    close(pair[0]);
    close(pair[1]);
}

/* ---- calls ---- */

Test(agent, answers_one_call_after_the_other)
{
    cr_assert(open_it(PATIENCE_MS));
    for (int i = 0; i < 3; i++)
        expect_thawed();
    cr_expect_str_eq(fake_agent_log(fake), "+ " STATUS " " STATUS " " STATUS " ");
}

Test(agent, says_its_errors_in_its_own_words_and_is_called_again)
{
    fake_agent_answer(fake, STATUS, "! CommandNotFound it is disabled");
    cr_assert(open_it(PATIENCE_MS));
    cr_assert_null(ask(PATIENCE_MS));
    cr_expect_eq(err.kind, QMP_ERR_COMMAND);
    cr_expect_str_eq(err.class, "CommandNotFound");
    cr_expect_str_eq(err.desc, "it is disabled");
    cr_expect_str_eq(err.context, STATUS);
    cr_expect(agent_usable(agent));
    fake_agent_answer(fake, STATUS, NULL);
    expect_thawed();
}

static const struct {
    const char *what, *lines;
    int timeout_ms, kind;
} bad_answers[] = {
    {"none", "", SOON_MS, QMP_ERR_TIMEOUT},
    {"half of one", "< {\"return\": ", SOON_MS, QMP_ERR_TIMEOUT},
    {"the end", "close", PATIENCE_MS, QMP_ERR_CLOSED},
    {"half of one and the end", "< {\"ret\nclose", PATIENCE_MS, QMP_ERR_CLOSED},
    {"no JSON", "< hello", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"a mark", "mark\nok", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"an array", "< [1]", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"neither return nor error", "< {\"event\": \"STOP\"}", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"an error that is no object", "< {\"error\": \"no\"}", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"a huge one", "< {\"return\": \"\nflood 41 8000000", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"a deep one", "< {\"return\":\nflood 5b 100", PATIENCE_MS, QMP_ERR_PROTOCOL},
    {"marks without end", "flood ff 8000000", PATIENCE_MS, QMP_ERR_PROTOCOL},
};

Test(agent, that_answers_badly_is_not_called_again)
{
    for (size_t i = 0; i < sizeof(bad_answers) / sizeof(bad_answers[0]); i++) {
        const char *what = bad_answers[i].what;

        fake_agent_answer(fake, STATUS, bad_answers[i].lines);
        cr_assert(open_it(PATIENCE_MS), "%s: %s", what, err.desc);
        cr_assert_null(ask(bad_answers[i].timeout_ms), "%s", what);
        cr_expect_eq(err.kind, bad_answers[i].kind, "%s: %s", what, err.desc);
        cr_expect_str_eq(err.context, STATUS);
        cr_expect_not(agent_usable(agent), "%s", what);
        cr_expect_null(ask(PATIENCE_MS), "%s", what);
        cr_expect_eq(err.kind, QMP_ERR_CLOSED, "%s", what);
        agent_close(agent);
    }
    agent = NULL;
}

Test(agent, that_answers_late_does_not_answer_the_next_call)
{
    fake_agent_answer(fake, STATUS, "");
    cr_assert(open_it(PATIENCE_MS));
    cr_assert_null(ask(SOON_MS));
    agent_close(agent);
    /* what the last client did not hear any more comes to the next one */
    fake_agent_answer(fake, SYNC, "= \"frozen\"\nok");
    fake_agent_answer(fake, STATUS, NULL);
    cr_assert(open_it(PATIENCE_MS));
    expect_thawed();
}

Test(agent, takes_arguments_longer_than_its_socket)
{
    auto_free char *word = mem_alloc(1 << 20);

    memset(word, 'a', (1 << 20) - 1);
    cr_assert(open_it(PATIENCE_MS));
    json_auto_t *count = agent_call(agent, "guest-fsfreeze-freeze-list",
                                    json_pack("{s:[s]}", "mountpoints", word), PATIENCE_MS, &err);
    cr_assert(count, "%s", err.desc);
    cr_expect_eq(json_integer_value(count), 3);
}
