/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner-migration: the memory to a file while the guest runs on, and back.
 *
 *   save   stopped ──migrate──> QEMU saves the devices and notes what is written from now on
 *             (by us)              │ going: it lets the guest go on by itself, or we do
 *                                  └──> pages ──> completed
 *   load   inmigrate ──migrate-incoming──> paused
 *
 * Before QEMU notes what is written the guest must not run: the disks have switched
 * already, and its memory would be of a later instant. That it does so is seen by the
 * guest running (some releases start it themselves) or by the first pages being saved.
 */
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "snapshot/ask.h"
#include "snapshot/clock.h"
#include "snapshot/image.h"
#include "snapshot/member.h"
#include "snapshot/runner.h"

/* An older one, when it fails or is cancelled, goes on to hold up whoever writes to the memory:
 * the guest hangs, and QEMU with it. */
#define OLDEST_THAT_LETS_GO 80100

enum { PAUSE_TICK_MS = 1, SHORTEST_TICK_MS = 10, LONGEST_TICK_MS = 500 };

/* So often --timeout such a QEMU may leave a look at it unanswered: its storage may be slow. */
enum { SLOW_STORAGE = 6 };

/* So many resets in a row, of a guest that runs for no longer than QEMU reads a command. */
enum { MOST_RESETS = 20 };

struct watch {
    struct runner *r;
    const json_t *step;
    json_t *status, *migration; /* as they were seen last */
    bool woken;                 /* something happened since */
    bool going;                 /* the guest runs, or is none of our business any more */
    int64_t begun_ms;
};

static void on_event(struct qmp_client *c, const char *name, json_t *event, void *arg)
{
    ((struct watch *)arg)->woken = true;
}

static bool woken(void *arg)
{
    const struct watch *w = arg;

    return w->woken || (w->going && *w->r->stop);
}

/* Nothing interrupts it: between switch and going on the guest stands still. */
static int look(struct watch *w, struct qmp_error *err)
{
    struct ask *a = ask_new(w->r->client, NULL);
    size_t status = ask_add(a, "query-status", NULL, NULL, NULL);
    size_t migration = ask_add(a, "query-migrate", NULL, NULL, NULL);
    int rc;

    w->woken = false;
    json_decref(w->status);
    json_decref(w->migration);
    w->status = w->migration = NULL;
    rc = ask_run(a, err) || ask_failed(a, err) ? -1 : 0;
    if (!rc) {
        w->status = json_incref(ask_reply(a, status, NULL));
        w->migration = json_incref(ask_reply(a, migration, NULL));
    }
    ask_free(a);
    return rc;
}

/* Until something happens, at most a while that grows with the time it has taken. */
static int rest(struct watch *w, struct qmp_error *err)
{
    int64_t ms = (clock_ms() - w->begun_ms) / 8;
    struct qmp_error why;

    if (!w->going)
        ms = PAUSE_TICK_MS;
    else if (ms < SHORTEST_TICK_MS)
        ms = SHORTEST_TICK_MS;
    else if (ms > LONGEST_TICK_MS)
        ms = LONGEST_TICK_MS;
    if (!qmp_client_run(w->r->client, woken, w, (int)ms, &why) || why.kind == QMP_ERR_TIMEOUT)
        return 0;
    if (err)
        *err = why;
    return -1;
}

static const char *phase(const struct watch *w)
{
    return graph_migration(w->migration);
}

static bool lets_go(const struct watch *w)
{
    return qmp_client_version(w->r->client) >= OLDEST_THAT_LETS_GO;
}

/* From now on it is not waited for as long as for one that only writes. */
static void may_hang(const struct watch *w, int times)
{
    if (!lets_go(w) && w->r->options)
        qmp_client_lose_patience(w->r->client, times, w->r->options->timeout_ms);
}

static int ended_badly(const struct watch *w, struct qmp_error *err)
{
    const char *why = text(w->migration, "error-desc");

    if (!why)
        why = phase(w) ? phase(w) : "QEMU knows of no migration";
    qmp_error_set(err, QMP_ERR_COMMAND, "%s%s", why,
                  lets_go(w) ? ""
                             : "; after that this QEMU leaves the guest hanging (mended in 8.1): "
                               "end it, and start it again on the images that it has now");
    may_hang(w, 1);
    return qmp_error_wrap(err, "%s", text(w->step, "execute"));
}

/* Releases that do not open files themselves get it opened: they call it by the name in the
 * URI. Should QEMU not take it, it says so when it is told to use it. */
static int lend_file(struct watch *w, struct qmp_error *err)
{
    const char *uri = text(json_object_get(w->step, "arguments"), "uri");
    const char *file = text(w->step, "file");
    bool save = same(text(w->step, "execute"), "migrate");

    if (!uri || strncmp(uri, "fd:", 3))
        return 0;
    auto_close int fd = image_open(file, save, err);
    if (fd < 0)
        return -1;
    qmp_client_call_with(w->r->client, "getfd", json_pack("{s:s}", "fdname", uri + 3),
                         &(struct qmp_call_options){.send_fd = true, .fd = fd}, NULL, NULL);
    return 0;
}

static int start(struct watch *w, struct qmp_error *err)
{
    if (lend_file(w, err))
        return -1;
    json_auto_t *reply = ask_one(w->r->client, NULL, text(w->step, "execute"),
                                 json_deep_copy(json_object_get(w->step, "arguments")), err);
    return reply ? 0 : -1;
}

