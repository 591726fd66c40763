/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power goes at every moment of an export, or an import (tests/faults/replay.h):
 *
 *   every state   what was reported as done is there; what has its name is whole
 *   a sample      what it copies from is as it was; what has no name yet is refused by import, or
 * is whole, too; of an import that was cut off a sidecar is only there if all that it tells of is;
 * the next attempt gets through
 *
 *   make power-copy-matrix [OF=1] [QRW_ROW=TEXT]
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"
#include "tests/faults/replay.h"
#include "tests/faults/table.h"
#include "tests/offline/content.h"
#include "tests/offline/offline.h"

TestSuite(power_copy, .init = offline_enter, .fini = offline_leave, .timeout = 0);

static const struct operation {
    const char *before; /* "rm" removes the images and the sidecar that there were */
    const char *line, *made;
    int shown, disks;
    int sample;  /* in make check, one of so many states is tried */
    bool memory; /* m1 is there, which has one */
} operations[] = {
    {NULL, "-i a.qcow2 export s1 out", "out", 1, 2, 20, false},
    {NULL, "-i a.qcow2 export i1 out --format raw", "out", 7, 2, 20, false},
    {NULL, "-i a.qcow2 export s2 out.qcow2 --disk a", "out.qcow2", 3, 1, 4, false},
    {"-i a.qcow2 export s2 kept", "import kept --to vm", "vm", 3, 2, 300, false},
    {"-i a.qcow2 export s2 a.raw --disk a --format raw",
     "import a.raw --format raw --to vm --name s2", "vm", 3, 1, 20, false},
    {NULL, "-i a.qcow2 export m1 out", "out", 15, 2, 40, true},
    {"-i a.qcow2 export m1 kept", "import kept --to vm", "vm", 15, 2, 1000, true},
};

struct trial {
    const struct operation *op;
    int of, states, tried, whole, failed;
};

/* ---- one state ---- */

/* What there was before it all is there, with the same bytes. */
static bool source_is_untouched(void)
{
    return !system("test -z \"$(cd ../taken/1 && find . -type f ! -name '*.lock' "
                   "! -exec cmp -s {} ../../work/{} ';' -print)\"");
}

static const char *snapshot_of(const struct operation *op)
{
    return op->memory ? "m1" : op->shown == 1 ? "s1" : op->shown == 3 ? "s2" : "i1";
}

/* Is the chain in @folder one that an import made, as it should be? */
static bool is_whole_chain(const struct operation *op, const char *folder)
{
    const char *snapshot = snapshot_of(op);
    auto_free char *memory = mem_printf("%s/%s.vmstate.qcow2", folder, snapshot);

    if (op->memory && !content_is_memory(memory))
        return false;
    for (int d = 0; d < op->disks; d++) {
        auto_free char *file = mem_printf("%s/%c.%s.qcow2", folder, 'a' + d, snapshot);

        if (content_shows(file, d) != op->shown)
            return false;
    }
    auto_result struct lab_result check =
        offline_run("qrewind -i %s/a.%s.qcow2 check --deep", folder, snapshot);
    auto_result struct lab_result show =
        offline_run("qrewind -i %s/a.%s.qcow2 show %s", folder, snapshot, snapshot);
    return !check.status && !show.status;
}

/* The chain that is made of what is in @folder is whole. With @or_none it may be refused, too. */
static bool is_taken_in(const struct operation *op, const char *folder, bool or_none)
{
    auto_result struct lab_result r = offline_run("qrewind import %s --to taken-in", folder);
    bool good = r.status ? or_none && r.status != 5 && r.status < 128 && r.err[0]
                         : is_whole_chain(op, "taken-in");

    cr_assert_eq(system("rm -rf taken-in"), 0);
    return good;
}

static bool is_import(const struct operation *op)
{
    return !strncmp(op->line, "import ", 7);
}

static bool is_whole(const struct operation *op)
{
    if (is_import(op))
        return is_whole_chain(op, op->made);
    return op->disks == 1 ? content_shows(op->made, 0) == op->shown
                          : is_taken_in(op, op->made, false);
}

/* What has not got its name yet is not taken for what it is not. */
static bool is_harmless(const struct operation *op, const struct replay_state *s)
{
    auto_free char *part = mem_printf("%s.part", op->made);
    auto_free char *sidecar =
        mem_printf("%s/%s" SIDECAR_SUFFIX, part, strstr(op->line, ".raw") ? "a.raw" : "a.qcow2");

    if (!replay_file(s, part))
        return true;
    if (is_import(op))
        return !replay_file(s, sidecar) || is_whole_chain(op, part);
    return is_taken_in(op, part, true);
}

/* NULL: all is well; else what is not. */
static const char *try(const struct operation *op, const struct replay_state *s, bool made)
{
    if (!source_is_untouched())
        return "what it copies from has changed";
    if (made && !is_whole(op))
        return "it is not whole";
    if (!is_harmless(op, s))
        return "what was cut off is not whole, and was not refused";
    if (made)
        cr_assert_eq(system("rm -rf out out.qcow2 vm"), 0);
    auto_result struct lab_result again = offline_run("qrewind %s", op->line);
    if (again.status)
        cr_log_warn("%s", again.err);
    if (again.status || !is_whole(op))
        return "the next attempt fails";
    return system("test ! -e out.part -a ! -e out.qcow2.part -a ! -e vm.part")
               ? "the next attempt leaves what was cut off"
               : NULL;
}

static void try_state(const struct replay_state *s, void *arg)
{
    struct trial *t = arg;
    bool made = replay_file(s, t->op->made);
    const char *why = NULL;

    t->states++;
    t->whole += made;
    if (s->ended && !made) {
        why = "it was done, and is gone";
    } else if (made || t->states % t->of == 0) {
        t->tried++;
        replay_lay_out(s);
        why = try(t->op, s, made);
    }
    if (!why)
        return;
    auto_free char *state = replay_describe(s);
    t->failed++;
    cr_expect_fail("%s, state %d, %s: %s", t->op->line, t->states, state, why);
}

/* ---- an operation ---- */

static void report(const struct trial *t, struct trial *sum)
{
    fprintf(stderr, "%-62s %7d %7d %7d %7d\n", t == sum ? "total" : t->op->line, t->states,
            t->whole, t->tried, t->failed);
    sum->states += t->states;
    sum->whole += t->whole;
    sum->tried += t->tried;
    sum->failed += t->failed;
}

static void try_operation(struct trial *t)
{
    replay_enter();
    if (t->op->memory ? !content_prepare_memory(NULL) : (content_prepare(NULL), false)) {
        replay_leave();
        return;
    }
    if (t->op->before) {
        offline_ok("qrewind %s", t->op->before);
        cr_assert_eq(system("rm -f ?.qcow2* ?.*.qcow2"), 0);
    }
    replay_record(t->op->line);
    cr_assert(is_whole(t->op), "%s: undisturbed, and yet it is not whole", t->op->line);
    replay(try_state, t);
    replay_leave();
}

Test(power_copy, lost_at_any_moment_leaves_nothing_that_is_taken_for_whole)
{
    const char *of = getenv("QRW_MATRIX");
    struct trial sum = {0};

    fprintf(stderr, "%-62s %7s %7s %7s %7s\n", "power lost during", "states", "whole", "tried",
            "failed");
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        struct trial t = {.op = &operations[i], .of = of ? atoi(of) : operations[i].sample};

        if (!table_asks_for(t.op->line))
            continue;
        try_operation(&t);
        report(&t, &sum);
    }
    report(&sum, &sum);
    cr_assert_gt(sum.tried, 0);
    cr_assert_eq(sum.failed, 0);
}
