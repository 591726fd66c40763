/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real program against a monitor that says things in ways that QEMU never would. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/hostile/hostile.h"

TestSuite(hostile, .init = hostile_enter, .fini = hostile_leave);

#define PICTURE "disk0: a*s1 <- b"

/* ---- ways to say it ---- */

static void by_bytes(int fd, const char *message, const struct hostile *h)
{
    for (; *message; message++)
        hostile_send(fd, message, 1);
}

static void twice(int fd, const char *message, const struct hostile *h)
{
    hostile_send(fd, message, strlen(message));
    hostile_send(fd, message, strlen(message));
}

static void after_text(int fd, const char *message, const struct hostile *h)
{
    hostile_send(fd, h->text, strlen(h->text));
    hostile_send(fd, message, strlen(message));
}

static void only_text(int fd, const char *message, const struct hostile *h)
{
    hostile_send(fd, h->text, strlen(h->text));
}

static void nul_bytes(int fd, const char *message, const struct hostile *h)
{
    static const char nothing[64];

    hostile_send(fd, nothing, sizeof(nothing));
    hostile_send(fd, message, strlen(message));
}

/* @text again and again, @n times. */
static void repeat(int fd, const char *text, size_t n)
{
    char many[65536];
    size_t len = strlen(text), fit = sizeof(many) / len;

    for (size_t i = 0; i < fit; i++)
        memcpy(many + i * len, text, len);
    for (; n; n -= n < fit ? n : fit)
        hostile_send(fd, many, (n < fit ? n : fit) * len);
}

static void gigabyte(int fd, const char *message, const struct hostile *h)
{
    hostile_send(fd, h->text, strlen(h->text));
    repeat(fd, "a", (size_t)1 << 30);
    hostile_send(fd, "\"}\r\n", 4);
}

static void gigabyte_of_text(int fd, const char *message, const struct hostile *h)
{
    repeat(fd, h->text, ((size_t)1 << 30) / strlen(h->text));
    hostile_send(fd, message, strlen(message));
}

static void nested(int fd, const char *message, const struct hostile *h)
{
    hostile_send(fd, "{\"return\":", 10);
    repeat(fd, h->text, 1000000);
    hostile_send(fd, "\r\n", 2);
}

static const char event[] = "{\"timestamp\":{\"seconds\":1,\"microseconds\":2},\"event\":"
                            "\"BLOCK_JOB_READY\",\"data\":{\"device\":\"qrw-commit-disk0\"}}\r\n";

static void flood(int fd, const char *message, const struct hostile *h)
{
    repeat(fd, event, 200000);
    hostile_send(fd, message, strlen(message));
}

static void endless_flood(int fd, const char *message, const struct hostile *h)
{
    for (;;)
        repeat(fd, event, 1000);
}

/* The message with another id. */
static void other_id(int fd, const char *message, const struct hostile *h)
{
    json_auto_t *m = json_loads(message, 0, NULL);
    json_t *id = json_loads(h->text, JSON_DECODE_ANY, NULL);

    if (id)
        json_object_set_new(m, "id", id);
    else
        json_object_del(m, "id");
    auto_free char *text = json_dumps(m, 0);
    hostile_send(fd, text, strlen(text));
    hostile_send(fd, "\n", 1);
}

static void silence(int fd, const char *message, const struct hostile *h)
{
}

/* ---- what must come of it ---- */

/* Run @verb and expect success, or a failure with @words. */
static void expect(struct hostile *h, const char *verb, int code, const char *words)
{
    hostile_set(h);
    struct hostile_end end = hostile_run(h, verb, NULL);
    cr_expect_eq(end.code, code, "%s: %d: %s", verb, end.code, end.err);
    cr_expect(!words || strstr(end.err, words), "'%s' is not in: %s", words, end.err);
    hostile_end_done(&end);
}

static void refuse(struct hostile *h, const char *verb)
{
    hostile_set(h);
    struct hostile_end end = hostile_run(h, verb, NULL);
    cr_expect(end.code && end.code != 5, "%s: %d: %s", verb, end.code, end.err);
    hostile_end_done(&end);
}

Test(hostile, whatever_says_the_truth_is_understood)
{
    static hostile_twist_fn *const ways[] = {NULL, by_bytes, twice, flood};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct hostile h = {.before = PICTURE, .twist = ways[i], .timeout = "20"};

        /* two greetings are a monitor that began again: everything is said again */
        h.at = ways[i] == twice || ways[i] == flood ? 3 : 0;
        expect(&h, "list", 0, NULL);
        expect(&h, "chain", 0, NULL);
        expect(&h, "jobs", 0, NULL);
    }
    hostile_tell("the truth, byte by byte, twice, in a flood");
}

