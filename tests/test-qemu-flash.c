/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UEFI variables: a flash device is a disk of the snapshot, and keeps what it holds in memory.
 * No firmware is needed for that: nothing reads what is in it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/cases.h"
#include "tests/cases/live.h"

/* Beside the first disk, code that nobody may write to, and variables. */
static void make_flash(const char *folder, void *format)
{
    auto_free char *code = mem_printf("%s/code.raw", folder);
    auto_free char *variables = mem_printf("%s/vars.%s", folder, (char *)format);

    lab_image(code, "raw", "4M", NULL, NULL);
    lab_image(variables, format, "4M", NULL, NULL);
}

static struct lab *start(const char *format)
{
    auto_free char *variables =
        mem_printf("if=pflash,unit=1,format=%s,file=vars.%s", format, format);

    return lab_start(&(struct lab_options){
        .disks = 1,
        .running = true,
        .args = WORDS("-M", "q35", "-drive",
                      "if=pflash,unit=0,format=raw,readonly=on,file=code.raw", "-drive", variables),
        .prepare = make_flash,
        .prepare_arg = (void *)format,
    });
}

static bool has_memory(const struct lab *lab)
{
    return number(lab->greeting, "QMP.version.qemu.major") >= 6;
}

static const char note[] = "pflash1 is flash";

Test(flash, is_in_the_snapshot_unless_nobody_may_write_to_it)
{
    struct lab *lab = start("qcow2");
    json_auto_t *doc = tells(lab, "create", "s1"), *shown = tells(lab, "show", "s1");

    cr_expect(mentions(at(doc, "notes"), "pflash0 is left out: it is read-only"));
    cr_expect(at(shown, "snapshot.disks.pflash1") && at(shown, "snapshot.disks.vda"));
    lab_stop(lab);
}

Test(flash, shows_the_guest_nothing_new_when_the_disks_alone_go_back)
{
    struct lab *lab = start("qcow2");

    does(lab, "create", "s1");
    json_auto_t *back = tells(lab, "revert", "s1"), *forth = tells(lab, "undo");
    cr_expect(mentions(at(back, "notes"), note));
    cr_expect(mentions(at(forth, "notes"), note));
    if (has_memory(lab)) {
        does(lab, "create", "i1", "--internal");
        json_auto_t *inside = tells(lab, "revert", "i1");
        cr_expect(mentions(at(inside, "notes"), note));
    }
    turn_off(lab);
    lab_stop(lab);
}

Test(flash, comes_back_with_the_memory)
{
    struct lab *lab = start("qcow2");

    if (has_memory(lab)) {
        does(lab, "create", "m1", "--memory");
        json_auto_t *back = tells(lab, "revert", "m1");
        cr_expect_eq(json_array_size(at(back, "notes")), 0);
        does(lab, "create", "i1", "--internal", "--memory");
        json_auto_t *inside = tells(lab, "revert", "i1");
        cr_expect_eq(json_array_size(at(inside, "notes")), 0);
        if (live_can(lab))
            does(lab, "create", "m2", "--memory=live");
    }
    turn_off(lab);
    lab_stop(lab);
}

/* QEMU writes what was loaded back when the guest runs, and would die of two that wait for it. */
Test(flash, may_be_loaded_twice_before_the_guest_runs)
{
    static const char *const ways[][6] = {
        {"revert", "i1", "--paused"},
        {"revert", "i1", "--paused", "--no-memory"},
        {"revert", "i1", "--paused", "--no-memory", "--no-reset"},
        {"revert", "i1", "--running"},
        {"revert", "m1", "--paused"},
    };
    struct lab *lab = start("qcow2");

    if (has_memory(lab)) {
        does(lab, "create", "m1", "--memory");
        does(lab, "create", "i1", "--internal", "--memory");
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
            does(lab, "revert", "i1", "--paused");
            json_decref(cases_run(lab, __LINE__, 0, ways[i]));
            json_decref(lab_qmp(lab, "cont", NULL));
            cr_assert_not(lab_has_ended(lab), "%s %s", ways[i][0], ways[i][1]);
        }
        does(lab, "revert", "m1");
        json_decref(lab_qmp(lab, "stop", NULL));
    }
    turn_off(lab);
    lab_stop(lab);
}

