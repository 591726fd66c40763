/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An operation dies half way, alone or with QEMU, and the repair of it is killed too: before and
 * after every call, the program, QEMU, or both. The next repair ends it.
 *
 *   make check TEST=qemu-kill-repair               a sample
 *   make repair-matrix OF=60 [QRW_ROW=commit]      one of OF points at which an operation dies, and
 *                                                  of each every kill of its repair
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/settle.h"
#include "tests/faults/table.h"

static const char words[] = "repair --yes";

/* Run @line until @f strikes, and start QEMU again where it was a victim. Returns false: there are
 * fewer calls, nothing was disturbed. */
static bool strike(struct machine *m, const struct fault *f, const char *line)
{
    auto_result struct lab_result r = fault_run(m->lab, f, line);

    if (!fault_hit(m->lab, f, &r))
        return false;
    if (f->victim != FAULT_CLIENT)
        settle_restart(m, f->at % 2);
    return true;
}

/* Returns false: repair has fewer calls. */
static bool try_point(const struct row *row, const struct ends *ends, const struct fault *first,
                      const struct fault *second, struct tally *t)
{
    const bool restart = first->victim != FAULT_CLIENT || second->victim != FAULT_CLIENT;
    struct machine m;

    machine_start(&m, row);
    auto_free char *line = machine_words(&m);
    bool hit = strike(&m, first, line) && strike(&m, second, words);
    if (hit)
        tally_add(t, settle(ends, &m, SETTLE_REPAIR, restart, 0, 0),
                  "%s %s at call %d, repair: %s %s at call %d", first->what,
                  fault_victims[first->victim], first->at, second->what,
                  fault_victims[second->victim], second->at);
    machine_stop(&m);
    return hit;
}

static void try_row(const struct row *row, struct tally *t)
{
    enum { ROWS = 6, SAMPLE = 80, SAMPLE_OF_REPAIR = 40, CALLS_MOST = 200 };
    struct ends ends;

    if ((!table_is_whole() && !table_picks(row, -1, ROWS)) || !ends_record(&ends, row))
        return;
    for (int i = 0; i < ends.calls * FAULT_KILLS; i++) {
        const struct fault first = fault_kill(i);
        bool goes_on = first.victim != FAULT_QEMU && table_picks(row, i, SAMPLE);

        for (int k = 0; goes_on && k < CALLS_MOST * FAULT_KILLS; k++) {
            const struct fault second = fault_kill(k);

            if (table_is_whole() || table_picks(row, k, SAMPLE_OF_REPAIR))
                goes_on = try_point(row, &ends, &first, &second, t);
        }
    }
    ends_done(&ends);
}

Test(kill_repair, a_repair_that_is_killed_is_repaired, .timeout = 0)
{
    int failed = table_try("repair, killed", try_row);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}