Test(hostile, what_never_ends_is_ended)
{
    static const struct {
        hostile_twist_fn *twist;
        int at;
        const char *text, *words;
    } cases[] = {
        {gigabyte, 1, "{\"QMP\":{\"package\":\"", "a message is too long"},
        {gigabyte, 1, "", "not a JSON object"},
        {gigabyte, 3, "{\"return\":\"", "a message is too long"},
        {gigabyte, 3, "{\"", "a message is too long"},
        {gigabyte_of_text, 3, "{\"event\":\"X\",\"data\":[", "nested too deeply"},
        {nested, 3, "[", "nested too deeply"},
        {nested, 3, "{\"a\":", "nested too deeply"},
        {endless_flood, 3, NULL, "does not answer"},
        {endless_flood, 1, NULL, "does not answer"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hostile h = {.before = PICTURE,
                            .twist = cases[i].twist,
                            .at = cases[i].at,
                            .text = cases[i].text,
                            .timeout = cases[i].text ? "20" : "0.2"};

        expect(&h, "list", 4, cases[i].words);
    }
    hostile_tell("gigabytes, a million levels, endless floods");
}

Test(hostile, what_is_no_message_ends_the_session_with_words)
{
    static const char *const texts[] = {
        "\xff\xfe\x00",
        "HTTP/1.1 400 Bad Request\r\n",
        "QEMU 7.2.22 monitor\r\n(qemu) ",
        "]",
        "{}}",
        "{\"return\":\"\x1b]0;x\x07\"}",
        "{\"return\":}",
        "\"text\"\n",
        "{\"return\":1e999,\"id\":0}",
        "{\"error\":{\"class\":\"\\u001b[2J\",\"desc\":\"\\u009b2J\\u0007\"}}\r\n",
        "{\"error\":\"no object\",\"id\":0}",
        "{\"error\":null,\"id\":0}",
        "{\"event\":7}",
        "{\"event\":\"\\u001b[2J\"}",
        "{\"QMP\":{}}",
        "{\"QMP\":7}",
        "{\"QMP\":{}}{\"QMP\":{}}",
        "{\"return\":[{\"a\":\"\xc3\x28\"}],\"id\":0}",
        "{\"id\":0}",
        "[]",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hostile h = {.before = PICTURE, .twist = only_text, .text = texts[i]};

        for (h.at = 1; h.at <= 3; h.at++)
            refuse(&h, "list");
        h.twist = after_text;
        h.at = 3;
        hostile_try_all(&h);
    }
    hostile_tell("what is no message, at every place");
}

Test(hostile, nul_bytes_are_no_message)
{
    struct hostile h = {.before = PICTURE, .twist = nul_bytes, .timeout = "20"};

    expect(&h, "list", 4, "not a JSON object");
}

Test(hostile, ids_that_are_not_ours_answer_nothing)
{
    static const char *const ids[] = {"1000",
                                      "-1",
                                      "\"0\"",
                                      "0.5",
                                      "1e30",
                                      "null",
                                      "[]",
                                      "{}",
                                      "true",
                                      "",
                                      "0",
                                      "2",
                                      "18446744073709551616"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct hostile h = {.before = PICTURE, .twist = other_id, .text = ids[i], .at = 3};

        hostile_try_all(&h);
    }
    hostile_tell("ids that are not ours, at every place");
}

Test(hostile, replies_to_what_was_never_sent_are_passed_over)
{
    struct hostile h = {.before = PICTURE, .twist = after_text, .timeout = "20"};

    h.text = "{\"return\":[],\"id\":77}\r\n{\"return\":{\"status\":\"\\u001b[2J\"},\"id\":"
             "4000000000}\r\n"
             "{\"error\":{\"class\":\"X\",\"desc\":\"Y\"},\"id\":99}\r\n";
    h.at = 3;
    expect(&h, "list", 0, NULL);
    expect(&h, "chain", 0, NULL);
    h.at = 0;
    hostile_try_all(&h);
    hostile_tell("replies to what was never sent");
}

Test(hostile, silence_ends_at_the_deadline)
{
    for (int at = 1; at <= 12; at++) {
        struct hostile h = {.before = PICTURE, .twist = silence, .at = at};

        hostile_try_all(&h);
    }
    hostile_tell("silence at every step");
}