/* A guest that stood still runs for an instant before a memory is loaded. */
Test(flash, of_a_guest_that_goes_on_after_an_interrupted_load_stops_nobody)
{
    struct between b = {.only = "blockdev-snapshot", .kill_at = 1};
    struct lab *lab = start("qcow2");

    if (has_memory(lab)) {
        does(lab, "create", "m1", "--memory", "--disk", "vda");
        json_decref(lab_qmp(lab, "stop", NULL));
        auto_result struct lab_result killed = between_run(lab, &b, WORDS("revert", "m1"));
        cr_assert_eq(killed.status, 128 + SIGKILL, "%s%s", killed.out, killed.err);
        json_decref(lab_qmp(lab, "cont", NULL));
        json_auto_t *repaired = tells(lab, "repair");
        says(repaired, "settled", "undone");
        cr_expect_str_eq(status_of(lab), "running");
    }
    lab_stop(lab);
}

/* ---- what is in it ---- */

/* Through QEMU, as the device would; what qemu-io prints goes to QEMU's log. */
static void write_flash(struct lab *lab, int pattern)
{
    free(lab_human(lab, "qemu-io pflash1 \"write -P %d 0 64k\"", pattern));
}

static void flash_holds(struct lab *lab, int pattern)
{
    json_auto_t *chain = tells(lab, "chain", "pflash1");
    auto_free char *command = mem_printf("read -P %d 0 64k", pattern);
    auto_result struct lab_result r =
        lab_exec(NULL, WORDS("qemu-io", "-r", "-U", "-f", text(chain, "disks.0.layers.0.format"),
                             "-c", command, text(chain, "disks.0.layers.0.file")));

    cr_assert(!r.status && strstr(r.out, "read 65536/65536") && !strstr(r.out, "failed"),
              "%d: %s%s", pattern, r.out, r.err);
}

static size_t flash_layers(struct lab *lab)
{
    json_auto_t *chain = tells(lab, "chain", "pflash1");

    return json_array_size(at(chain, "disks.0.layers"));
}

Test(flash, goes_back_and_forth_and_is_merged_as_any_disk)
{
    static const char *const formats[] = {"qcow2", "raw"};

    for (size_t i = 0; i < 2; i++) {
        struct lab *lab = start(formats[i]);

        write_flash(lab, 1);
        does(lab, "create", "s1");
        write_flash(lab, 2);
        does(lab, "create", "s2");
        write_flash(lab, 3);
        does(lab, "revert", "s1");
        flash_holds(lab, 1);
        does(lab, "undo");
        flash_holds(lab, 3);
        does(lab, "revert", "s2", "--discard");
        flash_holds(lab, 2);
        does(lab, "delete", "s2");
        does(lab, "delete", "s1");
        flash_holds(lab, 2);
        cr_expect_eq(flash_layers(lab), 1);
        cr_expect(!has_file(lab, "vars.s1.qcow2") && !has_file(lab, "vars.s2.qcow2"));
        turn_off(lab);
        lab_stop(lab);
    }
}

/* What can hold no snapshot inside is named, with the cure; overlays go on anything. */
Test(flash, that_is_raw)
{
    struct lab *lab = start("raw");
    const char *const *const inside[] = {WORDS("create", "i1", "--internal"),
                                         WORDS("create", "i1", "--internal", "--memory")};

    for (size_t i = 0; i < 2; i++) {
        auto_free char *state = state_of(lab);
        json_auto_t *error = cases_run(lab, __LINE__, 7, inside[i]);

        says(error, "desc", "pflash1 cannot hold an internal snapshot: vars.raw is raw");
        says(error, "hint", "qrewind mirror pflash1 ");
        says(error, "hint", "--exclude pflash1");
        unchanged(lab, state);
    }
    does(lab, "create", "s1");
    if (has_memory(lab)) {
        does(lab, "create", "m1", "--memory");
        does(lab, "revert", "m1");
    }
    does(lab, "revert", "s1");
    turn_off(lab);
    lab_stop(lab);
}
