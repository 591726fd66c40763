/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-session: the protocol as dialogues, no socket.
 *
 *     +NAME [ARGS]   make a call; the first is number 1, the second 2, ...
 *     *NAME [ARGS]   the same, out of band
 *     -N             forget call N
 *     <BYTES         bytes from the peer
 *     >BYTES         what goes to the peer now, all of it, newlines written as ";"
 *     =ITEMS         the items that come out, parted by ", "
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "qmp/session.h"

#define GREET "<{\"QMP\":{\"version\":{},\"capabilities\":[\"oob\"]}}"
#define CAPS "{\"execute\":\"qmp_capabilities\",\"id\":0};"

/* clang-format off */
static const struct dialogue {
    const char *what;
    bool oob;
    const char *steps[24];
} dialogues[] = {
    {"greeting, negotiation, ready", false, {
        ">", GREET, "=nothing", ">" CAPS, ">", "<{\"return\":{},\"id\":0}", "=ready", ">"}},
    {"a call and its answer", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready",
        "+query-status", ">{\"execute\":\"query-status\",\"id\":0};",
        "<{\"id\":0,\"return\":{\"running\":true}}", "=1:{\"running\":true}"}},
    {"arguments are compact, empty ones are left out", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready",
        "+a {\"x\": [1, 2], \"y\": {}}", "+b {}",
        ">{\"execute\":\"a\",\"arguments\":{\"x\":[1,2],\"y\":{}},\"id\":0};{\"execute\":\"b\",\"id\":1};"}},
    {"a command's name is quoted", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready",
        "+a\"\\b", ">{\"execute\":\"a\\\"\\\\b\",\"id\":0};"}},
    {"calls wait for the greeting and leave with the negotiation, behind it", false, {
        "+a", "+b", ">", GREET, "=nothing",
        ">{\"execute\":\"qmp_capabilities\",\"id\":2};{\"execute\":\"a\",\"id\":0};{\"execute\":\"b\",\"id\":1};",
        "<{\"return\":{},\"id\":2}{\"return\":1,\"id\":0}{\"return\":2,\"id\":1}", "=ready, 1:1, 2:2"}},
    {"calls in the middle of the negotiation leave at once", false, {
        GREET, "=nothing", ">" CAPS, "+a", ">{\"execute\":\"a\",\"id\":1};",
        "<{\"return\":{},\"id\":0}{\"return\":1,\"id\":1}", "=ready, 1:1"}},
    {"events anywhere", false, {
        "<{\"event\":\"STOP\"}", "=event STOP", GREET, "=nothing", ">" CAPS, "<{\"event\":\"RESUME\"}", "=event RESUME",
        "<{\"return\":{},\"id\":0}", "=ready", "+a", ">{\"execute\":\"a\",\"id\":0};",
        "<{\"event\":\"X\",\"data\":{\"return\":1,\"error\":2}}{\"return\":1,\"id\":0}{\"event\":\"Y\"}", "=event X, 1:1, event Y"}},
    {"answers in another order", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready", "+a", "+b", "+c",
        ">{\"execute\":\"a\",\"id\":0};{\"execute\":\"b\",\"id\":1};{\"execute\":\"c\",\"id\":2};",
        "<{\"return\":3,\"id\":2}{\"return\":1,\"id\":0}", "=3:3, 1:1", "<{\"return\":2,\"id\":1}", "=2:2"}},
    {"an error is an answer", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready", "+a", ">{\"execute\":\"a\",\"id\":0};",
        "<{\"error\":{\"class\":\"DeviceNotFound\",\"desc\":\"no vda\"},\"id\":0}", "=1!no vda (DeviceNotFound)"}},
    {"an error without words", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready", "+a", ">{\"execute\":\"a\",\"id\":0};",
        "<{\"error\":7,\"id\":0}", "=1!an error without words (GenericError)"}},
    {"ids that nobody has are dropped", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready",
        "<{\"return\":1,\"id\":0}", "=nothing", "<{\"return\":1,\"id\":-1}", "=nothing", "<{\"return\":1,\"id\":4000000000}", "=nothing",
        "<{\"return\":1,\"id\":\"x\"}", "=nothing", "<{\"return\":1}", "=nothing", "<{\"return\":1,\"id\":0.5}", "=nothing",
        "<{\"error\":{},\"id\":3}", "=nothing", "<{\"something\":\"new\"}", "=nothing"}},
    {"the late answer to a forgotten call is dropped, its id is not used before", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready", "+a", ">{\"execute\":\"a\",\"id\":0};", "-1",
        "+b", ">{\"execute\":\"b\",\"id\":1};", "<{\"return\":1,\"id\":0}", "=nothing", "<{\"return\":2,\"id\":1}", "=2:2",
        "+c", ">{\"execute\":\"c\",\"id\":1};", "+d", ">{\"execute\":\"d\",\"id\":0};"}},
    {"a huge integer in an answer does not lose it", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready", "+a", "+b", ">{\"execute\":\"a\",\"id\":0};{\"execute\":\"b\",\"id\":1};",
        "<{\"return\":18446744073709551615,\"id\":1}", "=2:1.8446744073709552e19"}},
    {"an error without id ends the session", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready", "+a", ">{\"execute\":\"a\",\"id\":0};",
        "<{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse error\"}}{\"return\":1,\"id\":0}",
        "=broken QEMU could not read what was sent: JSON parse error (GenericError)",
        "=broken QEMU could not read what was sent: JSON parse error (GenericError)"}},
    {"what a client before us left unread, before the greeting, does not matter", false, {
        "<{\"error\":{\"class\":\"GenericError\",\"desc\":\"x\"}}{\"return\":{},\"id\":0}", "=nothing, nothing",
        GREET, "=nothing", ">" CAPS}},
    {"the answer to a client before us, after the greeting, is not ours", false, {
        "+a", GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":1};{\"execute\":\"a\",\"id\":0};",
        "<{\"return\":7,\"id\":0}{\"return\":{},\"id\":1}{\"return\":1,\"id\":0}", "=nothing, ready, 1:1"}},
    {"JSON, but no QMP", false, {"<{\"jsonrpc\":\"2.0\"}", "=broken what answers sends JSON, but no QMP greeting"}},
    {"a greeting that is none", false, {"<{\"QMP\":1}", "=broken a greeting without an object in it"}},
    {"no JSON", false, {"<SSH-2.0", "=broken not a JSON object: \"SSH-2.0\""}},
    {"an event without a name", false, {"<{\"event\":1}", "=broken an event whose name is not a string"}},
    {"the negotiation is refused", false, {
        GREET, "=nothing", ">" CAPS, "<{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":0}",
        "=broken qmp_capabilities: no (GenericError)"}},
    {"a second greeting: negotiate again; the first answer counts", false, {
        GREET, "=nothing", ">" CAPS, GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":1};",
        "<{\"return\":{},\"id\":0}", "=ready",
        "<{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"already complete\"},\"id\":1}", "=nothing"}},
    {"a second greeting: the first negotiation was lost", false, {
        GREET, "=nothing", ">" CAPS, GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":1};",
        "<{\"return\":{},\"id\":1}", "=ready", "+a", ">{\"execute\":\"a\",\"id\":1};", "<{\"return\":1,\"id\":1}", "=1:1"}},
    {"a second greeting: the first negotiation is refused, the second is not", false, {
        GREET, "=nothing", ">" CAPS, GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":1};",
        "<{\"error\":{},\"id\":0}", "=nothing", "<{\"return\":{},\"id\":1}", "=ready"}},
    {"a second greeting in the same breath, calls waiting", false, {
        "+a", GREET "{\"QMP\":{}}", "=nothing, nothing",
        ">{\"execute\":\"qmp_capabilities\",\"id\":1};{\"execute\":\"a\",\"id\":0};{\"execute\":\"qmp_capabilities\",\"id\":2};",
        "<{\"return\":{},\"id\":1}{\"return\":1,\"id\":0}{\"error\":{},\"id\":2}", "=ready, 1:1, nothing"}},
    {"a second greeting while calls were on their way and are lost", false, {
        "+a", GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":1};{\"execute\":\"a\",\"id\":0};",
        GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":2};", "<{\"return\":{},\"id\":2}",
        "=broken the monitor began again while commands were on their way to it; their outcome is unknown"}},
    {"a second greeting while calls were on their way and are refused", false, {
        "+a", GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":1};{\"execute\":\"a\",\"id\":0};",
        GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"id\":2};", "<{\"error\":{},\"id\":0}",
        "=broken the monitor began again while commands were on their way to it; their outcome is unknown"}},
    {"greetings without end", false, {
        GREET "{\"QMP\":{}}{\"QMP\":{}}{\"QMP\":{}}",
        "=nothing, nothing, nothing, broken the monitor began again in the middle of the session"}},
    {"a greeting in the middle of the session", false, {
        GREET, "=nothing", ">" CAPS, "<{\"return\":{},\"id\":0}", "=ready", GREET,
        "=broken the monitor began again in the middle of the session"}},
    {"out of band, where wanted and offered", true, {
        GREET, "=nothing", ">{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]},\"id\":0};",
        "<{\"return\":{},\"id\":0}", "=ready", "*yank", ">{\"exec-oob\":\"yank\",\"id\":0};"}},
    {"out of band, not offered", true, {"<{\"QMP\":{\"capabilities\":[1,{}]}}", "=nothing", ">" CAPS}},
};
/* clang-format on */

