/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real program with an honest monitor, and an agent in the guest that does harm, at each of
 * its answers: when we synchronise, ask for the status, freeze and thaw.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "qmp/reader.h"
#include "tests/hostile/hostile.h"

TestSuite(hostile_agent, .init = hostile_enter, .fini = hostile_leave);

/* What is said instead of an answer; $id is the number of the synchronisation. */
struct harm {
    const char *what, *text;
    size_t times;   /* again and again; 0: once */
    bool then_true; /* and after it the truth */
};

static const struct harm harms[] = {
    {"nothing", "", 0, false},
    {"a gigabyte", "{\"return\": \"", 0, false}, /* and what follows it, see say() */
    {"a gigabyte of marks", "\xff", (size_t)1 << 30, true},
    {"a million levels", "{\"return\":[", 1000000, false},
    {"answers without end", "{\"return\": 7}\n", (size_t)-1, false},
    {"garbage", "\xc3\x28%%\x01\x02 hello\n", 1000, false},
    {"escapes in an error",
     "{\"error\": {\"class\": \"\\u001b[31m\", \"desc\": "
     "\"\\u001b]0;x\\u0007\\u009b2J\\nline\"}}\n",
     0, false},
    {"an error first", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\n", 0, true},
    {"wrong numbers", "\xff{\"return\": 1}\n\xff{\"return\": \"$id\"}\n\xff{\"return\": -1}\n", 0,
     false},
    {"a huge number", "{\"return\": 99999999999999999999}\n", 0, false},
    {"too many file systems", "{\"return\": 9223372036854775807}\n", 0, false},
    {"less than none", "{\"return\": -5}\n", 0, false},
    {"an object", "{\"return\": {\"a\": []}}\n", 0, false},
    {"two answers", "{\"return\": \"thawed\"}\n{\"return\": \"frozen\"}\n{\"return\": 3}\n", 0,
     false},
    {"a monitor's greeting", "{\"QMP\": {}}\n", 0, true},
};

static void say(int fd, const char *text, size_t times)
{
    static char many[65536];
    size_t n = strlen(text), fit = n ? sizeof(many) / n : 0;

    for (size_t i = 0; i < fit; i++)
        memcpy(many + i * n, text, n);
    for (; fit && times; times -= times < fit ? times : fit)
        if (send(fd, many, (times < fit ? times : fit) * n, MSG_NOSIGNAL) < 0)
            _exit(0);
}

static void tell_truth(int fd, const char *command, json_int_t number)
{
    static bool frozen;
    char line[128];

    if (strstr(command, "freeze-freeze"))
        frozen = true;
    if (strstr(command, "sync"))
        snprintf(line, sizeof(line), "\xff{\"return\": %lld}\n", (long long)number);
    else if (strstr(command, "status"))
        snprintf(line, sizeof(line), "{\"return\": \"%s\"}\n", frozen ? "frozen" : "thawed");
    else
        snprintf(line, sizeof(line), "{\"return\": 2}\n");
    if (strstr(command, "thaw"))
        frozen = false;
    say(fd, line, 1);
}

static void do_harm(int fd, const struct harm *harm, const char *command, json_int_t number)
{
    say(fd, harm->text, harm->times ? harm->times : 1);
    if (!strcmp(harm->what, "a gigabyte"))
        say(fd, "AAAAAAAAAAAAAAAA", (size_t)1 << 26);
    if (harm->then_true)
        tell_truth(fd, command, number);
}

/* The agent's process: the @at-th answer, counted over all connections, does harm. */
static void serve(int listener, const struct harm *harm, int at)
{
    struct reader_message m;
    struct reader r;
    char bytes[4096];
    int fd, count = 0;
    ssize_t n;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        reader_init(&r, 0, 0);
        while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
            for (ssize_t i = 0; i < n; i++)
                if ((unsigned char)bytes[i] != 0xff)
                    reader_feed(&r, &bytes[i], 1);
            while (reader_next(&r, &m, NULL) > 0) {
                const char *command = json_string_value(json_object_get(m.json, "execute"));
                json_int_t number =
                    json_integer_value(json_object_get(json_object_get(m.json, "arguments"), "id"));

                if (++count == at)
                    do_harm(fd, harm, command, number);
                else
                    tell_truth(fd, command, number);
                json_decref(m.json);
            }
        }
        reader_done(&r);
        close(fd);
    }
    _exit(0);
}

static pid_t start(const struct harm *harm, int at)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "agent"};
    auto_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(!bind(listener, (struct sockaddr *)&un, sizeof(un)) && !listen(listener, 4));
    pid_t pid = fork();
    if (pid == 0)
        serve(listener, harm, at);
    return pid;
}

static void attempt(const struct harm *harm, int at, const char *quiesce)
{
    struct hostile h = {.before = "disk0: a",
                        .turn = "blockdev-snapshot",
                        .then = "disk0: a <- a.s1",
                        .timeout = "10"};

    hostile_set(&h);
    pid_t agent = start(harm, at);
    struct hostile_end end = hostile_run(&h, "create", "s1", quiesce, "--freeze-timeout", "0.2",
                                         "--agent", "agent", NULL);
    /* the snapshot is there, or it was not taken, or this monitor, which merges nothing, does not
     * let it be taken back; nothing else */
    cr_expect(end.code == 0 || end.code == 1 || (end.code >= 4 && end.code <= 6), "%s (%d): %d %s",
              harm->what, at, end.code, end.err);
    cr_expect_eq(end.code == 0 || end.code == 5, !access("a.s1.qcow2", F_OK), "%s (%d): %s",
                 harm->what, at, end.err);
    hostile_end_done(&end);
    kill(agent, SIGKILL);
    waitpid(agent, NULL, 0);
}

Test(hostile_agent, does_no_harm)
{
    enum { ANSWERS = 6 }; /* sync, status, freeze, status, thaw, status */

    for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++)
        for (int at = 1; at <= ANSWERS; at++) {
            attempt(&harms[i], at, "--quiesce=try");
            attempt(&harms[i], at, "--quiesce=require");
        }
    hostile_tell("a guest agent that does harm");
}
