/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ctrl-C at every command of an operation: it is done, or undone, or a job goes on and is named;
 * nothing is left to be repaired, and the guest runs. A second one kills.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

enum { DISKS = 2 };

static const struct operation {
    const char *title;
    const char *first[6], *words[6];
    int before, after; /* the generations that the disks hold */
} operations[] = {
    // clang-format off
    {"create",            {"create", "s1"},                           {"create", "s2"}, 2, 2},
    {"create --memory",   {"create", "s1"},                           {"create", "s2", "--memory"}, 2, 2},
    {"create --internal", {"create", "s1"},                           {"create", "s2", "--internal"}, 2, 2},
    {"revert",            {"create", "s1"},                           {"revert", "s1"}, 2, 1},
    {"revert, memory",    {"create", "s1", "--memory"},               {"revert", "s1"}, 2, 1},
    {"revert, internal",  {"create", "s1", "--internal"},             {"revert", "s1"}, 2, 1},
    {"and with memory",   {"create", "s1", "--internal", "--memory"}, {"revert", "s1"}, 2, 1},
    {"delete",            {"create", "s1"},                           {"delete", "s1"}, 2, 2},
    {"commit",            {"create", "s1"},                           {"commit", "vda", "--force"}, 2, 2},
    {"stream",            {"create", "s1"},                           {"stream", "vda"}, 2, 2},
    // clang-format on
};

static void write_all(struct lab *lab, int generation)
{
    for (int disk = 0; disk < DISKS; disk++)
        write_generation(lab, disk, generation);
}

static struct lab *machine(const struct operation *o)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = DISKS, .running = true});

    write_all(lab, 1);
    json_decref(cases_run(lab, __LINE__, 0, o->first));
    write_all(lab, 2);
    return lab;
}

/* Interrupted, the job that goes on is waited for. Returns the generation that there must be. */
static int outcome(struct lab *lab, const struct operation *o, const struct lab_result *r, int n)
{
    json_auto_t *doc = json_loads(r->out, 0, NULL), *jobs = NULL;

    cr_assert(r->status == 0 || r->status == 1 || r->status == 6, "%s, command %d: exit %d: %s",
              o->title, n, r->status, r->out);
    if (r->status == 1)
        says(doc, "error.hint", "what was begun is undone");
    if (r->status == 6) {
        jobs = tells(lab, "jobs");
        does(lab, "job", "wait", text(jobs, "jobs.0.id"));
    }
    return r->status == 1 ? o->before : o->after;
}

/* At command @n; returns whether there were so many. */
static bool interrupted_at(const struct operation *o, int n, int *undone)
{
    struct between b = {.kill_at = n, .interrupt = true};
    struct lab *lab = machine(o);
    auto_result struct lab_result r = between_run(lab, &b, o->words);
    const bool more = b.commands >= n;
    const int expected = outcome(lab, o, &r, n);

    *undone += r.status == 1;
    for (int disk = 0; disk < DISKS; disk++)
        holds(lab, disk, expected);
    cr_assert_str_eq(status_of(lab), "running", "%s, command %d", o->title, n);
    json_auto_t *list = tells(lab, "list");
    cr_expect(!json_object_get(list, "warnings"), "%s, command %d: %s", o->title, n, r.out);
    is_tidy(lab);
    lab_stop(lab);
    return more;
}

static bool can_all(void)
{
    struct lab *lab = lab_start(&(struct lab_options){0});
    bool can = number(lab->greeting, "QMP.version.qemu.major") >= 6;

    lab_stop(lab);
    return can;
}

Test(interrupt, at_any_command_it_is_done_or_undone, .timeout = 0)
{
    for (size_t i = 0; can_all() && i < sizeof(operations) / sizeof(operations[0]); i++) {
        const struct operation *o = &operations[i];
        int n = 1, undone = 0;

        while (interrupted_at(o, n, &undone))
            n++;
        printf("table: %-18s %2d commands, undone %d times\n", o->title, n - 1, undone);
    }
}

/* ---- in the middle of a job ---- */

Test(interrupt, ends_the_waiting_and_says_how_to_go_on)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *copy = lab_path(lab, "copy.qcow2");

    write_generation(lab, 0, 1);
    lab_write(lab, 0, 5, "4M", "8M");
    struct lab_process p =
        begins(lab, "qrw-mirror-vda", "mirror", "vda", copy, "--speed", "64k", "--pivot");
    kill(p.pid, SIGINT);
    auto_result struct lab_result r = lab_finish(&p);
    json_auto_t *doc = json_loads(r.out, 0, NULL);
    cr_expect_eq(r.status, 6, "%s", r.out);
    says(doc, "error.kind", "waiting");
    says(doc, "error.desc", "stopped waiting; the job qrw-mirror-vda goes on");
    says(doc, "error.hint", "to wait for it again: qrewind job wait qrw-mirror-vda");

    json_auto_t *waited = refuses(lab, 6, "job", "wait", "qrw-mirror-vda", "--for", "0.2");
    says(waited, "kind", "waiting");
    does(lab, "job", "speed", "qrw-mirror-vda", "0");
    does(lab, "job", "wait", "qrw-mirror-vda"); /* and what was asked for at first is done */
    chain_is(lab, 0, "copy.qcow2");
    holds(lab, 0, 1);
    lab_stop(lab);
}

Test(interrupt, the_second_one_leaves_at_once)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *copy = lab_path(lab, "copy.qcow2");

    lab_write(lab, 0, 5, "4M", "8M");
    struct lab_process p = begins(lab, "qrw-mirror-vda", "mirror", "vda", copy, "--speed", "64k");
    lab_halt(lab); /* nothing that needs QEMU can end now */
    cr_assert_eq(kill(p.pid, SIGINT), 0);
    lab_hears(&p, "interrupt again to leave at once");
    cr_assert_eq(kill(p.pid, SIGINT), 0);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 128 + SIGINT, "%d", r.status);
    kill(lab->pid, SIGCONT);
    lab_stop(lab);
}
