/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program, QEMU, or both are killed before and after every call by which an operation changes
 * a file or tells QEMU something. Whoever comes next finds it done, or undone; nothing is lost,
 * and nothing is left over.
 *
 *   make check TEST=qemu-kill-points      a sample
 *   make kill-matrix [QRW_ROW=revert]     every call, victim and moment, the ways to go on in turn
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/settle.h"
#include "tests/faults/table.h"

static const char *const victims[] = {"qrewind", "QEMU", "both"};
static const char *const moments[] = {"kill", "killed"};
static const char *const ways[] = {"repair", "again", "another", "repair twice"};

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};

    return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

static bool hit(const struct machine *m, const struct fault *f, const struct lab_result *r)
{
    return f->victim == FAULT_QEMU ? has_ended(m->lab->pid) : r->status == 128 + SIGKILL;
}

static void try_point(const struct row *row, const struct ends *ends, const struct fault *f,
                      enum settle_by how, struct tally *t)
{
    const bool restart = f->victim != FAULT_CLIENT;
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    auto_result struct lab_result r = fault_run(m.lab, f, words);

    /* one that had fewer calls this time was not disturbed at all */
    if (hit(&m, f, &r)) {
        if (restart)
            settle_restart(&m, f->at % 2);
        tally_add(t, settle(ends, &m, how, restart, f->at * 7 + (int)how),
                  "%s %s at call %d, then %s", moments[!strcmp(f->what, moments[1])],
                  victims[f->victim], f->at, ways[how]);
    }
    machine_stop(&m);
}

static void try_row(const struct row *row, struct tally *t)
{
    enum { VICTIMS = 3, MOMENTS = 2, EACH = VICTIMS * MOMENTS, SAMPLE = 120 };
    struct ends ends;

    if (!ends_record(&ends, row))
        return;
    for (int i = 0; i < ends.calls * EACH; i++) {
        struct fault f = {.what = moments[i % MOMENTS],
                          .at = 1 + i / EACH,
                          .set = "change",
                          .victim = (enum fault_victim)(i / MOMENTS % VICTIMS)};

        /* every way to go on in turn, also for one victim and moment */
        if (table_picks(row, i, SAMPLE))
            try_point(row, &ends, &f, (enum settle_by)((i + i / EACH) % SETTLE_WAYS), t);
    }
    ends_done(&ends);
}

Test(kill_points, every_operation_is_done_or_undone, .timeout = 0)
{
    int failed = table_try("killed during", try_row);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}
