/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What migrations, or who prepared one, have left in QEMU: memories are saved and loaded in spite
 * of it, or that is refused before the guest is touched. Left to itself, QEMU dies of it, hangs, or
 * resets the guest.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

static const char *const tries[][6] = {
    {"create", "m2", "--memory"},
    {"create", "m2", "--memory=live"},
    {"create", "i2", "--internal", "--memory"},
    {"revert", "m1"},
    {"revert", "i1"},
    {"revert", "i1", "--no-memory"},
};
#define TRIES (sizeof(tries) / sizeof(tries[0]))

/* Such that there is a memory to go back to of each kind; NULL: this QEMU is too old. */
static struct lab *start(void)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .running = true});

    if (number(lab->greeting, "QMP.version.qemu.major") < 6) {
        lab_stop(lab);
        return NULL;
    }
    write_generation(lab, 0, 1);
    does(lab, "create", "m1", "--memory");
    does(lab, "create", "i1", "--internal", "--memory");
    return lab;
}

static void set(struct lab *lab, const char *capability, bool on)
{
    json_decref(lab_qmp(lab, "migrate-set-capabilities", "{s:[{s:s, s:b}]}", "capabilities",
                        "capability", capability, "state", on));
}

Test(migrated, capabilities_that_break_a_memory_are_refused_by_name)
{
    static const struct {
        const char *capability;
        bool refused[TRIES];
    } rows[] = {
        {"multifd", {true, true, true, true, true, true}},
        {"x-ignore-shared", {true, true, true, true, true, true}},
        /* a load that fails is undone by a save */
        {"dirty-bitmaps", {true, true, true, false, true, true}},
        {"return-path", {false, true, false, false, false, false}},
    };
    struct lab *lab = start();

    if (!lab)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set(lab, rows[i].capability, true);
        auto_free char *state = state_of(lab);
        for (size_t k = 0; k < TRIES; k++) {
            if (!rows[i].refused[k])
                continue;
            json_auto_t *error = cases_run(lab, __LINE__, 1, tries[k]);

            auto_free char *off =
                mem_printf("{\"capability\":\"%s\",\"state\":false}", rows[i].capability);
            says(error, "kind", "refused");
            says(error, "desc", rows[i].capability);
            says(error, "hint", off);
            unchanged(lab, state);
        }
        if (!rows[i].refused[4])
            does(lab, "revert", "i1");
        set(lab, rows[i].capability, false);
    }
    does(lab, "revert", "i1");
    set(lab, "dirty-bitmaps", true);
    does(lab, "revert", "m1");
    holds(lab, 0, 1);
    is_tidy(lab);
    lab_stop(lab);
}

/* A migration. */
static void fail(struct lab *lab)
{
    bool failed = false;

    json_decref(lab_qmp(lab, "migrate", "{s:s}", "uri", "exec:exit 1"));
    while (!failed) {
        json_auto_t *reply = lab_qmp(lab, "query-migrate", NULL);

        failed = text(reply, "status") && !strcmp(text(reply, "status"), "failed");
    }
}

/* From some release on QEMU remembers why, and fails to load for it. */
Test(migrated, after_a_migration_that_failed_no_memory_is_loaded_half_way)
{
    static const size_t loads[] = {3, 4};
    struct lab *lab = start();

    if (!lab)
        return;
    fail(lab);
    if (number(lab->greeting, "QMP.version.qemu.major") >= 8) {
        auto_free char *state = state_of(lab);
        for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
            json_auto_t *error = cases_run(lab, __LINE__, 1, tries[loads[i]]);

            says(error, "desc", "a migration of this QEMU has failed");
            says(error, "hint", "qrewind create --memory");
            unchanged(lab, state);
        }
        does(lab, "create", "i2", "--internal", "--memory");
    }
    does(lab, "revert", "i1");
    does(lab, "revert", "m1");
    cr_expect_str_eq(status_of(lab), "running");
    holds(lab, 0, 1);
    is_tidy(lab);
    lab_stop(lab);
}

Test(migrated, the_disks_alone_go_back_after_a_migration_that_failed)
{
    struct lab *lab = start();

    if (!lab)
        return;
    write_generation(lab, 0, 2);
    fail(lab);
    does(lab, "revert", "i1", "--no-memory");
    does(lab, "revert", "m1", "--no-memory");
    holds(lab, 0, 1);
    lab_stop(lab);
}
