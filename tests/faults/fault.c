/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault: see fault.h. */
#include "tests/faults/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"

enum { WORDS_MOST = 64, TRIES = 200 };

const char *const fault_victims[] = {"qrewind", "QEMU", "both"};

struct fault fault_kill(int n)
{
    static const char *const moments[] = {"kill", "killed"};

    return (struct fault){.what = moments[n % FAULT_MOMENTS],
                          .at = 1 + n / FAULT_KILLS,
                          .set = "change",
                          .victim = (enum fault_victim)(n / FAULT_MOMENTS % FAULT_VICTIMS)};
}

struct words {
    char *v[WORDS_MOST];
    int n;
};

static void add(struct words *w, char *word)
{
    if (w->n + 1 == WORDS_MOST)
        lab_fail("too many arguments");
    w->v[w->n++] = word;
    w->v[w->n] = NULL;
}

/* The shim lies beside the program: build/KIND/tests/shim.so. */
static char *shim_path(const char *program)
{
    return mem_printf("%.*s/tests/shim.so", (int)(strrchr(program, '/') - program), program);
}

static void add_fault(struct words *w, struct lab *lab, const struct fault *f, const char *program)
{
    auto_free char *shim = shim_path(program);
    const int qemu = f->victim == FAULT_QEMU ? -lab->pid : lab->pid;

    add(w, mem_strdup("env"));
    add(w, mem_printf("LD_PRELOAD=%s", shim));
    add(w, mem_strdup("ASAN_OPTIONS=verify_asan_link_order=0"));
    if (f->what)
        add(w, mem_printf("QRW_FAULT=%s", f->what));
    add(w, mem_printf("QRW_FAULT_AT=%d", f->at));
    add(w, mem_printf("QRW_FAULT_SET=%s", f->set));
    if (f->stays)
        add(w, mem_strdup("QRW_FAULT_STAY=1"));
    if (f->victim != FAULT_CLIENT)
        add(w, mem_printf("QRW_FAULT_QEMU=%d", qemu));
    if (f->log)
        add(w, mem_printf("QRW_FAULT_LOG=%s", f->log));
    if (f->keep)
        add(w, mem_printf("QRW_FAULT_KEEP=%s", f->keep));
}

struct lab_result fault_run(struct lab *lab, const struct fault *f, const char *words)
{
    auto_free char *program = lab_program(), *line = mem_strdup(words);
    auto_free char *cwd = lab_path(lab, "client");
    struct words w = {0};
    char *rest = line;
    struct lab_result r;

    if (f)
        add_fault(&w, lab, f, program);
    add(&w, mem_strdup(program));
    add(&w, mem_strdup("--json"));
    if (!f || !f->alone) {
        add(&w, mem_strdup("--socket"));
        add(&w, mem_strdup(lab->socket));
    }
    for (char *word; (word = strsep(&rest, " "));)
        add(&w, mem_strdup(word));
    r = lab_exec(cwd, (const char *const *)w.v);
    while (w.n)
        free(w.v[--w.n]);
    return r;
}

bool fault_hit(const struct lab *lab, const struct fault *f, const struct lab_result *r)
{
    return f->victim == FAULT_QEMU ? lab_has_ended(lab) : r->status == 128 + SIGKILL;
}

struct lab_result fault_free(struct lab *lab, const char *words)
{
    return fault_run(lab, NULL, words);
}

bool fault_waits(const struct lab_result *r)
{
    return strstr(r->out, "\"settled\":\"running\"") || strstr(r->out, "is still under way: job");
}

struct lab_result fault_settled(struct lab *lab, const char *words)
{
    struct lab_result r = fault_free(lab, words);

    for (int i = 1; i < TRIES && fault_waits(&r); i++) {
        lab_result_done(&r);
        json_decref(lab_event(lab, "JOB_STATUS_CHANGE"));
        r = fault_free(lab, words);
    }
    return r;
}

char *fault_calls(struct lab *lab, const char *set, const char *words)
{
    auto_free char *log = lab_path(lab, "calls");
    const struct fault f = {.set = set, .log = log};
    auto_result struct lab_result r = fault_run(lab, &f, words);
    FILE *lines = fopen(log, "re");
    char *calls = mem_strdup(""), name[24];

    if (r.status)
        lab_fail("%s: undisturbed, and yet: exit %d: %s%s", words, r.status, r.out, r.err);
    while (lines && fscanf(lines, "%*d %23s%*[^\n]", name) == 1) {
        char *longer = mem_printf("%s%s ", calls, name);

        free(calls);
        calls = longer;
    }
    if (lines)
        fclose(lines);
    unlink(log);
    if (!calls[0])
        lab_fail("%s: the shim saw nothing", words);
    return calls;
}

int fault_count(struct lab *lab, const char *set, const char *words)
{
    auto_free char *calls = fault_calls(lab, set, words);
    int n = 0;

    for (const char *at = calls; (at = strchr(at, ' ')); at++)
        n++;
    return n;
}
