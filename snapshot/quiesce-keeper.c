/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiesce-keeper: the keeper's life.
 *
 *   connect ─> not frozen? ─> freeze ─> told to, hung up on, too late ─> thaw ─> thawed?
 *      │            │            │                                                │
 *   failed       failed       failed ────────────── in doubt ───────────────> insist
 */
#include "snapshot/quiesce-keeper.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/clock.h"
#include "snapshot/error.h"

/* How long we go on trying to thaw what does not answer, how long an answer may take
 * then, and how often we try. */
#define PATIENCE_US (600 * (int64_t)1000000)
#define ANSWER_MS 10000
#define PAUSE_MS 1000

struct keeper {
    int line;
    const struct quiesce_options *o;
    struct agent *agent;
    int64_t frozen_at; /* monotonic */
};

/* ---- thaw ---- */

int keeper_is_frozen(struct agent *a, int ms, struct qmp_error *err)
{
    json_auto_t *status = agent_call(a, "guest-fsfreeze-status", NULL, ms, err);
    const char *word = json_string_value(status);

    if (!status)
        return -1;
    if (word && !strcmp(word, "frozen"))
        return 1;
    if (word && !strcmp(word, "thawed"))
        return 0;
    return qmp_error_set(err, QMP_ERR_PROTOCOL, "guest-fsfreeze-status: the answer is no status");
}

enum quiesce_outcome keeper_thaw(struct agent *a, int ms, int64_t *at_us, struct qmp_error *why)
{
    struct qmp_error err = {0};
    json_auto_t *count = agent_call(a, "guest-fsfreeze-thaw", NULL, ms, &err);

    if (at_us)
        *at_us = clock_us();
    if (count && json_integer_value(count) <= 0)
        qmp_error_set(&err, QRW_ERR_FAILED, "there was nothing left to thaw");

    struct qmp_error unknown;
    int frozen = agent_usable(a) ? keeper_is_frozen(a, ms, &unknown) : -1;
    if (frozen > 0 && !err.kind)
        qmp_error_set(&err, QRW_ERR_FAILED, "the guest says that it is still frozen");
    if (!err.kind)
        return QUIESCE_HELD;
    if (why)
        *why = err;
    return frozen == 0 ? QUIESCE_EXPIRED : QUIESCE_STUCK;
}

/* Thaw, with new connections where that is what it takes. A socket that is gone went
 * with QEMU, and with it the guest. */
static void insist(struct keeper *k)
{
    int64_t until = clock_us() + PATIENCE_US;
    struct qmp_error err;

    while (clock_us() < until) {
        if (!agent_usable(k->agent)) {
            agent_close(k->agent);
            k->agent = agent_open(NULL, k->o->agent, k->o->insecure, ANSWER_MS, &err);
        }
        if (k->agent && keeper_thaw(k->agent, ANSWER_MS, NULL, &err) != QUIESCE_STUCK)
            return;
        if (!k->agent && err.kind == QMP_ERR_CONNECT)
            return;
        poll(NULL, 0, PAUSE_MS);
    }
}

/* ---- freeze ---- */

static json_t *call_freeze(struct keeper *k, struct qmp_error *err)
{
    const struct quiesce_options *o = k->o;

    if (!json_array_size(o->mountpoints))
        return agent_call(k->agent, "guest-fsfreeze-freeze", NULL, o->timeout_ms, err);
    return agent_call(k->agent, "guest-fsfreeze-freeze-list",
                      json_pack("{s:O}", "mountpoints", o->mountpoints), o->timeout_ms, err);
}

/* Connect and see that nobody else has frozen it. */
static int prepare(struct keeper *k, struct qmp_error *err)
{
    int frozen;

    k->agent = agent_open(NULL, k->o->agent, k->o->insecure, k->o->timeout_ms, err);
    if (!k->agent) {
        if (err->kind != QMP_ERR_USAGE)
            err->kind = QMP_ERR_CONNECT; /* whatever it was, nobody was reached */
        return -1;
    }
    frozen = keeper_is_frozen(k->agent, k->o->timeout_ms, err);
    if (frozen <= 0)
        return frozen;
    qmp_error_set(err, QRW_ERR_REFUSED, "the guest is frozen already");
    return qmp_error_hint(err, "a qrewind that could not thaw it goes on trying; if nobody is at "
                               "work there: fsfreeze --unfreeze in the guest, or the agent's "
                               "guest-fsfreeze-thaw");
}

