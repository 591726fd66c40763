/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power goes at every moment of an operation: the calls that it made are recorded and replayed
 * to every state that a file system may be in then (tests/faults/replay.h).
 *
 *   every state   the sidecar is a whole document, not older than the one before
 *   a sample      `list` shows the snapshots before or after, `repair` and what is done next work,
 *                 and all snapshots and disks show what they did; what has ended stays done
 *
 * The same of an operation that takes itself back, for a call fails, and of the repair of one that
 * was killed; offline and, as far as memory goes, with a QEMU that goes with the power.
 *
 *   make power-matrix [OF=1] [QRW_ROW=TEXT]
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"
#include "tests/faults/replay.h"
#include "tests/faults/table.h"
#include "tests/offline/content.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(power, .init = offline_enter, .fini = offline_leave, .timeout = 0);

/* In make check, one of so many states is tried, and an operation is killed in its middle; else at
 * so many of its calls. */
enum { SAMPLE = 40, SAMPLE_FAILING = 10, SAMPLE_REPAIR = 3, KILLS = 5 };

static const struct operation {
    const char *before, *line;
    int done; /* what the disks show then, if not what they showed before */
    enum {
        OFFLINE,
        BESIDE, /* offline, and there is a snapshot with memory: m1 */
        LIVE,   /* a QEMU runs on them, of which m1 is not */
        LIVE_BESIDE
    } where;
} operations[] = {
    {NULL, "create n1", 15, OFFLINE},
    {NULL, "create --internal n1", 15, OFFLINE},
    {NULL, "edit s1 --name n1 --description new", 15, OFFLINE},
    {NULL, "revert s1", 1, OFFLINE},
    {"revert s1", "undo", 15, OFFLINE},
    {"delete i1", "delete s2", 15, OFFLINE},
    {"revert s1 --discard", "delete i1 s2", 1, OFFLINE},
    {"delete i1", "prune --keep-last 1", 15, OFFLINE},
    {"delete i1", "stream a", 15, OFFLINE},
    {NULL, "revert m1", 15, BESIDE},
    {"revert m1", "undo", 31, BESIDE},
    {NULL, "edit m1 --name n1", 31, BESIDE},
    {NULL, "delete m1", 31, BESIDE},
    {"revert s1 --discard", "delete i1 s2 m1", 1, BESIDE},
    {"edit i1 --pin; create s3", "prune --keep-last 1", 31, BESIDE},
    {NULL, "create m1 --memory", 15, LIVE},
    {NULL, "create m1 --memory=live", 15, LIVE},
    {NULL, "revert m1", 15, LIVE_BESIDE},
    {NULL, "delete m1", 31, LIVE_BESIDE},
};

struct trial {
    const struct operation *op;
    struct lab *lab;                           /* NULL: offline */
    enum { UNDISTURBED, FAILING, REPAIR } how; /* what is recorded: it, or its repair */
    int call;                                  /* at which it fails, after which it is killed */
    int calls, sync, last_sync;
    bool pending;                /* it ended half done */
    char *before, *after, *last; /* the snapshots; the last ones are those that it ended with */
    json_int_t generation;
    int shown, shown_last, of;
    int states, loaded, tried, repaired;
};

/* ---- one state ---- */

static char *snapshots(void)
{
    json_auto_t *list = offline_json(0, "qrewind -i a.qcow2 list");
    char *all = mem_strdup("");
    json_t *s;
    size_t i;

    json_array_foreach(json_object_get(list, "snapshots"), i, s) {
        char *more = mem_printf("%s[%s: %s]", all, json_string_value(json_object_get(s, "name")),
                                json_string_value(json_object_get(s, "description")));
        free(all);
        all = more;
    }
    return all;
}