static char *add(char *list, char *item)
{
    char *joined = mem_printf("%s%s%s", list, *list ? ", " : "", item);

    free(list);
    free(item);
    return joined;
}

static char *describe(const struct session_item *item)
{
    struct qmp_error err;
    char text[600];

    switch (item->kind) {
    case SESSION_ITEM_READY:
        return mem_strdup("ready");
    case SESSION_ITEM_EVENT:
        return mem_printf("event %s", item->name);
    case SESSION_ITEM_REPLY:
        if (item->error) {
            session_error(item->error, &err);
            return mem_printf("%d!%s", (int)(intptr_t)item->call,
                              qmp_error_text(&err, text, sizeof(text)));
        } else {
            auto_free char *ret = json_dumps(item->ret, JSON_COMPACT | JSON_ENCODE_ANY);

            return mem_printf("%d:%s", (int)(intptr_t)item->call, ret);
        }
    case SESSION_ITEM_NOTHING:
        break;
    }
    return mem_strdup("nothing");
}

static char *items(struct session *s)
{
    char *list = mem_strdup(""), text[600];
    struct session_item item;
    struct qmp_error err;
    int rc;

    while ((rc = session_next(s, &item, &err)) > 0) {
        list = add(list, describe(&item));
        json_decref(item.message);
    }
    if (rc < 0)
        list = add(list, mem_printf("broken %s", qmp_error_text(&err, text, sizeof(text))));
    return list;
}