/* ---- before the save ---- */

/* From 'prelaunch' it is paused only by way of running. */
static int stop_again(struct runner *r, struct qmp_error *err)
{
    struct ask *a = ask_new(r->client, NULL);

    ask_add(a, "cont", NULL, NULL, NULL);
    ask_add(a, "stop", NULL, NULL, NULL);
    r->stopped_us = clock_us();
    return ask_finish(a, err);
}

/* QEMU ends by an assertion when it is to save a guest that is in another state (7.2, 10.0, 11.1).
 * A reset that the guest had asked for is done while it stands still, and leaves it in 'prelaunch':
 * it goes on for a moment. An error of its disk, or its end, may have come before our stop. */
int runner_settle(struct runner *r, bool *ours, struct qmp_error *err)
{
    for (int i = 0; i < MOST_RESETS; i++) {
        json_auto_t *reply = ask_one(r->client, NULL, "query-status", NULL, err);
        const char *status = text(reply, "status");

        if (!reply)
            return -1;
        if (same(status, "paused"))
            return 0;
        if (!same(status, "prelaunch")) {
            *ours = false;
            qmp_error_set(err, QMP_ERR_COMMAND, "the guest stopped by itself meanwhile (%s)",
                          status ? status : "QEMU does not say why");
            return qmp_error_hint(err, "nothing has changed; --memory saves it as it stands");
        }
        if (stop_again(r, err))
            return -1;
    }
    qmp_error_set(err, QMP_ERR_COMMAND, "the guest is reset again and again");
    return qmp_error_hint(err, "nothing has changed; --memory saves it all the same");
}

/* ---- save ---- */

static int64_t ram(const struct watch *w, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(w->migration, "ram"), key));
}

static void report(const struct watch *w)
{
    const struct qrw_options *o = w->r->options;

    if (o && o->progress)
        o->progress(&(struct qrw_progress){.job = "memory",
                                           .operation = "memory",
                                           .status = phase(w) ? phase(w) : "none",
                                           .offset = ram(w, "total") - ram(w, "remaining"),
                                           .length = ram(w, "total"),
                                           .elapsed_ms = clock_ms() - w->begun_ms},
                    o->arg);
}

/* A refusal is no failure: the migration goes from one state to the next, and the next look
 * finds it there. */
static void let_go(struct watch *w)
{
    const char *status = text(w->status, "status");
    bool noted = ram(w, "normal") + ram(w, "duplicate") > 0 || !graph_migrates(phase(w));

    if (same(status, "paused") && !noted)
        return;
    if (same(status, "paused")) {
        json_auto_t *reply = ask_one(w->r->client, NULL, "cont", NULL, NULL);
        w->going = reply != NULL;
    } else {
        w->going = true;
    }
    if (w->going && w->r->stopped_us)
        w->r->pause_us = clock_us() - w->r->stopped_us;
}

static int waiting(const struct watch *w, struct qmp_error *err)
{
    qmp_error_set(err, QRW_ERR_WAITING, "stopped waiting; QEMU goes on saving the memory");
    return qmp_error_hint(err, "qrewind repair waits for it and records the snapshot%s",
                          lets_go(w) ? "; to give it up: qrewind qmp migrate_cancel, then "
                                       "qrewind repair"
                                     : "");
}

/* The cancelling was not seen, but nobody answers. */
static int gone(const struct watch *w, struct qmp_error *err)
{
    if (lets_go(w) || !err || err->kind != QMP_ERR_CONNECT)
        return -1;
    return qmp_error_hint(err, "if the saving was cancelled this QEMU hangs for ever (mended in "
                               "8.1): end it, start it again on the images that it has now, then: "
                               "qrewind repair");
}

static int save(struct watch *w, bool attach, struct qmp_error *err)
{
    struct qmp_error why;
    bool begun = attach || !start(w, &why);

    may_hang(w, SLOW_STORAGE);
    for (;;) {
        if (look(w, err))
            return gone(w, err);
        if (!w->going)
            let_go(w);
        else
            report(w);
        if (w->going && !begun) {
            if (err)
                *err = why;
            return -1;
        }
        if (w->going && !graph_migrates(phase(w)))
            break;
        if (w->going && *w->r->stop)
            return waiting(w, err);
        if (rest(w, err))
            return -1;
    }
    return same(phase(w), "completed") ? RUN_DONE : ended_badly(w, err);
}

/* ---- load ---- */

static int load(struct watch *w, struct qmp_error *err)
{
    bool begun = false;

    for (;;) {
        if (look(w, err))
            return -1;
        if (!same(text(w->status, "status"), "inmigrate"))
            return RUN_DONE;
        if (begun && same(phase(w), "failed"))
            return ended_badly(w, err);
        if (!begun && !graph_migrates(phase(w)) && start(w, err))
            return -1;
        begun = true;
        if (rest(w, err))
            return -1;
    }
}

int runner_migration(struct runner *r, const json_t *step, bool attach, struct qmp_error *err)
{
    struct watch w = {.r = r, .step = step, .begun_ms = clock_ms()};
    unsigned handle = qmp_client_subscribe(r->client, NULL, on_event, &w);
    int rc = same(text(step, "execute"), "migrate") ? save(&w, attach, err) : load(&w, err);

    qmp_client_unsubscribe(r->client, handle);
    json_decref(w.status);
    json_decref(w.migration);
    return rc;
}
