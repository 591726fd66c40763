/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every call of an operation that touches files, sockets or processes fails once, or from then on:
 * no space, no quota, no descriptors, an I/O error, a signal, half a write. The exit code says
 * what is true then: 0 done, 5 half done and repair settles it, else nothing has changed.
 *
 *   make inject-matrix [OF=1] [SEED=0] [QRW_ROW=TEXT]
 *
 * Each call can fail in 11 ways, or 12: OF=11 leaves none out, and each SEED takes other ways.
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

static char *calls_of(const struct row *row)
{
    struct machine m;

    machine_start(&m, row);
    auto_free char *words = machine_words(&m);
    char *calls = fault_calls(m.lab, "all", words);
    machine_stop(&m);
    return calls;
}

/* Nothing happens to the call: it transfers nothing that could be short. */
static bool is_spared(const char *call, const struct fault *f)
{
    static const char *const transfers[] = {"read", "write", "pread",  "pwrite",
                                            "recv", "send",  "sendmsg"};

    if (strcmp(f->what, "short"))
        return f->stays && !strcmp(f->what, "EINTR"); /* no signal comes for ever */
    for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++)
        if (!strcmp(call, transfers[i]))
            return f->stays;
    return true;
}

static void try_row(const struct row *row, struct tally *t)
{
    enum { EACH = 2 * FAILURES, SAMPLE = 5000 };
    struct ends ends;

    if (!ends_record(&ends, row))
        return;
    auto_free char *calls = calls_of(row);
    char *rest = calls;
    for (int at = 1; *rest; at++) {
        const char *call = strsep(&rest, " ");

        for (int i = 0, nth = 0; i < EACH; i++) {
            struct fault f = {
                .what = failures[i % FAILURES], .at = at, .set = "all", .stays = i / FAILURES};

            if (!is_spared(call, &f) && table_picks_nth(row, at, nth++, SAMPLE))
                try_point(row, &ends, &f, t);
        }
    }
    ends_done(&ends);
}

Test(inject, whatever_fails_the_exit_code_says_what_is_true, .timeout = 0)
{
    int failed = table_try("a call fails during", try_row);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}
