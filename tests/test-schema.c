/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-schema: a schema as a value, and how it is asked for. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/client.h"
#include "qmp/mem.h"
#include "qmp/schema.h"
#include "tests/fake-monitor/fake-monitor.h"
#include "tests/fake-monitor/heard.h"
#include "tests/quoted/quoted.h"

/* clang-format off */
static const char text[] =
"[{'name':'commit','meta-type':'command','arg-type':'1','ret-type':'0'},"
" {'name':'none','meta-type':'command','arg-type':'0','ret-type':'0','features':['deprecated','unstable']},"
" {'name':'listing','meta-type':'command','arg-type':'2','ret-type':'0'},"
" {'name':'loop','meta-type':'command','arg-type':'8','ret-type':'0'},"
" {'name':'bad','meta-type':'command','ret-type':'0'},"
" {'name':'0','meta-type':'object','members':[]},"
" {'name':'1','meta-type':'object','members':["
"   {'name':'device','type':'str'},"
"   {'name':'base','type':'str','default':null,'features':['deprecated']},"
"   {'name':'mode','type':'3','default':null},"
"   {'name':'old','type':'4'}]},"
" {'name':'str','meta-type':'builtin','json-type':'string'},"
" {'name':'3','meta-type':'enum','values':['x','y'],'members':[{'name':'x'},{'name':'y','features':['unstable']}]},"
" {'name':'4','meta-type':'enum','values':['p','q']},"
" {'name':'2','meta-type':'object','members':[{'name':'options','type':'[5]'}]},"
" {'name':'[5]','meta-type':'array','element-type':'5'},"
" {'name':'5','meta-type':'object','members':[{'name':'driver','type':'3'},{'name':'file','type':'6','default':null}],"
"   'tag':'driver','variants':[{'case':'x','type':'7'},{'case':'y','type':'0'}]},"
" {'name':'6','meta-type':'alternate','members':[{'type':'str'},{'type':'5'}]},"
" {'name':'7','meta-type':'object','members':[{'name':'extra','type':'[3]'},{'name':'backing','type':'6'}]},"
" {'name':'[3]','meta-type':'array','element-type':'3'},"
" {'name':'8','meta-type':'object','members':[],'tag':'t','variants':[{'case':'a','type':'8'},{'case':'b','type':'8'}]},"
" {'name':'EVENT','meta-type':'event','arg-type':'1'}]";

static const struct {
    const char *command, *argument, *value;
    bool has, required, deprecated, unstable;
} table[] = {
    {"commit",  NULL,                         NULL,   true,  true,  false, false},
    {"none",    NULL,                         NULL,   true,  true,  true,  true},
    {"nope",    NULL,                         NULL,   false, false, false, false},
    {"EVENT",   NULL,                         NULL,   false, false, false, false},
    {"1",       NULL,                         NULL,   false, false, false, false},
    {"commit",  "device",                     NULL,   true,  true,  false, false},
    {"commit",  "base",                       NULL,   true,  false, true,  false},
    {"commit",  "bas",                        NULL,   false, false, false, false},
    {"commit",  "base.x",                     NULL,   false, false, false, false},
    {"commit",  "",                           NULL,   false, false, false, false},
    {"commit",  "mode",                       "x",    true,  false, false, false},
    {"commit",  "mode",                       "y",    true,  false, false, true},
    {"commit",  "mode",                       "z",    false, false, false, false},
    {"commit",  "old",                        "q",    true,  true,  false, false},
    {"commit",  "old",                        "r",    false, true,  false, false},
    {"commit",  "device",                     "x",    false, true,  false, false},
    {"none",    "device",                     NULL,   false, false, false, false},
    {"nope",    "device",                     NULL,   false, false, false, false},
    {"bad",     "device",                     NULL,   false, false, false, false},
    {"listing", "options",                    NULL,   true,  true,  false, false},
    {"listing", "options.driver",             "y",    true,  true,  false, true},
    {"listing", "options.file",               NULL,   true,  false, false, false},
    {"listing", "options.extra",              "x",    true,  true,  false, false},
    {"listing", "options.file.extra",         NULL,   true,  true,  false, false},
    {"listing", "options.backing.file.driver", "x",   true,  true,  false, false},
    {"listing", "options.backing.nope",       NULL,   false, false, false, false},
    {"loop",    "a.b",                        NULL,   false, false, false, false},
};
/* clang-format on */

