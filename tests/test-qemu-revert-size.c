/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A revert to a snapshot of another size fails, or is killed, and is undone: the disks have the
 * size that they had, and what they held up to their ends.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

enum { MIB = 1 << 20, DISKS = 2, PRESENT = 7, FROZEN = 9 };

/* Where a disk of @mib is written to, and read. */
static void write_end(struct lab *lab, int pattern, int mib)
{
    auto_free char *place = mem_printf("%dM", mib - 1);

    for (int disk = 0; disk < DISKS; disk++)
        lab_write(lab, disk, pattern, place, "1M");
}

static void grow(struct lab *lab)
{
    const long long size = 32LL * MIB;

    json_decref(lab_qmp(lab, "block_resize", "{s:s, s:I}", "device", "vda", "size", size));
    json_decref(lab_qmp(lab, "block_resize", "{s:s, s:I}", "device", "vdb", "size", size));
}

/* The disks have 16 MiB and "s" is of 32, or the other way round. */
static struct lab *machine(bool small)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = DISKS, .size = "16M"});

    json_decref(lab_qmp(lab, "cont", NULL));
    write_end(lab, small ? PRESENT : FROZEN, 16);
    does(lab, "create", small ? "first" : "s");
    grow(lab);
    write_end(lab, small ? FROZEN : PRESENT, 32);
    if (small) {
        does(lab, "create", "s");
        does(lab, "revert", "first", "--discard");
    }
    return lab;
}

/* Do the disks show the present, and not what "s" holds? */
static bool show_present(struct lab *lab, bool small, const char *what)
{
    json_auto_t *doc = tells(lab, "disks");
    const int mib = (int)(number(doc, "disks.0.size") / MIB);
    const bool present = mib == (small ? 16 : 32);
    auto_free char *place = mem_printf("%dM", mib - 1);

    cr_assert(mib == 16 || mib == 32, "%s: %d MiB", what, mib);
    for (int disk = 0; disk < DISKS; disk++) {
        auto_free char *size = mem_printf("disks.%d.size", disk);

        cr_assert_eq(number(doc, size), (long long)mib * MIB, "%s: disk %d", what, disk);
        cr_assert(lab_reads(lab, disk, present ? PRESENT : FROZEN, place, "1M"), "%s: disk %d",
                  what, disk);
    }
    return present;
}

/* It was undone, or can be, and can be done again. */
static void can_go_on(struct lab *lab, bool small)
{
    cr_assert_str_eq(status_of(lab), "running");
    is_tidy(lab);
    if (show_present(lab, small, "then"))
        does(lab, "revert", "s");
    cr_assert(!show_present(lab, small, "afterwards"));
    does(lab, "undo");
    cr_assert(show_present(lab, small, "undone"));
    turn_off(lab);
    lab_stop(lab);
}

static void fails(bool small, const char *command)
{
    struct lab *lab = machine(small);
    struct between b = {.spoil = command};
    auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "s"));

    cr_assert_eq(r.status, 1, "%s: exit %d: %s%s", command, r.status, r.out, r.err);
    cr_assert(show_present(lab, small, command));
    can_go_on(lab, small);
}

Test(revert_size, one_that_fails)
{
    for (int small = 0; small < 2; small++)
        fails(small, "system_reset");
}

/* One that was killed when the disks had their overlays is to be undone. */
static void leave_half_done(struct lab *lab)
{
    struct between b = {.only = "transaction", .kill_at = 1, .answered = true};
    auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "s"));

    cr_assert_eq(b.commands, 1, "%s%s", r.out, r.err);
}

/* The program is killed at command @n of a revert, or of a repair. False: there is none. */
static bool killed(bool small, const char *const *words, int n)
{
    struct lab *lab = machine(small);
    struct between b = {.kill_at = n, .answered = true};
    auto_free char *what = mem_printf("%s, killed after command %d", words[0], n);
    const bool repairs = !strcmp(words[0], "repair");

    if (repairs)
        leave_half_done(lab);
    auto_result struct lab_result r = between_run(lab, &b, words);
    if (b.commands >= n)
        does(lab, "repair");
    else
        cr_assert_eq(r.status, 0, "%s: %s%s", what, r.out, r.err);
    cr_assert(show_present(lab, small, what) || !repairs, "%s", what);
    can_go_on(lab, small);
    return b.commands >= n;
}

static void killed_everywhere(bool small, const char *const *words)
{
    for (int n = 1; killed(small, words, n); n++)
        ;
}

Test(revert_size, one_to_a_larger_size_that_is_killed_at_any_command)
{
    killed_everywhere(true, WORDS("revert", "s"));
}

Test(revert_size, one_to_a_larger_size_whose_repair_is_killed_at_any_command)
{
    killed_everywhere(true, WORDS("repair"));
}

Test(revert_size, one_to_a_smaller_size_whose_repair_is_killed_at_any_command)
{
    killed_everywhere(false, WORDS("repair"));
}

/* Some devices, as nvme, allow no other size. */
Test(revert_size, what_qemu_does_not_make_smaller_is_told)
{
    struct lab *lab = machine(true);
    struct between b = {.spoil = "block_resize"};

    leave_half_done(lab);
    auto_result struct lab_result r = between_run(lab, &b, WORDS("repair"));
    cr_assert_eq(r.status, 0, "%s%s", r.out, r.err);
    cr_expect(strstr(r.out, "larger now than it was"), "%s", r.out);
    is_tidy(lab);
    lab_stop(lab);
}
