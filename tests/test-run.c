/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow of an operation, from observing to recording, on a stage (tests/scene/stage.h): what is
 * left when it ends, and what the next client makes of it.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "snapshot/sidecar.h"
#include "tests/scene/stage.h"
#include "tests/scratch/scratch.h"

TestSuite(run, .init = scratch_enter, .fini = scratch_leave, .timeout = 20);

static const struct stage_act nothing[] = {{NULL, NULL, NULL}};
static const struct qrw_create_args s1 = {.name = "s1"};

static const struct stage_act snapshot_taken[] = {{"blockdev-snapshot", NULL, "disk0: a <- a.s1"},
                                                  {NULL, NULL, NULL}};

/* ---- create ---- */

Test(run, a_snapshot_is_taken_and_recorded)
{
    struct stage s;

    stage_open(&s, "disk0: a", snapshot_taken);
    json_auto_t *result = stage_run(&s, &qrw_create, &s1, 0, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(result, "snapshot")), "s1");
    cr_expect_str_eq(json_string_value(json_object_get(result, "method")), "snapshot");
    stage_expect_commands(&s, "blockdev-add blockdev-snapshot");
    stage_expect_sidecar("a", "disk0: a*s1 <- a.s1");
    stage_expect_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2");
    stage_close(&s);
}

Test(run, what_is_only_planned_changes_nothing)
{
    struct stage s;

    stage_open(&s, "disk0: a", nothing);
    json_auto_t *result = stage_run(&s, &qrw_create, &s1, QRW_DRY_RUN, 0, NULL);
    cr_expect_gt(json_array_size(json_object_get(result, "plan")), 3);
    stage_expect_commands(&s, "");
    stage_expect_files("a.qcow2");
    stage_close(&s);
}

Test(run, a_refused_switch_leaves_nothing_behind)
{
    struct stage s;

    stage_open(&s, "disk0: a; disk1: b",
               (const struct stage_act[]){
                   {"transaction", "! GenericError Could not open the journal", NULL},
                   {NULL, NULL, NULL}});
    stage_run(&s, &qrw_create, &s1, 0, QRW_ERR_FAILED, "Could not open the journal (GenericError)");
    stage_expect_commands(&s, "blockdev-add blockdev-add transaction blockdev-del blockdev-del");
    stage_expect_files("a.qcow2 b.qcow2");
    stage_close(&s);
}

Test(run, a_refused_node_takes_the_others_back)
{
    struct stage s;

    stage_open(&s, "disk0: a; disk1: b",
               (const struct stage_act[]){{"blockdev-add", NULL, NULL},
                                          {"blockdev-add", "! GenericError Too many", NULL},
                                          {NULL, NULL, NULL}});
    stage_run(&s, &qrw_create, &s1, 0, QRW_ERR_FAILED, "Too many");
    stage_expect_commands(&s, "blockdev-add blockdev-add blockdev-del");
    stage_expect_files("a.qcow2 b.qcow2");
    stage_close(&s);
}

Test(run, a_file_in_the_way_is_refused_and_stays)
{
    struct stage s;

    scratch_write("a.s1.qcow2", "mine", 4);
    stage_open(&s, "disk0: a", nothing);
    stage_run(&s, &qrw_create, &s1, 0, QRW_ERR_REFUSED, "a.s1.qcow2 exists already");
    stage_expect_commands(&s, "");
    stage_expect_files("a.qcow2 a.s1.qcow2");
    stage_close(&s);
}

Test(run, an_overlay_that_cannot_be_made_takes_the_first_one_back)
{
    const char *const place[] = {"disk1=/nowhere/at/all/x.qcow2", NULL};
    const struct qrw_create_args elsewhere = {.name = "s1", .overlays = place};
    struct stage s;

    stage_open(&s, "disk0: a; disk1: b", nothing);
    stage_run(&s, &qrw_create, &elsewhere, 0, QRW_ERR_FAILED, "/nowhere/at/all");
    stage_expect_commands(&s, "blockdev-add blockdev-del");
    stage_expect_files("a.qcow2 b.qcow2");
    stage_close(&s);
}

Test(run, a_switch_that_did_not_happen_after_all_is_found_out)
{
    struct stage s;

    stage_open(&s, "disk0: a", nothing);
    stage_run(&s, &qrw_create, &s1, 0, QRW_ERR_UNKNOWN, "disk0 does not run on");
    stage_expect_sidecar("a", "nothing, pending create");
    stage_close(&s);
}

Test(run, a_locked_sidecar_lets_nobody_else_change_anything)
{
    auto_free char *file = mem_printf("%s/a.qcow2" SIDECAR_SUFFIX, scratch_folder());
    int lock = sidecar_lock(file, NULL);
    struct stage s;

    cr_assert_geq(lock, 0);
    stage_open(&s, "disk0: a", snapshot_taken);
    stage_run(&s, &qrw_create, &s1, 0, QRW_ERR_LOCKED, "another qrewind works on this VM");
    stage_expect_commands(&s, "");
    sidecar_unlock(file, lock);
    json_decref(stage_run(&s, &qrw_create, &s1, 0, 0, NULL));
    stage_close(&s);
}

/* ---- a connection that is lost, and the next client ---- */

