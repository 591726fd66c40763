/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create --memory=live, and the way back in a QEMU that waits for the memory. What goes wrong on
 * the way: test-qemu-live-failure.c. What a guest makes of it: test-qemu-guest-live.c.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/live.h"
#include "tests/faults/fault.h"
#include "tests/tidy/tidy.h"

static void saves(const struct lab_options *o)
{
    struct lab *lab = live_start(*o);

    if (!lab)
        return;
    for (int disk = 0; disk < o->disks; disk++)
        write_generation(lab, disk, 1);
    auto_free char *before = live_settings(lab);
    json_auto_t *doc = tells(lab, "create", "m1", "--memory=live");
    cr_expect_gt(json_number_value(at(doc, "pause_ms")), 0);
    cr_expect_str_eq(live_status(lab), "running");
    auto_free char *after = live_settings(lab);
    cr_expect_str_eq(after, before);
    for (int disk = 0; disk < o->disks; disk++) {
        write_generation(lab, disk, 2);
        write_generation(lab, disk, 3);
    }
    is_tidy(lab);

    /* the VM is as any other afterwards */
    does(lab, "create", "s2");
    does(lab, "delete", "s2");
    does(lab, "revert", "m1", "--no-memory");
    for (int disk = 0; disk < o->disks; disk++)
        holds(lab, disk, 1);
    does(lab, "undo", "--discard");
    for (int disk = 0; disk < o->disks; disk++)
        holds(lab, disk, 3);
    does(lab, "create", "m2", "--memory=live");
    json_auto_t *gone = tells(lab, "delete", "m1", "m2");
    cr_expect(mentions(at(gone, "removed"), ".m1.vmstate"));
    cr_expect(mentions(at(gone, "removed"), ".m2.vmstate"));
    cr_expect(!has_file(lab, "vda.m1.vmstate") && !has_file(lab, "vda.m2.vmstate"));
    for (int disk = 0; disk < o->disks; disk++)
        holds(lab, disk, 3);
    is_tidy(lab);
    turn_off(lab);
    lab_stop(lab);
}

Test(live, the_memory_is_saved_beside_every_kind_of_disk)
{
    cases_every_disk(saves);
}

Test(live, the_snapshot_tells_how_its_memory_was_saved)
{
    struct lab *lab = live_start((struct lab_options){.disks = 1});

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory=live");
    json_auto_t *doc = tells(lab, "show", "m1");
    says(doc, "snapshot.memory.file", "vda.m1.vmstate");
    says(doc, "snapshot.memory.method", "live");
    says(doc, "snapshot.memory.machine", "pc-i440fx");
    says(doc, "snapshot.memory.places.disks.vda", "pci.0 addr 02.0");
    says(doc, "snapshot.state", "running");
    auto_result struct lab_result list = lab_run(lab, "list", NULL);
    cr_expect(strstr(list.out, " external + live memory "), "%s", list.out);
    auto_result struct lab_result shown = lab_run(lab, "show", "m1", NULL);
    cr_expect(strstr(shown.out, "saved live: needs a QEMU"), "%s", shown.out);
    json_auto_t *check = tells(lab, "check");
    cr_expect_eq(json_array_size(at(check, "findings")), 0);
    does(lab, "edit", "m1", "--name", "m2");
    /* the file keeps its name: a new m1 takes another */
    does(lab, "create", "m1", "--memory=live");
    cr_expect(has_file(lab, "vda.m1-2.vmstate"));
    lab_stop(lab);
}

Test(live, where_the_guest_stands_still_anyway_it_can_be_loaded_in_place)
{
    static const struct {
        bool halt;
        const char *status;
    } cases[] = {{false, "paused"}, {true, "running"}};

    for (size_t i = 0; i < 2; i++) {
        struct lab *lab = live_start((struct lab_options){.disks = 1});

        if (!lab)
            return;
        write_generation(lab, 0, 1);
        if (!cases[i].halt)
            json_decref(lab_qmp(lab, "stop", NULL));
        json_auto_t *doc =
            tells(lab, "create", "m1", "--memory=live", cases[i].halt ? "--halt" : NULL);
        cr_expect(mentions(at(doc, "notes"), "saved as --memory does"));
        cr_expect_str_eq(live_status(lab), "paused");
        does(lab, "revert", "m1");
        cr_expect_str_eq(live_status(lab), cases[i].status);
        lab_stop(lab);
    }
}