Test(schema, questions_about_commands_arguments_and_values)
{
    json_auto_t *json = quoted(text);
    struct qmp_schema *s = qmp_schema_new(json, NULL);

    cr_assert(s);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *c = table[i].command, *a = table[i].argument, *v = table[i].value;

        cr_expect_eq(qmp_schema_has(s, c, a, v), table[i].has, "has %s %s %s", c, a, v);
        cr_expect_eq(qmp_schema_requires(s, c, a), table[i].required, "requires %s %s", c, a);
        cr_expect_eq(qmp_schema_has_feature(s, c, a, v, "deprecated"), table[i].deprecated,
                     "deprecated %s %s %s", c, a, v);
        cr_expect_eq(qmp_schema_has_feature(s, c, a, v, "unstable"), table[i].unstable,
                     "unstable %s %s %s", c, a, v);
    }
    qmp_schema_free(s);
    qmp_schema_free(NULL);
}

Test(schema, what_is_no_schema_is_refused)
{
    static const char *const bad[] = {"{}", "[1]", "[{\"name\": \"x\"}]",
                                      "[{\"meta-type\": \"enum\"}]"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_auto_t *json = json_loads(bad[i], 0, NULL);
        struct qmp_error err;

        cr_expect_null(qmp_schema_new(json, &err));
        cr_expect_eq(err.kind, QMP_ERR_PROTOCOL);
    }
}

/* ---- asking ---- */

static struct event_base *base;
static struct qmp_client *client;
static struct fake *fake;
static struct qmp_error err;

static const char *answer(const char *command, json_t *args, void *arg)
{
    static char *lines;

    if (!strcmp(command, "query-commands"))
        return "= [{\"name\": \"stop\"}, {\"name\": \"cont\"}]";
    if (strcmp(command, "query-qmp-schema") != 0)
        return NULL;
    json_auto_t *json = quoted(text);
    auto_free char *dump = json_dumps(json, 0);
    free(lines);
    return lines = mem_printf("= %s", dump);
}

static void setup(void)
{
    base = event_base_new();
    client = qmp_client_new(base, NULL);
    fake = fake_dispatch(base, NULL);
    fake_answer_with(fake, answer, NULL);
    cr_assert_eq(qmp_connect(client, fake_address(fake), 5000, &err), 0);
}

static void teardown(void)
{
    fake_free(fake);
    qmp_client_free(client);
    event_base_free(base);
    heard_forget();
}

TestSuite(fetch, .init = setup, .fini = teardown, .timeout = 60);

static void on_schema(struct qmp_client *c, const struct qmp_schema *s, const struct qmp_error *why,
                      void *arg)
{
    cr_expect_neq(!s, !why);
    hear("%s %s", (char *)arg, s ? "schema" : qmp_error_kind_name(why->kind));
}

static void on_has(struct qmp_client *c, bool has, const struct qmp_error *why, void *arg)
{
    hear("%s %s", (char *)arg, why ? qmp_error_kind_name(why->kind) : has ? "yes" : "no");
}

static void on_schema_free(struct qmp_client *c, const struct qmp_schema *s,
                           const struct qmp_error *why, void *arg)
{
    hear("%s %s", (char *)arg, s ? "schema" : qmp_error_kind_name(why->kind));
    qmp_client_free(c);
    client = NULL;
    cr_expect(qmp_schema_has(s, "commit", NULL, NULL), "it stays until the callback returns");
}

static void expect_heard(const char *want)
{
    heard_becomes(base, want);
}

