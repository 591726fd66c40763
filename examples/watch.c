/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch: follow the events of any number of machines, on one libevent loop.
 *
 *   watch SOCKET...
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "qmp/client.h"

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    char *data = json_dumps(json_object_get(event, "data"), JSON_COMPACT);

    printf("%s: %s %s\n", (const char *)arg, name, data ? data : "");
    free(data);
}

static void on_status(struct qmp_client *c, json_t *ret, const struct qmp_error *err, void *arg)
{
    if (err)
        return;
    printf("%s: %s\n", (const char *)arg, json_string_value(json_object_get(ret, "status")));
}

/* Called once, also when the connection never came up. */
static void on_end(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
    fprintf(stderr, "%s: %s\n", (const char *)arg, err->desc);
    if (err->kind != QMP_ERR_CANCELLED)
        qmp_client_free(c); /* fine inside of a callback; the loop ends with its last client */
}

static void on_ready(struct qmp_client *c, const struct qmp_error *err, void *arg)
{
    if (err)
        return;
    int version = qmp_client_version(c);
    printf("%s: QEMU %d.%d, process %d\n", (const char *)arg, version / 10000, version / 100 % 100,
           (int)qmp_client_peer(c));
}

int main(int argc, char **argv)
{
    struct event_base *loop = event_base_new();
    struct qmp_error err;

    for (int i = 1; i < argc; i++) {
        struct qmp_client *c = qmp_client_new(loop, NULL);

        qmp_client_subscribe(c, NULL, on_event, argv[i]);
        qmp_client_on_end(c, on_end, argv[i]);
        if (qmp_client_connect(c, argv[i], 5000, on_ready, argv[i], &err)) {
            fprintf(stderr, "%s: %s\n", argv[i], err.desc);
            return 2;
        }
        /* leaves together with the negotiation, in one write */
        qmp_client_call(c, "query-status", NULL, 0, on_status, argv[i]);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    event_base_dispatch(loop);
    event_base_free(loop);
    return 0;
}
