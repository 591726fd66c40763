/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real program where the monitor hangs up, after every single byte of a session. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostile/hostile.h"

TestSuite(end, .init = hostile_enter, .fini = hostile_leave);

static const struct hostile whole = {
    .before = "disk0: a", .turn = "blockdev-snapshot", .then = "disk0: a <- a.s1", .timeout = "10"};

/* How many bytes the monitor says when nothing goes wrong. */
static size_t length(const char *verb, const char *name)
{
    struct hostile h = whole;

    hostile_set(&h);
    struct hostile_end end = hostile_run(&h, verb, name, NULL);
    cr_assert_eq(end.code, 0, "%s", end.err);
    hostile_end_done(&end);
    return end.sent;
}

Test(end, of_a_look_is_told)
{
    size_t n = length("list", NULL);
    struct hostile h = whole;

    hostile_set(&h);
    for (h.cut = 1; h.cut < n; h.cut += hostile_step()) {
        struct hostile_end end = hostile_run(&h, "list", NULL);
        /* all may have been understood before the last line's end */
        cr_expect(end.code == 4 || h.cut >= n - 2, "%zu: %d %s", h.cut, end.code, end.err);
        hostile_end_done(&end);
    }
    hostile_tell("the end, after every byte of a list");
}

/* Whatever the next command finds, it settles. */
static void settle(size_t cut)
{
    struct hostile h = whole;

    h.before = access("a.s1.qcow2", F_OK) ? whole.before : whole.then;
    h.turn = h.then = NULL;
    struct hostile_end end = hostile_run(&h, "repair", NULL);
    cr_expect_eq(end.code, 0, "%zu: %s", cut, end.err);
    hostile_end_done(&end);
    end = hostile_run(&h, "info", "-j", NULL);
    cr_expect(strstr(end.out, "\"pending\":null"), "%zu: %s", cut, end.out);
    hostile_end_done(&end);
}

Test(end, of_a_change_is_told_and_settled)
{
    size_t n = length("create", "s1");
    struct hostile h = whole;
    bool begun = false;

    for (h.cut = 1; h.cut < n; h.cut += hostile_step() * (begun ? 7 : 1)) {
        hostile_set(&h);
        struct hostile_end end = hostile_run(&h, "create", "s1", NULL);
        bool pending = end.code == 5;
        cr_expect(end.code == 4 || pending || h.cut >= n - 2, "%zu: %d", h.cut, end.code);
        if (!begun && !pending)
            cr_expect(access("a.s1.qcow2", F_OK) && access("a.qcow2.qrewind.json", F_OK));
        cr_expect(!begun || pending || h.cut >= n - 2, "%zu: nothing is begun again", h.cut);
        begun = begun || pending;
        hostile_end_done(&end);
        if (pending)
            settle(h.cut);
    }
    hostile_tell("the end, throughout a create");
}
