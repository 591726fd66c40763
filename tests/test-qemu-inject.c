/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every call of an operation that touches files, sockets or processes fails once, or from then on:
 * no space, no quota, no descriptors, an I/O error, a signal, half a write. The exit code says
 * what is true then: 0 done, 5 half done and repair settles it, else nothing has changed.
 *
 *   make inject-matrix [OF=1] [QRW_ROW=TEXT]
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/settle.h"
#include "tests/faults/table.h"

static const char *const failures[] = {"ENOSPC", "EDQUOT", "EMFILE", "EIO",
                                       "EINTR",  "ENOMEM", "short"};
enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

static void try_point(const struct row *row, const struct ends *ends, const struct fault *f,
                      struct tally *t)
{
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    auto_result struct lab_result r = fault_run(m.lab, f, words);
    tally_add(t, settle_by_code(ends, &m, &r, f->stays, false), "%s%s at call %d", f->what,
              f->stays ? " from then on" : "", f->at);
    machine_stop(&m);
}

static int count_calls(const struct row *row)
{
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    int n = fault_count(m.lab, "all", words);
    machine_stop(&m);
    return n;
}

static void try_row(const struct row *row, struct tally *t)
{
    enum { EACH = 2 * FAILURES, SAMPLE = 5000 };
    struct ends ends;

    if (!ends_record(&ends, row))
        return;
    for (int i = 0, n = count_calls(row); i < n * EACH; i++) {
        struct fault f = {.what = failures[i % FAILURES],
                          .at = 1 + i / EACH,
                          .set = "all",
                          .stays = i / FAILURES % 2};

        if (f.stays && (!strcmp(f.what, "EINTR") || !strcmp(f.what, "short")))
            continue; /* no signal comes for ever */
        if (table_picks(row, i, SAMPLE))
            try_point(row, &ends, &f, t);
    }
    ends_done(&ends);
}

Test(inject, whatever_fails_the_exit_code_says_what_is_true, .timeout = 0)
{
    int failed = table_try("a call fails during", try_row);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}