Test(fetch, each_question_is_asked_once_whoever_asks)
{
    qmp_schema_fetch(client, 0, on_schema, (void *)"1");
    qmp_client_has_command(client, "stop", 0, on_has, (void *)"2");
    qmp_schema_fetch(client, 0, on_schema, (void *)"3");
    qmp_client_has_command(client, "nope", 0, on_has, (void *)"4");
    expect_heard("1 schema;3 schema;2 yes;4 no;");
    qmp_schema_fetch(client, 0, on_schema, (void *)"5");
    qmp_client_has_command(client, "cont", 0, on_has, (void *)"6");
    heard_is("1 schema;3 schema;2 yes;4 no;");
    expect_heard("1 schema;3 schema;2 yes;4 no;5 schema;6 yes;");
    cr_expect(qmp_schema(client, 0, &err));
    cr_expect_eq(qmp_has_command(client, "stop", 0, &err), 1);
    cr_expect_str_eq(fake_log(fake), "query-qmp-schema\nquery-commands\n");
}

Test(fetch, waiting_for_the_answer)
{
    cr_expect_eq(qmp_has_command(client, "nope", 5000, &err), 0);
    cr_expect_eq(qmp_has_command(client, "stop", 5000, &err), 1);
    const struct qmp_schema *s = qmp_schema(client, 5000, &err);
    cr_assert(s);
    cr_expect(qmp_schema_has(s, "commit", "mode", "x"));
    cr_expect_eq(qmp_schema(client, 5000, &err), s);
}

static const char *be_odd(const char *command, json_t *args, void *arg)
{
    return *(const char *const *)arg;
}

Test(fetch, after_a_failure_it_is_asked_again)
{
    const char *lines = "! GenericError no";

    fake_answer_with(fake, be_odd, &lines);
    cr_expect_null(qmp_schema(client, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_COMMAND);
    cr_expect_str_eq(err.context, "query-qmp-schema");
    cr_expect_eq(qmp_has_command(client, "stop", 0, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_COMMAND);
    lines = "= 5";
    cr_expect_null(qmp_schema(client, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_PROTOCOL);
    cr_expect_eq(qmp_has_command(client, "stop", 0, &err), 0);
    fake_answer_with(fake, answer, NULL);
    cr_expect(qmp_schema(client, 0, &err));
}

Test(fetch, a_timeout_is_told_and_the_late_answer_dropped)
{
    const char *lines = "@ NOTHING";

    fake_answer_with(fake, be_odd, &lines);
    cr_expect_null(qmp_schema(client, 5, &err));
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
    cr_expect_eq(qmp_has_command(client, "stop", 5, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_TIMEOUT);
}

Test(fetch, freeing_the_client_tells_all_who_wait)
{
    qmp_schema_fetch(client, 0, on_schema, (void *)"1");
    qmp_client_has_command(client, "stop", 0, on_has, (void *)"2");
    qmp_client_free(client);
    client = NULL;
    heard_is("1 cancelled;2 cancelled;");
}

Test(fetch, freeing_inside_of_the_answer)
{
    qmp_schema_fetch(client, 0, on_schema_free, (void *)"1");
    qmp_schema_fetch(client, 0, on_schema, (void *)"2");
    expect_heard("1 schema;2 cancelled;");
}

static void stop_loop(evutil_socket_t fd, short what, void *arg)
{
    event_base_loopbreak(base);
}

Test(fetch, an_interrupted_wait_leaves_nothing_behind)
{
    const char *lines = "@ NOTHING";
    struct timeval soon = {.tv_usec = 1000};
    struct event *stop = evtimer_new(base, stop_loop, NULL);

    fake_answer_with(fake, be_odd, &lines);
    evtimer_add(stop, &soon);
    cr_expect_null(qmp_schema(client, 0, &err));
    cr_expect_eq(err.kind, QMP_ERR_CANCELLED);
    evtimer_add(stop, &soon);
    cr_expect_eq(qmp_has_command(client, "stop", 0, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_CANCELLED);
    event_free(stop);
}