static char *output(struct session *s)
{
    const char *bytes;
    int fd;
    size_t n = session_output(s, &bytes, &fd);
    char *text = mem_printf("%.*s", (int)n, bytes ? bytes : "");

    session_sent(s, n);
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ';';
    return text;
}

static void feed(struct session *s, const char *bytes, size_t n)
{
    reader_feed(&s->reader, bytes, n);
}

static int call(struct session *s, const char *step, int number)
{
    const char *space = strchr(step, ' ');
    auto_free char *name = strndup(step + 1, strcspn(step + 1, " "));
    json_auto_t *args = space ? json_loads(space, 0, NULL) : NULL;
    int id = session_call(s, name, args, *step == '*', -1, (void *)(intptr_t)number, NULL);

    cr_assert_geq(id, 0);
    return id;
}

static void play(const struct dialogue *d)
{
    struct session s;
    int ids[24], n = 0;

    session_init(&s, 0, 0, d->oob);
    for (const char *const *step = d->steps; *step; step++) {
        auto_free char *got = NULL;

        switch (**step) {
        case '+':
        case '*':
            ids[n] = call(&s, *step, n + 1);
            n++;
            break;
        case '-':
            session_forget(&s, ids[atoi(*step + 1) - 1]);
            break;
        case '<':
            feed(&s, *step + 1, strlen(*step + 1));
            break;
        case '>':
            got = output(&s);
            cr_expect_str_eq(got, *step + 1, "%s: sent %s, not %s", d->what, got, *step + 1);
            break;
        case '=':
            got = items(&s);
            cr_expect_str_eq(got, *step + 1, "%s: got %s, not %s", d->what, got, *step + 1);
            break;
        }
    }
    session_done(&s);
}

Test(session, dialogues)
{
    for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++)
        play(&dialogues[i]);
}

static void feed_greeting(struct session *s)
{
    static const char step[] = GREET;

    feed(s, &step[1], sizeof(step) - 2);
}

/* A session that is ready, with nothing in flight. */
static void make_ready(struct session *s)
{
    session_init(s, 0, 0, false);
    feed_greeting(s);
    free(items(s));
    free(output(s));
    feed(s, "{\"return\":{},\"id\":0}", 20);
    free(items(s));
    cr_assert_eq(s->state, SESSION_READY);
}

Test(session, a_thousand_calls_in_flight_and_answered_backwards)
{
    struct session s;
    struct session_item item;
    char text[64];

    make_ready(&s);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(session_call(&s, "a", NULL, false, -1, (void *)(intptr_t)(i + 1), NULL), i);
    for (int i = 999; i >= 0; i--) {
        feed(&s, text, (size_t)snprintf(text, sizeof(text), "{\"return\":{},\"id\":%d}", i));
        cr_assert_eq(session_next(&s, &item, NULL), 1);
        cr_assert_eq((intptr_t)item.call, i + 1);
        json_decref(item.message);
    }
    cr_expect_eq(session_call(&s, "a", NULL, false, -1, &s, NULL), 0, "ids stay small");
    cr_expect_eq(s.dropped, 0);
    session_done(&s);
}

