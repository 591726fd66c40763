/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create --memory, and what becomes of the memory: loaded, ignored, deleted, refused. What a guest
 * makes of it: test-qemu-guest-revert.c.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

static bool has_memory(const struct lab *lab)
{
    return number(lab->greeting, "QMP.version.qemu.major") >= 6;
}

/* NULL: this QEMU is too old, and has said so. */
static struct lab *start(struct lab_options o)
{
    struct lab *lab = lab_start(&o);

    if (has_memory(lab)) {
        for (int disk = 0; disk < o.disks; disk++)
            write_generation(lab, disk, 1);
        return lab;
    }
    /* 5.2 says so, and what it can do instead; nothing has changed */
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "create", "m1", "--memory");
    says(error, "kind", "unsupported");
    says(error, "desc", "needs 6.0");
    says(error, "hint", "without --memory");
    unchanged(lab, state);
    lab_stop(lab);
    return NULL;
}

static void saves_and_loads(const struct lab_options *o)
{
    struct lab *lab = start(*o);
    pid_t pid = lab ? lab->pid : 0;

    if (!lab)
        return;
    json_auto_t *doc = tells(lab, "create", "m1", "--memory");
    cr_expect_gt(json_number_value(at(doc, "pause_ms")), 0);
    for (int disk = 0; disk < o->disks; disk++)
        write_generation(lab, disk, 2);
    json_auto_t *back = tells(lab, "revert", "m1");
    says(back, "method", "memory");
    cr_expect_str_eq(status_of(lab), "running");
    for (int disk = 0; disk < o->disks; disk++) {
        holds(lab, disk, 1);
        write_generation(lab, disk, 2);
        write_generation(lab, disk, 3);
    }
    is_tidy(lab);
    does(lab, "undo");
    for (int disk = 0; disk < o->disks; disk++)
        holds(lab, disk, 2);
    does(lab, "revert", "m1", "--discard");
    is_tidy(lab);
    cr_expect_eq(lab->pid, pid);
    turn_off(lab);
    lab_stop(lab);
}

Test(memory, is_saved_and_loaded_beside_every_kind_of_disk)
{
    cases_every_disk(saves_and_loads);
}

Test(memory, comes_back_as_it_was)
{
    struct lab *lab = start((struct lab_options){.disks = 1});

    if (!lab)
        return;
    /* what the guest's processor would read at an address of its RAM, before and after */
    auto_free char *before = lab_human(lab, "xp /64xb 0x100000");
    auto_free char *registers = lab_human(lab, "info registers");
    json_auto_t *doc = tells(lab, "create", "m1", "--memory");
    cr_expect_eq(json_number_value(at(doc, "pause_ms")), 0, "it never ran");
    json_decref(lab_qmp(lab, "cont", NULL));
    json_decref(lab_qmp(lab, "stop", NULL));
    json_auto_t *back = tells(lab, "revert", "m1");
    cr_expect_eq(json_number_value(at(back, "pause_ms")), 0);
    cr_expect(json_is_false(at(back, "running")));
    auto_free char *after = lab_human(lab, "xp /64xb 0x100000");
    auto_free char *now = lab_human(lab, "info registers");
    cr_expect_str_eq(after, before);
    cr_expect_str_eq(now, registers);
    lab_stop(lab);
}

