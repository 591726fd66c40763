/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pair: see pair.h. */
#include "tests/fake-monitor/pair.h"

#include <criterion/criterion.h>

#include "qmp/mem.h"
#include "tests/fake-monitor/heard.h"

struct qmp_client *client;
struct fake *fake;

void pair_enter(void)
{
    client = qmp_client_new(NULL, NULL);
}

void pair_leave(void)
{
    fake_free(fake);
    qmp_client_free(client);
    heard_forget();
}

void pair_connect(void)
{
    struct qmp_error err;

    cr_assert_eq(qmp_connect(client, fake_address(fake), 5000, &err), 0, "%s", err.desc);
}

void pair_on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    auto_free char *text = ret ? json_dumps(ret, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    cr_expect_neq(!ret, !err, "exactly one of the two");
    if (ret)
        hear("%s=%s", (char *)arg, text);
    else
        hear("%s!%s", (char *)arg, qmp_error_kind_name(err->kind));
}

void pair_call(const char *name)
{
    qmp_client_call(client, name, NULL, 0, pair_on_reply, (void *)name);
}

void pair_on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    cr_expect_str_eq(json_string_value(json_object_get(event, "event")), name);
    hear("%s%s", (char *)arg, name);
}

void pair_hears(const char *want)
{
    heard_becomes(qmp_client_base(client), want);
}

static bool never(void *arg)
{
    return false;
}

void pair_run_a_little(void)
{
    struct qmp_error err;

    cr_assert_eq(qmp_client_run(client, never, NULL, 20, &err), -1);
}