Test(session, dropped_messages_are_counted)
{
    struct session s;

    make_ready(&s);
    session_forget(&s, session_call(&s, "a", NULL, false, -1, &s, NULL));
    feed(&s, "{\"return\":{},\"id\":0}{\"return\":{},\"id\":77}{\"x\":1}", 49);
    free(items(&s));
    cr_expect_eq(s.dropped, 3);
    session_done(&s);
}

Test(session, bad_calls_are_refused_and_leave_no_trace)
{
    struct session s;
    struct qmp_error err;
    json_auto_t *array = json_array();

    make_ready(&s);
    cr_expect_eq(session_call(&s, "a", array, false, -1, &s, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
    cr_expect_eq(session_call(&s, "a", NULL, true, -1, &s, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
    cr_expect_eq(session_call(&s, "\xff", NULL, false, -1, &s, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_USAGE);
    cr_expect_eq(session_call(&s, "a", NULL, false, -1, &s, &err), 0, "no id was lost");
    auto_free char *out = output(&s);
    cr_expect_str_eq(out, "{\"execute\":\"a\",\"id\":0};");
    session_done(&s);
}

static void expect_output(struct session *s, const char *want, int want_fd, size_t take)
{
    const char *bytes;
    int fd;
    size_t n = session_output(s, &bytes, &fd);

    cr_assert_eq(n, strlen(want), "%.*s", (int)n, bytes);
    cr_expect_arr_eq(bytes, want, n);
    cr_expect_eq(fd, want_fd);
    session_sent(s, take);
}

Test(session, a_descriptor_travels_with_exactly_its_command)
{
    struct session s;
    const char *bytes;
    int fd;

    session_init(&s, 0, 0, false);
    session_call(&s, "a", NULL, false, -1, &s, NULL);
    session_call(&s, "getfd", NULL, false, 7, &s, NULL);
    session_call(&s, "getfd", NULL, false, 8, &s, NULL);
    session_call(&s, "b", NULL, false, -1, &s, NULL);
    cr_expect_eq(session_output(&s, &bytes, &fd), 0, "nothing before the greeting");
    feed_greeting(&s);
    free(items(&s));
    expect_output(&s, "{\"execute\":\"qmp_capabilities\",\"id\":4}\n{\"execute\":\"a\",\"id\":0}\n",
                  -1, 60);
    expect_output(&s, "\n", -1, 1);
    expect_output(&s, "{\"execute\":\"getfd\",\"id\":1}\n", 7, 0);
    expect_output(&s, "{\"execute\":\"getfd\",\"id\":1}\n", 7, 26);
    expect_output(&s, "\n", -1, 1);
    expect_output(&s, "{\"execute\":\"getfd\",\"id\":2}\n", 8, 27);
    expect_output(&s, "{\"execute\":\"b\",\"id\":3}\n", -1, 23);
    cr_expect_eq(session_unsent_fd(&s), -1);
    session_done(&s);
}

Test(session, descriptors_that_were_not_sent_can_be_taken_out)
{
    struct session s;

    session_init(&s, 0, 0, false);
    session_call(&s, "a", NULL, false, 7, &s, NULL);
    session_call(&s, "a", NULL, false, 8, &s, NULL);
    cr_expect_eq(session_unsent_fd(&s), 7);
    cr_expect_eq(session_unsent_fd(&s), 8);
    cr_expect_eq(session_unsent_fd(&s), -1);
    session_done(&s);
}

Test(session, a_peer_that_is_always_a_little_late_does_not_cost_memory)
{
    struct session s;
    const char *bytes;
    int fd;
    char text[64];

    make_ready(&s);
    session_call(&s, "query-status", NULL, false, -1, &s, NULL);
    for (int i = 0; i < 10000; i++) {
        int id = session_call(&s, "query-status", NULL, false, i % 3 ? -1 : 5, &s, NULL);
        size_t n = strlen("{'execute':'query-status','id':0};");

        /* the descriptor's boundary may come earlier */
        while (n > 0) {
            size_t part = session_output(&s, &bytes, &fd);

            part = part < n ? part : n;
            session_sent(&s, part);
            n -= part;
        }
        feed(&s, text, (size_t)snprintf(text, sizeof(text), "{\"return\":{},\"id\":%d}", id));
        free(items(&s));
    }
    cr_expect_leq(s.out_size, 1024);
    session_done(&s);
}