/* The agent passes over what it does not know. */
static int nothing_frozen(const json_t *mountpoints, struct qmp_error *err)
{
    auto_free char *names = mem_strdup("");
    const json_t *name;
    size_t i;

    if (!json_array_size(mountpoints))
        return qmp_error_set(err, QRW_ERR_REFUSED, "the guest has no file system to freeze");
    json_array_foreach(mountpoints, i, name) {
        auto_free char *before = names;

        names = mem_printf("%s%s%s", before, i ? ", " : "", json_string_value(name));
    }
    qmp_error_set(err, QRW_ERR_REFUSED,
                  "none of these is a file system that the guest can freeze: %s", names);
    return qmp_error_hint(err, "name the mount points as the guest has them: findmnt there lists "
                               "them");
}

/* How many file systems, or -1: whether any is frozen is then in doubt. */
static int freeze(struct keeper *k, struct qmp_error *err)
{
    json_auto_t *count = call_freeze(k, err);
    json_int_t n = json_integer_value(count);

    k->frozen_at = clock_us();
    if (!count)
        return -1;
    if (!json_is_integer(count) || n < 0 || n > 1000000)
        return qmp_error_set(err, QMP_ERR_PROTOCOL, "the guest agent's answer is no number");
    return n ? (int)n : nothing_frozen(k->o->mountpoints, err);
}

/* ---- the line ---- */

static void say(struct keeper *k, const struct keeper_word *word)
{
    send(k->line, word, sizeof(*word), MSG_NOSIGNAL);
}

static void say_failed(struct keeper *k, const struct qmp_error *err)
{
    struct keeper_word word = {.kind = KEEPER_FAILED, .err = *err};

    say(k, &word);
}

enum heard { HEARD_THAW, HEARD_END, HEARD_NOTHING };

static enum heard listen_for(struct keeper *k, int ms)
{
    struct pollfd p = {.fd = k->line, .events = POLLIN};
    char word;

    if (poll(&p, 1, ms) <= 0)
        return HEARD_NOTHING;
    return recv(k->line, &word, 1, 0) == 1 && word == KEEPER_THAW ? HEARD_THAW : HEARD_END;
}

/* Keep it frozen until we are told, or must not wait any longer; then thaw and tell. */
static void hold(struct keeper *k)
{
    struct keeper_word word = {.kind = KEEPER_ENDED};
    enum heard heard = listen_for(k, k->o->timeout_ms);
    int64_t thawed_at;

    word.outcome = keeper_thaw(k->agent, k->o->timeout_ms, &thawed_at, &word.err);
    word.frozen_us = thawed_at - k->frozen_at;
    if (heard == HEARD_NOTHING && word.outcome == QUIESCE_HELD) {
        word.outcome = QUIESCE_EXPIRED;
        qmp_error_set(&word.err, QRW_ERR_FAILED, "the guest was thawed after %g s",
                      k->o->timeout_ms / 1000.0);
    }
    if (word.outcome == QUIESCE_STUCK) {
        say(k, &word);
        insist(k);
        return;
    }
    /* the line is free before anybody hears that it is over */
    agent_close(k->agent);
    k->agent = NULL;
    if (heard == HEARD_NOTHING)
        listen_for(k, (int)(PATIENCE_US / 1000));
    say(k, &word);
}

_Noreturn void keeper_live(int line, const struct quiesce_options *o)
{
    struct keeper k = {.line = line, .o = o};
    struct keeper_word word = {.kind = KEEPER_FROZEN};
    struct qmp_error err = {0};

    if (prepare(&k, &err)) {
        say_failed(&k, &err);
    } else if ((word.count = freeze(&k, &err)) < 0) {
        say_failed(&k, &err);
        insist(&k);
    } else {
        say(&k, &word);
        hold(&k);
    }
    agent_close(k.agent);
    _exit(0);
}
