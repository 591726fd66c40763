/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program, QEMU, or both are killed before and after every call by which an operation changes
 * a file or tells QEMU something. Whoever comes next finds it done, or undone; nothing is lost,
 * nothing is left over, and a program that survived its QEMU has told the truth.
 *
 *   make check TEST=qemu-kill-points      a sample
 *   make kill-matrix [QRW_ROW=revert]     every call, victim and moment, the ways to go on in turn
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/settle.h"
#include "tests/faults/table.h"

static const char *const ways[] = {"repair", "again", "another", "repair twice"};

static void try_point(const struct row *row, const struct ends *ends, const struct fault *f,
                      enum settle_by how, struct tally *t)
{
    const bool restart = f->victim != FAULT_CLIENT;
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    auto_result struct lab_result r = fault_run(m.lab, f, words);

    /* one that had fewer calls this time was not disturbed at all */
    if (fault_hit(m.lab, f, &r)) {
        const unsigned never = f->victim == FAULT_QEMU ? settle_denied(r.status, how) : 0;

        if (restart)
            settle_restart(&m, f->at % 2);
        tally_add(t, settle(ends, &m, how, restart, never, f->at * 7 + (int)how),
                  "%s %s at call %d: exit %d, then %s", f->what, fault_victims[f->victim], f->at,
                  r.status, ways[how]);
    }
    machine_stop(&m);
}

static void try_row(const struct row *row, struct tally *t)
{
    enum { SAMPLE = 120 };
    struct ends ends;

    if (!ends_record(&ends, row))
        return;
    for (int i = 0; i < ends.calls * FAULT_KILLS; i++) {
        struct fault f = fault_kill(i);

        /* every way to go on in turn, also for one victim and moment */
        if (table_picks(row, i, SAMPLE))
            try_point(row, &ends, &f, (enum settle_by)((i + i / FAULT_KILLS) % SETTLE_WAYS), t);
    }
    ends_done(&ends);
}

Test(kill_points, every_operation_is_done_or_undone, .timeout = 0)
{
    int failed = table_try("killed during", try_row);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}