Test(memory, the_run_state_is_that_of_the_snapshot_unless_told)
{
    static const struct {
        bool ran, runs;
        const char *option, *then;
    } cases[] = {
        {true, true, "--discard", "running"},   {true, false, "--discard", "running"},
        {false, true, "--discard", "stopped"},  {true, true, "--paused", "stopped"},
        {false, false, "--running", "running"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab *lab = start((struct lab_options){.disks = 1});

        if (!lab)
            return;
        json_decref(lab_qmp(lab, cases[i].ran ? "cont" : "stop", NULL));
        does(lab, "create", "m1", "--memory");
        cr_expect_str_eq(status_of(lab), cases[i].ran ? "running" : "stopped");
        json_decref(lab_qmp(lab, cases[i].runs ? "cont" : "stop", NULL));
        auto_result struct lab_result r = lab_run(lab, "revert", "m1", cases[i].option, NULL);
        cr_expect(!r.status, "%s", r.err);
        cr_expect_eq(strstr(r.out, " pause") != NULL,
                     cases[i].runs && !strcmp(cases[i].then, "running"), "case %zu: %s", i, r.out);
        cr_expect(strstr(r.out, strcmp(cases[i].then, "running")
                                    ? "m1: the guest is stopped at that instant, took"
                                    : "m1: the guest goes on from that instant, "),
                  "case %zu: %s", i, r.out);
        cr_expect_str_eq(status_of(lab), cases[i].then, "case %zu", i);
        lab_stop(lab);
    }
}

Test(memory, halt_leaves_the_guest_stopped)
{
    struct lab *lab = start((struct lab_options){.disks = 1, .running = true});

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory", "--halt");
    cr_expect_str_eq(status_of(lab), "stopped");
    does(lab, "revert", "m1");
    cr_expect_str_eq(status_of(lab), "running");
    lab_stop(lab);
}

Test(memory, may_be_ignored)
{
    struct lab *lab = start((struct lab_options){.disks = 1, .running = true});

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory");
    write_generation(lab, 0, 2);
    json_auto_t *doc = tells(lab, "revert", "m1", "--no-memory");
    says(doc, "method", "reset");
    holds(lab, 0, 1);
    is_tidy(lab);
    lab_stop(lab);
}

Test(memory, is_recorded_with_what_it_needs)
{
    struct lab *lab = start((struct lab_options){.disks = 1, .running = true});

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory");
    json_auto_t *doc = tells(lab, "show", "m1");
    says(doc, "snapshot.memory.file", "vda.m1.vmstate.qcow2");
    says(doc, "snapshot.memory.tag", "m1");
    says(doc, "snapshot.memory.machine", "pc-i440fx");
    says(doc, "snapshot.memory.qemu", ".");
    lab_stop(lab);
}

Test(memory, goes_with_its_snapshot)
{
    struct lab *lab = start((struct lab_options){.disks = 1, .running = true});

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory");
    cr_assert(has_file(lab, "vda.m1.vmstate.qcow2"));
    json_auto_t *doc = tells(lab, "delete", "m1");
    cr_expect(mentions(at(doc, "removed"), "/vda.m1.vmstate.qcow2"));
    cr_expect(!has_file(lab, "vda.m1.vmstate.qcow2"));
    is_tidy(lab);
    lab_stop(lab);
}

/* ---- another QEMU ---- */

Test(memory, loads_into_a_qemu_that_was_started_anew)
{
    struct lab *old = start((struct lab_options){.disks = 2, .running = true}), *lab;

    if (!old)
        return;
    does(old, "create", "m1", "--memory");
    write_generation(old, 0, 2);
    turn_off(old);
    lab = start_again(old, WORDS("vda.m1.qcow2", "vdb.m1.qcow2"));
    cr_assert_str_eq(status_of(lab), "stopped");
    does(lab, "revert", "m1");
    cr_expect_str_eq(status_of(lab), "running");
    holds(lab, 0, 1);
    holds(lab, 1, 1);
    does(lab, "undo");
    holds(lab, 0, 2);
    lab_stop(lab);
    lab_stop(old);
}

Test(memory, of_another_machine_is_refused_and_the_difference_named)
{
    struct lab *old = start((struct lab_options){.disks = 1}), *lab;
    auto_free char *file = NULL, *drive = NULL, *state = NULL;

    if (!old)
        return;
    does(old, "create", "m1", "--memory");
    turn_off(old);
    file = lab_path(old, "vda.m1.qcow2");
    drive = mem_printf("if=none,id=vda,format=qcow2,file=%s", file);
    const char *const *words[] = {
        WORDS("-smp", "2", "-drive", drive, "-device", "virtio-blk-pci,drive=vda"),
        WORDS("-M", "q35", "-m", "64", "-drive", drive, "-device", "virtio-blk-pci,drive=vda")};
    lab = lab_start(&(struct lab_options){.args = words[0]});
    state = state_of(lab);
    json_auto_t *cpus = refuses(lab, 7, "revert", "m1");
    says(cpus, "desc", "saved with 1 CPU, this VM has 2");
    unchanged(lab, state);
    lab_stop(lab);
    free(state);
    lab = lab_start(&(struct lab_options){.args = words[1]});
    state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "revert", "m1");
    says(error, "desc", "q35");
    unchanged(lab, state);
    does(lab, "revert", "m1", "--no-memory");
    holds(lab, 0, 1);
    lab_stop(lab);
    lab_stop(old);
}