/* ---- back ---- */

Test(live, a_running_qemu_is_told_how_it_can_be_loaded)
{
    struct lab *lab = live_start((struct lab_options){.disks = 1});

    if (!lab)
        return;
    does(lab, "create", "m1", "--memory=live");
    auto_free char *state = state_of(lab);
    json_auto_t *error = refuses(lab, 7, "revert", "m1");
    says(error, "kind", "unsupported");
    says(error, "hint", "-incoming defer");
    says(error, "hint", "qrewind revert m1");
    says(error, "hint", "--no-memory");
    unchanged(lab, state);
    lab_stop(lab);
}

/* A QEMU that waits on the images that the old one had, which has gone. */
static struct lab *waiting(struct lab **old)
{
    *old = live_start((struct lab_options){.disks = 2});
    if (!*old)
        return NULL;
    write_generation(*old, 0, 1);
    write_generation(*old, 1, 1);
    does(*old, "create", "m1", "--memory=live");
    write_generation(*old, 0, 2);
    does(*old, "create", "s2");
    write_generation(*old, 0, 3);
    turn_off(*old);
    return start_waiting(*old, WORDS("vda.s2.qcow2", "vdb.s2.qcow2"));
}

Test(live, a_qemu_that_waits_for_it_goes_on_from_that_instant)
{
    struct lab *old, *lab = waiting(&old);

    if (!lab)
        return;
    pid_t pid = lab->pid;
    json_auto_t *doc = tells(lab, "revert", "m1");
    says(doc, "method", "memory");
    cr_expect_str_eq(live_status(lab), "running");
    does(lab, "check", "--deep");
    for (int disk = 0; disk < 2; disk++)
        holds(lab, disk, 1);
    chain_is(lab, 0, "vda.qcow2 <- vda.m1-2.qcow2");

    /* what there was is the undo point, and all works as ever */
    does(lab, "undo");
    holds(lab, 0, 3);
    holds(lab, 1, 1);
    does(lab, "undo", "--discard");
    write_generation(lab, 0, 2);
    does(lab, "create", "s3");
    does(lab, "create", "m4", "--memory=live");
    does(lab, "delete", "m4", "s3", "m1", "s2");
    holds(lab, 0, 2);
    chain_is(lab, 0, "vda.qcow2");
    cr_expect(!has_file(old, "vda.m1.vmstate") && !has_file(old, "vda.m4.vmstate"));
    cr_expect_eq(lab->pid, pid);
    turn_off(lab);
    lab_stop(lab);
    lab_stop(old);
}

Test(live, it_stays_stopped_when_told_to)
{
    struct lab *old, *lab = waiting(&old);

    if (!lab)
        return;
    does(lab, "revert", "m1", "--paused", "--discard");
    cr_expect_str_eq(live_status(lab), "paused");
    holds(lab, 0, 1);
    lab_stop(lab);
    lab_stop(old);
}

/* As a copy that ran out of room: QEMU would end of loading it. */
static void cut(const char *file)
{
    struct stat st;

    cr_assert(!stat(file, &st) && !truncate(file, st.st_size / 2));
}

Test(live, a_qemu_that_waits_does_nothing_else)
{
    struct lab *old, *lab = waiting(&old);

    if (!lab)
        return;
    auto_free char *state = state_of(lab);
    json_auto_t *create = refuses(lab, 1, "create", "s3");
    says(create, "desc", "inmigrate");
    json_auto_t *revert = refuses(lab, 1, "revert", "s2");
    says(revert, "desc", "inmigrate");
    unchanged(lab, state);
    /* and the file must be there */
    auto_free char *file = lab_path(old, "vda.m1.vmstate");
    cut(file);
    auto_result struct lab_result check = lab_run(lab, "check", NULL);
    cr_expect(strstr(check.out, "missing-memory"), "%s", check.out);
    json_auto_t *damaged = refuses(lab, 3, "revert", "m1");
    says(damaged, "desc", "cut off");
    says(damaged, "hint", "--no-memory");
    unlink(file);
    json_auto_t *gone = refuses(lab, 3, "revert", "m1");
    says(gone, "desc", "vda.m1.vmstate");
    lab_stop(lab);
    lab_stop(old);
}

