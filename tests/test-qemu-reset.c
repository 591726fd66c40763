/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a way back does to a guest whose QEMU was told to end at a reset, and to one that has
 * powered itself off, or sleeps.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/cases.h"

static bool is_new(const struct lab *lab)
{
    return number(lab->greeting, "QMP.version.qemu.major") >= 6;
}

/* Until the firmware has been through, which resets the guest once more. */
static void restarts(struct lab *lab)
{
    for (int resets = 0; resets < 2; resets++)
        json_decref(lab_event(lab, "RESET"));
    cr_expect_str_eq(status_of(lab), "running");
}

/* An old one cannot be told otherwise. */
static void is_refused(struct lab *lab)
{
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "revert", "s1");

    says(error, "desc", "-no-reboot");
    unchanged(lab, state);
    does(lab, "revert", "s1", "--no-reset");
}

Test(reset, of_a_qemu_that_was_told_to_end_then)
{
    static const struct {
        const char *told[4];
        bool ends;
    } rows[] = {
        {{"-no-reboot"}, true},
        {{"-no-reboot", "-no-shutdown"}, true},
        {{"-action", "panic=none,reboot=shutdown,shutdown=pause"}, true}, /* 6.0 on */
        {{"-no-reboot", "-action", "reboot=reset"}, false},
    };
    bool new = true;

    for (size_t i = 0; i < (new ? sizeof(rows) / sizeof(rows[0]) : 2); i++) {
        struct lab *lab =
            lab_start(&(struct lab_options){.disks = 1, .running = true, .args = rows[i].told});

        new = is_new(lab);
        does(lab, "create", "s1");
        if (!new) {
            is_refused(lab);
            lab_stop(lab);
            continue;
        }
        json_auto_t *back = tells(lab, "revert", "s1");
        cr_expect_eq(mentions(at(back, "notes"), "reboot=shutdown changes that"), rows[i].ends);
        restarts(lab);
        does(lab, "undo");
        restarts(lab);
        json_auto_t *stays = tells(lab, "revert", "s1", "--no-reset");
        cr_expect_eq(json_array_size(at(stays, "notes")), 0);
        lab_stop(lab);
    }
}

/* Nor by who ends what another began. */
Test(reset, of_such_a_qemu_is_done_by_the_next_client_too)
{
    static const char *const told[] = {"-no-reboot", NULL};
    struct between b = {.only = "set-action", .kill_at = 1};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .running = true, .args = told});

    if (is_new(lab)) {
        does(lab, "create", "s1");
        auto_result struct lab_result killed = between_run(lab, &b, WORDS("revert", "s1"));
        cr_assert_eq(killed.status, 128 + SIGKILL, "%s%s", killed.out, killed.err);
        json_auto_t *repaired = tells(lab, "repair");
        says(repaired, "settled", "finished");
        restarts(lab);
    }
    lab_stop(lab);
}

/* As the guest's own power management does it: a word to a port, once the firmware has set that up.
 */
static void goes_to(struct lab *lab, const char *word, const char *status)
{
    for (bool there = false; !there;) {
        free(lab_human(lab, "o /h 0x604 %s", word));
        json_auto_t *now = lab_qmp(lab, "query-status", NULL);
        there = !strcmp(text(now, "status"), status);
    }
}

Test(reset, of_a_guest_that_is_off_or_asleep_lets_it_go_on_with_what_is_loaded)
{
    static const struct {
        const char *word, *status;
    } rows[] = {{"0x2000", "shutdown"}, {"0x2400", "suspended"}};
    static const char *const args[] = {"-no-shutdown", NULL};

    for (size_t i = 0; i < 2; i++) {
        struct lab *lab =
            lab_start(&(struct lab_options){.disks = 1, .running = true, .args = args});

        if (is_new(lab)) {
            does(lab, "create", "m1", "--memory");
            does(lab, "create", "i1", "--internal", "--memory");
            goes_to(lab, rows[i].word, rows[i].status);
            does(lab, "revert", "i1");
            cr_expect_str_eq(status_of(lab), "running");
            goes_to(lab, rows[i].word, rows[i].status);
            does(lab, "revert", "m1");
            cr_expect_str_eq(status_of(lab), "running");
        }
        goes_to(lab, rows[i].word, rows[i].status);
        does(lab, "create", "s1");
        does(lab, "revert", "s1", "--running");
        cr_expect_str_eq(status_of(lab), "running");
        lab_stop(lab);
    }
}