/* ---- what is in the way ---- */

Test(memory, a_state_file_that_has_gone_or_is_something_else)
{
    struct lab *lab = start((struct lab_options){.disks = 1, .running = true});
    auto_free char *file = NULL, *state = NULL;

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory");
    write_generation(lab, 0, 2);
    file = lab_path(lab, "vda.m1.vmstate.qcow2");
    unlink(file);
    state = state_of(lab);
    json_auto_t *gone = refuses(lab, 3, "revert", "m1");
    says(gone, "desc", "vda.m1.vmstate.qcow2");
    says(gone, "hint", "--no-memory");
    unchanged(lab, state);

    lab_image(file, "qcow2", "1M", NULL, NULL);
    json_auto_t *empty = refuses(lab, 3, "revert", "m1");
    says(empty, "desc", "m1");
    cr_expect_str_eq(status_of(lab), "running");
    holds(lab, 0, 2);
    is_tidy(lab);
    lab_stop(lab);
}

/* QEMU can save an nvme controller since some release between 10.0 and 11.1, but dies of loading it
 * while the guest uses it. */
Test(memory, a_device_that_cannot_be_saved_is_named_in_qemus_words)
{
    struct lab_options o = {.disks = 1, .bus = LAB_NVME, .running = true};
    struct lab *lab = start(o);

    if (!lab)
        return;
    if (number(lab->greeting, "QMP.version.qemu.major") >= 11) {
        does(lab, "create", "m1", "--memory");
        json_decref(refuses(lab, 7, "revert", "m1"));
        cr_expect_str_eq(status_of(lab), "running");
        lab_stop(lab);
        return;
    }
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "create", "m1", "--memory");
    says(error, "desc", "nvme");
    unchanged(lab, state);
    lab_stop(lab);
}

static void cancel_migration(struct lab *lab)
{
    bool through = false;

    does(lab, "qmp", "migrate_cancel");
    while (!through) {
        json_auto_t *reply = lab_qmp(lab, "query-migrate", NULL);

        through = !strcmp(text(reply, "status"), "cancelled");
    }
}

/* QEMU would begin to load, and fail with the guest's memory gone. */
Test(memory, is_neither_saved_nor_loaded_while_a_migration_runs)
{
    static const char *const tries[][6] = {
        {"create", "m2", "--memory"},
        {"revert", "m1"},
        {"revert", "i1"},
        {"revert", "i1", "--no-memory"},
    };
    struct lab *lab = start((struct lab_options){.disks = 1, .running = true});

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory");
    does(lab, "create", "i1", "--internal", "--memory");
    json_decref(lab_qmp(lab, "migrate-set-parameters", "{s:i}", "max-bandwidth", 1000));
    json_decref(lab_qmp(lab, "migrate", "{s:s}", "uri", "exec:cat >/dev/null"));
    auto_free char *state = state_of(lab);
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        json_auto_t *error = cases_run(lab, __LINE__, 1, tries[i]);

        says(error, "desc", "a migration is running");
        unchanged(lab, state);
    }
    cancel_migration(lab);
    does(lab, "revert", "i1");
    does(lab, "revert", "m1");
    is_tidy(lab);
    lab_stop(lab);
}
