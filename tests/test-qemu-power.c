/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power goes at every moment of an operation: the calls that it made are recorded and replayed
 * to every state that a file system may be in then (tests/faults/replay.h).
 *
 *   every state   the sidecar is a whole document, not older than the one before
 *   a sample      `list` shows the snapshots before or after, `repair` and what is done next work,
 *                 and all snapshots and disks show what they did; what has ended stays done
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
#include "tests/offline/content.h"
#include "tests/offline/offline.h"
#include "tests/scratch/scratch.h"

TestSuite(power, .init = offline_enter, .fini = offline_leave, .timeout = 0);

/* In make check, one of so many states is repaired. */
enum { SAMPLE = 40 };

static const struct operation {
    const char *before, *line;
    int done; /* what the disks show then, if not what they showed before */
} operations[] = {
    {NULL, "create n1", 15},
    {NULL, "create --internal n1", 15},
    {NULL, "edit s1 --name n1 --description new", 15},
    {NULL, "revert s1", 1},
    {"revert s1", "undo", 15},
    {"delete i1", "delete s2", 15},
    {"revert s1 --discard", "delete i1 s2", 1},
    {"delete i1", "prune --keep-last 1", 15},
    {"delete i1", "stream a", 15},
};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

struct trial {
    const struct operation *op;
    char *before, *after; /* the snapshots */
    json_int_t generation;
    int shown, of;
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

    for (int i = 0; i < REPLAY_NAMES; i++) {
        const char *name = s->files[i].name;
        const char *suffix = name ? strstr(name, SIDECAR_SUFFIX) : NULL;
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

/* What lies there, for whoever has to find out why. */
static char *describe(const struct trial *t, const struct replay_state *s)
{
    char *all = mem_printf("%s, state %d, %s call %d:", t->op->line, t->states,
                           s->ended ? "ended with" : "before", s->ended ? s->point - 1 : s->point);

    for (int i = 0; i < REPLAY_NAMES; i++) {
        static const char *const parts[] = {" (empty)", " (half)", " (zeros)", ""};
        const struct replay_file *f = &s->files[i];

        if (!f->name)
            continue;
        char *more = mem_printf("%s %s%s", all, f->name, parts[f->part]);
        free(all);
        all = more;
    }
    return all;
}

static bool converges(const struct trial *t, const struct replay_state *s)
{
    auto_free char *where = describe(t, s);

    if (!succeeds(where, "list") || !succeeds(where, "repair"))
        return false;
    auto_free char *now = snapshots();
    int shown = content_check(where);
    bool done = !strcmp(now, t->after) && shown == t->op->done;
    bool undone = !strcmp(now, t->before) && shown == t->shown && !s->ended;
    cr_expect(done || undone, "%s: there is %s, the disks show %d", where, now, shown);
    /* a lock that came back with the power is held by nobody */
    cr_assert_eq(system("rm -f ./*.lock"), 0);
    return content_check_files(where) && (done || undone) && succeeds(where, "create next");
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

static void record(const struct operation *op)
{
    auto_free char *program = lab_program();
    const int folder = (int)(strrchr(program, '/') - program);

    setenv("QRW_FAULT_EACH", "cp -a . ../taken/", 1);
    offline_ok("env LD_PRELOAD=%.*s/tests/shim.so ASAN_OPTIONS=verify_asan_link_order=0 "
               "QRW_FAULT_SET=change QRW_FAULT_LOG=%s/log %s -i a.qcow2 %s",
               folder, program, scratch_folder(), program, op->line);
    unsetenv("QRW_FAULT_EACH");
    cr_assert_eq(system("cp -a . ../taken/$(($(tail -n 1 ../log | cut -d ' ' -f 1) + 1))"), 0);
}

static void try_operation(struct trial *t)
{
    auto_free char *root = mem_printf("%s/work", scratch_folder());
    struct chain c = {0};

    cr_assert_eq(system("mkdir work taken"), 0);
    cr_assert(!chdir("work"));
    content_prepare(t->op->before);
    cr_assert(!sidecar_load(&c, "a.qcow2" SIDECAR_SUFFIX, NULL, NULL, NULL));
    t->generation = chain_generation(&c);
    chain_done(&c);
    t->before = snapshots();
    t->shown = content_check("before");
    record(t->op);
    t->after = snapshots();
    replay(root, "../log", "../taken", try_state, t);
    cr_assert(!chdir(".."));
    cr_assert_eq(system("rm -rf work taken log"), 0);
    free(t->before);
    free(t->after);
}

Test(power, lost_at_any_moment_leaves_a_sidecar_that_loads_and_is_repaired)
{
    const char *of = getenv("QRW_MATRIX"), *only = getenv("QRW_ROW");
    struct trial sum = {0};

    fprintf(stderr, "%-36s %7s %7s %7s %7s %7s\n", "power lost during", "states", "loaded", "tried",
            "repaired", "failed");
    for (int i = 0; i <= OPERATIONS; i++) {
        struct trial t = {.of = of ? atoi(of) : SAMPLE};

        if (i == OPERATIONS) {
            t = sum;
        } else if (!only || strstr(operations[i].line, only)) {
            t.op = &operations[i];
            try_operation(&t);
        } else {
            continue;
        }
        fprintf(stderr, "%-36s %7d %7d %7d %7d %7d\n", t.op ? t.op->line : "total", t.states,
                t.loaded, t.tried, t.repaired, t.states - t.loaded + t.tried - t.repaired);
        sum.states += t.states;
        sum.loaded += t.loaded;
        sum.tried += t.tried;
        sum.repaired += t.repaired;
    }
    cr_assert_eq(sum.loaded, sum.states);
    cr_assert_eq(sum.repaired, sum.tried);
}