/* Old types never did; nothing else tells that it is whole. */
Test(live, of_a_machine_that_does_not_describe_it_is_whole)
{
    struct lab *lab = live_start(
        (struct lab_options){.disks = 1, .args = WORDS("-machine", "suppress-vmdesc=on")});

    if (!lab)
        return;
    auto_free char *file = lab_path(lab, "vda.m1.vmstate");
    does(lab, "create", "m1", "--memory=live");
    does(lab, "check");
    cut(file);
    auto_result struct lab_result check = lab_run(lab, "check", NULL);
    cr_expect(strstr(check.out, "missing-memory"), "%s", check.out);
    lab_stop(lab);
}

Test(live, of_another_machine_is_refused_and_the_difference_named)
{
    struct lab *old, *lab = waiting(&old);

    if (!lab)
        return;
    lab_stop(lab);
    lab = start_waiting(old, WORDS("vda.s2.qcow2"));
    json_auto_t *error = refuses(lab, 3, "revert", "m1");
    says(error, "desc", "vdb");
    lab_stop(lab);
    lab_stop(old);
}

/* Which of the calls called @name is about a file that is called so; 0: none is. */
static int find_call(const char *calls, const char *name, const char *file)
{
    auto_free char *lines = mem_strdup(calls), *begin = mem_printf(" %s ", name);
    char *rest = lines, *line;
    int n = 0;

    while ((line = strsep(&rest, "\n"))) {
        n += strstr(line, begin) != NULL;
        if (strstr(line, begin) && strstr(line, file))
            return n;
    }
    return 0;
}

Test(live, without_room_for_the_memory_it_is_not_begun)
{
    struct lab *lab = live_start((struct lab_options){.disks = 2});

    if (!lab)
        return;
    /* room is made for a QEMU that would hang without; the others make the file themselves */
    auto_free char *calls = fault_calls(lab, "all", "create m1 --memory=live");
    const int room = find_call(calls, "fallocate", ".vmstate");
    does(lab, "delete", "m1");
    auto_free char *state = state_of(lab), *before = live_settings(lab);
    for (const char *const *what = WORDS("ENOSPC", "EDQUOT", "EIO"); *what; what++) {
        const struct fault f = {
            .what = *what, .at = room ? room : 1, .set = room ? "fallocate" : "create"};
        auto_result struct lab_result r = fault_run(lab, &f, "create m1 --memory=live");

        cr_assert_eq(r.status, 1, "%s: %d %s%s", *what, r.status, r.out, r.err);
    }
    auto_free char *after = live_settings(lab);
    cr_expect_str_eq(after, before);
    unchanged(lab, state);
    lab_stop(lab);
}

/* A firmware that counts for some milliseconds and resets the machine, for ever. */
static void restless(const char *folder, void *arg)
{
    static const unsigned char count[] = {0x66, 0xb9, 0, 0, 0x08, 0}; /* mov ecx, 0x80000 */
    static const unsigned char reset[] = {0x66, 0x49,                 /* dec ecx */
                                          0x75, 0xfc,                 /* jnz back */
                                          0xb0, 0xfe,                 /* mov al, 0xfe */
                                          0xe6, 0x64,                 /* out 0x64, al */
                                          0xf4};                      /* hlt */
    static const unsigned char enter[] = {0xe9, 0x0d, 0x00};          /* jmp to the start */
    static unsigned char rom[0x10000];
    auto_free char *file = mem_printf("%s/rom", folder);
    FILE *f = fopen(file, "w");

    memcpy(rom, count, sizeof(count));
    memcpy(rom + sizeof(count), reset, sizeof(reset));
    memcpy(rom + 0xfff0, enter, sizeof(enter));
    cr_assert(f && fwrite(rom, sizeof(rom), 1, f) == 1 && !fclose(f));
}

/* A reset that comes due while the guest is stopped leaves it in a state in which QEMU would end
 * rather than save its memory. */
Test(live, a_guest_that_resets_itself_is_saved_between_two_resets)
{
    const char *const args[] = {"-bios", "rom", NULL};
    struct lab *lab =
        live_start((struct lab_options){.disks = 1, .args = args, .prepare = restless});

    if (!lab)
        return;
    json_decref(lab_event(lab, "RESET"));
    for (int i = 0; i < 40; i++) {
        does(lab, "create", "m1", "--memory=live");
        does(lab, "delete", "m1");
    }
    cr_expect_str_eq(live_status(lab), "running");
    is_tidy(lab);
    lab_stop(lab);
}
