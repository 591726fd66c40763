/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pair: a client and the fake monitor that it talks to, for the suites of the client.
 *
 *     TestSuite(client, .init = pair_enter, .fini = pair_leave, .timeout = 60);
 *
 *     SCRIPT("> a", "= {}");
 *     pair_connect();
 *     pair_call("a");
 *     pair_hears("a={}");
 */
#ifndef TESTS_FAKE_MONITOR_PAIR_H
#define TESTS_FAKE_MONITOR_PAIR_H

#include "qmp/client.h"
#include "tests/fake-monitor/fake-monitor.h"

extern struct qmp_client *client;
extern struct fake *fake;

/* A client with a loop of its own. */
void pair_enter(void);
void pair_leave(void);

#define SCRIPT(...)                                                                                \
    fake = fake_script(qmp_client_base(client), "greet", "negotiate", __VA_ARGS__, NULL)
void pair_connect(void);

/* Call @name, and hear "NAME=VALUE", or "NAME!KIND" of the error. */
void pair_call(const char *name);
void pair_on_reply(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg);

/* Hears @arg and the event's name. */
void pair_on_event(struct qmp_client *c, const char *name, json_t *event, void *arg);

/* Run until just this has been heard, see heard.h. */
void pair_hears(const char *want);

/* A round or two of the loop, for what must not happen. */
void pair_run_a_little(void);

#endif