/* Each document that lies there is a whole one, and one does. */
static bool loads(const struct trial *t, const struct replay_state *s)
{
    bool found = false;

    for (int i = 0; i < s->nfiles; i++) {
        const char *name = s->files[i].name, *suffix = strstr(name, SIDECAR_SUFFIX);
        struct qmp_error err = {0};
        struct chain c = {0};

        if (!suffix || strcmp(suffix, SIDECAR_SUFFIX) != 0)
            continue;
        if (sidecar_load(&c, name, NULL, NULL, &err) || chain_generation(&c) < t->generation) {
            cr_expect_fail("%s, before call %d: %s: %s", t->op->line, s->point, name, err.context);
            return false;
        }
        chain_done(&c);
        found = true;
    }
    cr_expect(found, "%s, before call %d: no sidecar", t->op->line, s->point);
    return found;
}

static bool succeeds(const char *where, const char *line)
{
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 %s", line);

    cr_expect_eq(r.status, 0, "%s: %s: %d: %s%s", where, line, r.status, r.out, r.err);
    return r.status == 0;
}

/* What @t is about. New string. */
static char *title(const struct trial *t)
{
    static const char *const hows[] = {"", "it fails", "repair"};
    const char *live = t->op->where < LIVE ? "" : "live: ";

    return t->how == UNDISTURBED
               ? mem_printf("%s%s", live, t->op->line)
               : mem_printf("%s%s, call %d: %s", live, t->op->line, t->call, hows[t->how]);
}

static bool is_beside(const struct operation *op)
{
    return op->where == BESIDE || op->where == LIVE_BESIDE;
}

/* Which files a QEMU wrote to last may be its user's to say: those that it was started on, for
 * nobody has written since. */
static bool is_told(const struct trial *t)
{
    const char *tag = is_beside(t->op) ? "m1" : "s2";
    auto_result struct lab_result list = offline_run("qrewind -i a.qcow2 list");

    if (t->op->where < LIVE || !strstr(list.err, "cannot be told"))
        return true;
    auto_result struct lab_result r =
        offline_run("qrewind -i a.%s.qcow2 -i b.%s.qcow2 repair", tag, tag);
    return !r.status;
}

static bool converges(const struct trial *t, const struct replay_state *s)
{
    auto_free char *what = title(t), *state = replay_describe(s);
    auto_free char *where = mem_printf("%s, state %d, %s", what, t->states, state);

    if (!is_told(t) || !succeeds(where, "list") || !succeeds(where, "repair"))
        return false;
    auto_free char *now = snapshots();
    int shown = content_check(where);
    bool done = !strcmp(now, t->after) && shown == t->op->done;
    bool undone = !strcmp(now, t->before) && shown == t->shown;
    bool last = !strcmp(now, t->last) && shown == t->shown_last;
    bool right = s->ended && !t->pending ? last : done || undone;
    cr_expect(right, "%s: there is %s, the disks show %d", where, now, shown);
    /* a lock that came back with the power is held by nobody */
    cr_assert_eq(system("rm -f ./*.lock"), 0);
    return content_check_files(where) && right && succeeds(where, "create next");
}

static void try_state(const struct replay_state *s, void *arg)
{
    struct trial *t = arg;

    t->states++;
    replay_lay_out(s);
    t->loaded += loads(t, s);
    if (t->states % t->of == 0) {
        t->tried++;
        t->repaired += converges(t, s);
    }
}

/* ---- an operation ---- */

static json_int_t generation(void)
{
    struct chain c = {0};

    cr_assert(!sidecar_load(&c, "a.qcow2" SIDECAR_SUFFIX, NULL, NULL, NULL));
    json_int_t n = chain_generation(&c);
    chain_done(&c);
    return n;
}

/* "qrewind"'s words. New string. */
static char *words(const struct trial *t, const char *line)
{
    return t->lab ? mem_printf("-s %s %s", t->lab->socket, line)
                  : mem_printf("-i a.qcow2 %s", line);
}

