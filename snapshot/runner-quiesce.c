/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runner-quiesce: the steps that freeze and thaw the guest. */
#include "snapshot/quiesce.h"

#include <string.h>

#include "qmp/mem.h"
#include "snapshot/error.h"
#include "snapshot/member.h"
#include "snapshot/runner.h"

/* How long one that may be frozen by a client that died is asked for it. */
#define LEFT_MS 2000

static int freeze(struct runner *r, struct plan *p, const json_t *step, struct qmp_error *err)
{
    struct quiesce_options o = {
        .agent = text(step, "agent"),
        .insecure = r->options && r->options->client.insecure,
        .mountpoints = json_object_get(step, "mountpoints"),
        .timeout_ms = (int)json_integer_value(json_object_get(step, "timeout_ms")),
    };
    struct qmp_error why;

    r->quiesce = quiesce_begin(qmp_client_base(r->client), r->stop, &o, &why);
    if (r->quiesce)
        return 0;
    if (why.kind == QMP_ERR_CANCELLED || json_is_true(json_object_get(step, "require"))) {
        if (err)
            *err = why;
        return qmp_error_wrap(err, "freeze");
    }
    plan_note(p, "not quiesced: %s%s%s", why.context, why.context[0] ? ": " : "", why.desc);
    return 0;
}

/* The record says from now on that the snapshot was taken while the guest was frozen. */
static void note_quiesced(struct plan *p)
{
    json_t *snapshot;
    size_t i;

    json_array_foreach(chain_snapshots(&p->after), i, snapshot)
        if (same(text(snapshot, "id"), p->token))
            json_object_set_new(snapshot, "quiesced", json_true());
    json_object_set_new(p->result, "quiesced", json_true());
}

static void tell(struct runner *r, const char *words)
{
    if (r->options && r->options->note)
        r->options->note(0, words, r->options->arg);
}

void runner_thaw(struct runner *r, struct plan *p, bool failed)
{
    struct quiesce *q = r->quiesce;
    struct qmp_error why;

    if (!q)
        return;
    r->quiesce = NULL;
    enum quiesce_outcome outcome = quiesce_end(q, &r->frozen_us, &why);
    if (outcome == QUIESCE_HELD && !failed)
        note_quiesced(p);
    if (outcome == QUIESCE_EXPIRED && !failed)
        plan_note(p,
                  "quiesce expired: the freeze ended before the snapshot was taken, or might "
                  "have (%s)",
                  why.desc);
    if (outcome == QUIESCE_STUCK) {
        auto_free char *words =
            mem_printf("the guest could not be thawed yet (%s): a process in the background "
                       "goes on trying for ten minutes",
                       why.desc);
        if (failed)
            tell(r, words);
        else
            plan_note(p, "%s", words);
    }
}

int runner_quiesce_step(struct runner *r, struct plan *p, const json_t *step, struct qmp_error *err)
{
    if (same(text(step, "step"), "freeze"))
        return freeze(r, p, step, err);
    runner_thaw(r, p, false);
    return 0;
}

static bool freezes(const struct plan *p)
{
    const json_t *step;
    size_t i;

    json_array_foreach(p->steps, i, step)
        if (same(text(step, "step"), "freeze"))
            return true;
    return false;
}

/* The agent is looked for again: what a journal names need not be a guest agent. */
void runner_thaw_left(struct runner *r, const struct plan *p)
{
    const char *given = r->options ? r->options->agent : NULL;
    bool insecure = r->options && r->options->client.insecure;
    struct qmp_error why;

    if (!freezes(p))
        return;
    auto_free char *agent = given ? mem_strdup(given) : quiesce_find(r->client, r->pid, NULL, NULL);
    if (agent && quiesce_thaw(qmp_client_base(r->client), agent, insecure, LEFT_MS, &why) > 0)
        tell(r, "the guest was still frozen; it is thawed now");
}
