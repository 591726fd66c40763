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
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/faults/fault.h"
#include "tests/faults/picture.h"
#include "tests/faults/settle.h"
#include "tests/faults/table.h"

static const char *const failures[] = {"ENOSPC", "EDQUOT", "EMFILE", "EIO",
                                       "EINTR",  "ENOMEM", "short"};
enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

/* @words (taken) about the images that the disks ran on. New string. */
static char *of_images(const struct machine *m, char *words)
{
    for (int d = 0; d < m->row->disks; d++) {
        char *more = mem_printf("%s --image %s/%s", words, m->home->folder, m->files[d]);

        free(words);
        words = more;
    }
    return words;
}

/* The machine before the operation, and what is to be said. @offline: QEMU is gone. New string. */
static char *begin(struct machine *m, const struct row *row, bool offline)
{
    machine_start(m, row);
    if (!offline)
        return machine_words(m);
    lab_kill(m->lab);
    return of_images(m, machine_words(m));
}

static void try_point(const struct row *row, const struct ends *ends, const struct fault *f,
                      bool offline, struct tally *t)
{
    struct machine m;
    auto_free char *words = begin(&m, row, offline);
    auto_result struct lab_result r = fault_run(m.lab, f, words);

    if (offline && r.status == 5) {
        auto_free char *repair = of_images(&m, mem_strdup("repair"));
        auto_result struct lab_result later = fault_free(m.lab, repair);
    }
    if (offline)
        settle_restart(&m, false);
    tally_add(t, settle_by_code(ends, &m, &r, f->stays, offline), "%s%s at call %d", f->what,
              f->stays ? " from then on" : "", f->at);
    machine_stop(&m);
}

static char *calls_of(const struct row *row, bool offline)
{
    struct machine m;
    auto_free char *words = begin(&m, row, offline);
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

static void try_calls(const struct row *row, const struct ends *ends, bool offline, int sample,
                      struct tally *t)
{
    enum { EACH = 2 * FAILURES };
    auto_free char *calls = calls_of(row, offline);
    char *rest = calls;

    for (int at = 1; *rest; at++) {
        const char *call = strsep(&rest, " ");

        for (int i = 0, nth = 0; i < EACH; i++) {
            struct fault f = {
                .what = failures[i % FAILURES], .at = at, .set = "all", .stays = i / FAILURES};

            if (!is_spared(call, &f) && table_picks_nth(row, at, nth++, sample))
                try_point(row, ends, &f, offline, t);
        }
    }
}

static void try_row(const struct row *row, struct tally *t)
{
    enum { SAMPLE = 5000 };
    struct ends ends;

    if (!ends_record(&ends, row))
        return;
    try_calls(row, &ends, false, SAMPLE, t);
    ends_done(&ends);
}

Test(inject, whatever_fails_the_exit_code_says_what_is_true, .timeout = 0)
{
    int failed = table_try("a call fails during", try_row);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}

/* ---- offline ---- */

/* What it comes to offline instead. Returns false: it cannot be done so. */
static bool end_offline(struct ends *ends, const struct row *row)
{
    struct machine m;
    auto_free char *words = begin(&m, row, true);
    auto_result struct lab_result r = fault_free(m.lab, words);
    char *why = NULL;

    if (!r.status) {
        settle_restart(&m, false);
        free(ends->picture[END_AFTER]);
        ends->picture[END_AFTER] = picture(&m, true, &why);
        if (why)
            lab_fail("%s, offline: %s", row->title, why);
    }
    machine_stop(&m);
    return !r.status;
}

static void try_row_offline(const struct row *row, struct tally *t)
{
    enum { ROWS = 6, SAMPLE = 1000 };
    struct ends ends;

    if ((!table_is_whole() && !table_picks(row, -1, ROWS)) || !ends_record(&ends, row))
        return;
    if (end_offline(&ends, row))
        try_calls(row, &ends, true, SAMPLE, t);
    ends_done(&ends);
}

Test(inject, and_so_it_does_offline, .timeout = 0)
{
    int failed = table_try("offline, a call fails during", try_row_offline);

    cr_assert_eq(failed, 0, "%d points failed", failed);
}
