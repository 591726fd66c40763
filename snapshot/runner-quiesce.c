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

/* @words: what went wrong, the caller frees it. */
static enum quiesce_outcome end(struct runner *r, char **words)
{
    struct qmp_error why;
    enum quiesce_outcome outcome = quiesce_end(r->quiesce, &r->frozen_us, &why);

    r->quiesce = NULL;
    if (outcome == QUIESCE_EXPIRED)
        *words = mem_printf("quiesce expired: the freeze ended before the snapshot was taken, or "
                            "might have (%s)",
                            why.desc);
    if (outcome == QUIESCE_STUCK)
        *words = mem_printf("the guest could not be thawed yet (%s): a process in the background "
                            "goes on trying for ten minutes",
                            why.desc);
    return outcome;
}

void runner_thaw(struct runner *r)
{
    auto_free char *words = NULL;

    if (r->quiesce && end(r, &words) == QUIESCE_STUCK)
        tell(r, words);
}

static int thaw(struct runner *r, struct plan *p, const json_t *step, struct qmp_error *err)
{
    auto_free char *words = NULL;

    if (!r->quiesce)
        return 0;
    if (end(r, &words) == QUIESCE_HELD) {
        note_quiesced(p);
        return 0;
    }
    r->unquiesced = json_is_true(json_object_get(step, "require"));
    if (r->unquiesced)
        return qmp_error_set(err, QRW_ERR_FAILED, "%s", words);
    plan_note(p, "%s", words);
    return 0;
}

int runner_quiesce_step(struct runner *r, struct plan *p, const json_t *step, struct qmp_error *err)
{
    return same(text(step, "step"), "freeze") ? freeze(r, p, step, err) : thaw(r, p, step, err);
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