/* The switch is under way when the monitor goes. */
static void lose(struct stage *s)
{
    stage_open(
        s, "disk0: a",
        (const struct stage_act[]){{"blockdev-snapshot", "close", NULL}, {NULL, NULL, NULL}});
    stage_run(s, &qrw_create, &s1, 0, QRW_ERR_UNKNOWN, NULL);
    stage_expect_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2");
    stage_expect_sidecar("a", "nothing, pending create");
}

Test(run, what_was_not_reached_is_undone_by_the_next_client)
{
    struct stage s;

    lose(&s);
    stage_again(&s, NULL, nothing);
    cr_expect_str_eq(stage_repair(&s), "undone");
    stage_expect_commands(&s, "blockdev-del");
    stage_expect_files("a.qcow2");
    cr_expect_str_eq(stage_repair(&s), "nothing");
    stage_close(&s);
}

Test(run, a_guest_that_was_stopped_goes_on_when_it_is_undone)
{
    static const struct qrw_create_args halted = {.name = "s1", .halt = true};
    struct stage s;

    stage_open(&s, "disk0: a",
               (const struct stage_act[]){{"stop", NULL, "disk0: a; paused"},
                                          {"blockdev-snapshot", "close", NULL},
                                          {NULL, NULL, NULL}});
    stage_run(&s, &qrw_create, &halted, 0, QRW_ERR_UNKNOWN, NULL);
    stage_again(&s, NULL, nothing);
    cr_expect_str_eq(stage_repair(&s), "undone");
    stage_expect_commands(&s, "cont blockdev-del");
    stage_expect_files("a.qcow2");
    stage_close(&s);
}

Test(run, what_was_reached_is_recorded_by_the_next_client)
{
    struct stage s;

    lose(&s);
    stage_again(&s, "disk0: a <- a.s1", nothing);
    cr_expect_str_eq(stage_repair(&s), "finished");
    stage_expect_sidecar("a", "disk0: a*s1 <- a.s1");
    stage_expect_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2");
    stage_close(&s);
}

Test(run, the_next_operation_settles_first_and_says_so)
{
    struct stage s;

    lose(&s);
    stage_again(&s, NULL, snapshot_taken);
    json_decref(stage_run(&s, &qrw_create, &s1, 0, 0, NULL));
    cr_expect(strstr(s.notes, "an interrupted create was undone first"), "%s", s.notes);
    stage_expect_sidecar("a", "disk0: a*s1 <- a.s1");
    stage_expect_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2");
    stage_close(&s);
}

Test(run, data_that_nobody_else_has_is_not_removed)
{
    struct stage s;

    lose(&s);
    scratch_write("a.s1.qcow2", "whatever somebody wrote to it", 29);
    stage_again(&s, NULL, nothing);
    struct qmp_error err = {0};
    json_auto_t *result = qrw_repair(s.vm, NULL, 0, &err);
    auto_free char *notes = json_dumps(json_object_get(result, "notes"), 0);
    cr_expect(notes && strstr(notes, "a.s1.qcow2 stays: it holds data"), "%s", notes);
    stage_expect_files("a.qcow2 a.s1.qcow2");
    stage_close(&s);
}

Test(run, what_is_not_removed_is_named_by_the_next_operation_too)
{
    const struct qrw_edit_args edit = {.name = "s0", .pin = true};
    struct stage s;

    lose(&s);
    scratch_write("a.s1.qcow2", "whatever somebody wrote to it", 29);
    stage_again(&s, NULL, nothing);
    stage_run(&s, &qrw_edit, &edit, 0, QRW_ERR_NOT_FOUND, "s0");
    cr_expect(strstr(s.notes, "a.s1.qcow2 stays: it holds data"), "%s", s.notes);
    stage_close(&s);
}

/* ---- how much is sent ---- */

/* "disk0: a0; disk1: a1; ...", each with its overlay when @taken. */
static char *disks(char name, int n, bool taken)
{
    char *line = mem_strdup("");

    for (int i = 0; i < n; i++) {
        auto_free char *before = line;
        auto_free char *overlay = mem_printf(" <- %c%d.s1", name, i);

        line = mem_printf("%s%sdisk%d: %c%d%s", before, i ? "; " : "", i, name, i,
                          taken ? overlay : "");
    }
    return line;
}

Test(run, all_that_a_snapshot_sends_is_little)
{
    static const struct {
        char name;
        int disks;
        unsigned long long most;
    } cases[] = {{'a', 1, 560}, {'b', 4, 1500}, {'c', 16, 5100}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        auto_free char *before = disks(cases[i].name, cases[i].disks, false);
        auto_free char *after = disks(cases[i].name, cases[i].disks, true);
        const char *command = cases[i].disks > 1 ? "transaction" : "blockdev-snapshot";
        const struct stage_act acts[] = {{command, NULL, after}, {NULL, NULL, NULL}};
        struct stage s;

        stage_open(&s, before, acts);
        json_decref(stage_run(&s, &qrw_create, &s1, 0, 0, NULL));
        unsigned long long bytes = qmp_client_bytes_sent(qrw_client(s.vm));
        cr_expect_leq(bytes, cases[i].most, "%d disks: %llu bytes", cases[i].disks, bytes);
        stage_close(&s);
    }
}