static void record(struct trial *t)
{
    auto_free char *line = words(t, t->op->line), *repair = words(t, "repair --yes");

    t->pending = false;
    switch (t->how) {
    case UNDISTURBED:
        t->generation = generation();
        t->calls = replay_record(line);
        t->sync = replay_middle_sync();
        t->last_sync = replay_last_sync();
        t->after = snapshots();
        break;
    case FAILING:
        t->generation = generation();
        t->pending = replay_fail(line, t->call) == 5;
        break;
    case REPAIR:
        replay_kill(line, t->call);
        t->generation = generation();
        replay_record(repair);
        break;
    }
}

static void report(const struct trial *t, struct trial *sum)
{
    auto_free char *what = t == sum ? mem_strdup("total") : title(t);

    fprintf(stderr, "%-46s %7d %7d %7d %7d %7d\n", what, t->states, t->loaded, t->tried,
            t->repaired, t->states - t->loaded + t->tried - t->repaired);
    if (t == sum)
        return;
    sum->states += t->states;
    sum->loaded += t->loaded;
    sum->tried += t->tried;
    sum->repaired += t->repaired;
}

/* False: this QEMU cannot do it. */
static bool prepare(struct trial *t)
{
    const struct operation *op = t->op;
    const bool beside = is_beside(op);

    if (beside && !content_prepare_memory(op->before))
        return false;
    if (!beside)
        content_prepare(op->before);
    if (t->how == UNDISTURBED) {
        t->before = snapshots();
        t->shown = content_check("before");
    }
    if (op->where < LIVE)
        return true;
    replay_watch(true);
    t->lab = content_run(beside ? "m1" : "s2");
    replay_watch(false);
    auto_free char *line = words(t, op->line);
    auto_result struct lab_result can = offline_run("qrewind %s --dry-run", line);
    return can.status != 7;
}

/* The power is gone. */
static void stop(struct trial *t)
{
    lab_stop(t->lab);
    if (t->lab)
        content_keep_memory();
    t->lab = NULL;
}

/* Record it, and try what is left of it at each moment. */
static void try(struct trial *t, struct trial *sum)
{
    t->states = t->loaded = t->tried = t->repaired = 0;
    replay_enter();
    bool can = prepare(t);
    if (can)
        record(t);
    stop(t);
    if (can) {
        t->last = snapshots();
        t->shown_last = t->pending ? 0 : content_check("after");
        cr_assert(t->how != UNDISTURBED || t->shown_last == t->op->done, "%s", t->op->line);
        replay(try_state, t);
        free(t->last);
        report(t, sum);
    }
    replay_leave();
}

/* The operation; where it fails half way; and its repair, where it was killed. */
static void try_operation(const struct operation *op, struct trial *sum)
{
    const char *of = getenv("QRW_MATRIX");
    const int kills = of ? KILLS : 1;
    struct trial t = {.op = op, .of = of ? atoi(of) : SAMPLE};

    try(&t, sum);
    t.how = FAILING;
    t.call = t.sync;
    t.of = of ? atoi(of) : SAMPLE_FAILING;
    try(&t, sum);
    t.how = REPAIR;
    t.of = of ? atoi(of) : SAMPLE_REPAIR;
    for (int n = 1; n <= kills; n++) {
        t.call = t.calls * n / (kills + 1);
        try(&t, sum);
    }
    /* what is there then somebody else records, who has to sync it */
    if (op->where >= LIVE && t.last_sync) {
        t.call = t.last_sync - 1;
        try(&t, sum);
    }
    free(t.before);
    free(t.after);
}

Test(power, lost_at_any_moment_leaves_a_sidecar_that_loads_and_is_repaired)
{
    struct trial sum = {0};

    fprintf(stderr, "%-46s %7s %7s %7s %7s %7s\n", "power lost during", "states", "loaded", "tried",
            "repaired", "failed");
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (table_asks_for(operations[i].line))
            try_operation(&operations[i], &sum);
    report(&sum, &sum);
    cr_assert_gt(sum.tried, 0);
    cr_assert_eq(sum.loaded, sum.states);
    cr_assert_eq(sum.repaired, sum.tried);
}
