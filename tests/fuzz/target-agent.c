/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest agent that says whatever it likes: first to our synchronisation, then to three
 * calls. It never gets more than an answer's worth of memory, and nothing but an answer is
 * taken for one.
 */
#include <event2/event.h>
#include <jansson.h>

#include "qmp/agent.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

static void call(struct agent *a)
{
    struct qmp_error err = {0};
    json_t *value = agent_call(a, "guest-fsfreeze-status", NULL, 0, &err);

    fuzz_must((value != NULL) == (err.kind == QMP_ERR_NONE));
    fuzz_must(err.kind == QMP_ERR_NONE || err.kind == QMP_ERR_COMMAND || !agent_usable(a));
    json_decref(value);
}

void fuzz_agent(const uint8_t *bytes, size_t n)
{
    struct event_base *base = peer_loop();
    struct peer *p = peer_new(base, bytes, n);
    struct qmp_error err = {0};
    struct agent *a = agent_open(base, peer_address(p), false, 0, &err);

    fuzz_must(a || err.kind == QMP_ERR_CLOSED || err.kind == QMP_ERR_PROTOCOL);
    for (int i = 0; a && i < 3; i++)
        call(a);
    agent_close(a);
    peer_free(p);
    event_base_free(base);
}
