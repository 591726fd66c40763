/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * revert, undo, delete and create --memory when something goes wrong: refused beforehand, refused
 * by QEMU half-way, killed at every command. Afterwards it is done or undone, for all disks alike.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

enum { DISKS = 2 };

static bool runs(struct lab *lab)
{
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    return json_is_true(at(status, "running"));
}

/* Can it save and load memory? */
static bool is_modern_enough(const struct lab *lab)
{
    return number(lab->greeting, "QMP.version.qemu.major") >= 6;
}

/* The same of the QEMU that is tested with. */
static bool has_modern_qemu(void)
{
    struct lab *lab = lab_start(&(struct lab_options){0});
    bool modern_enough = is_modern_enough(lab);

    lab_stop(lab);
    return modern_enough;
}

/* Two disks, of generation 1 in s1, 2 in s2, and 3; the guest runs. */
static struct lab *machine(bool modern, bool memory)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = DISKS, .modern = modern});

    json_decref(lab_qmp(lab, "cont", NULL));
    for (int n = 1; n <= 3; n++) {
        auto_free char *name = mem_printf("s%d", n);

        for (int disk = 0; disk < DISKS; disk++)
            write_generation(lab, disk, n);
        if (n < 3 && memory && is_modern_enough(lab))
            does(lab, "create", name, "--memory");
        else if (n < 3)
            does(lab, "create", name);
    }
    return lab;
}

/* The generation that all disks hold. */
static int generation_of(struct lab *lab, const char *what)
{
    int found = 0;

    for (int n = 1; n <= 3; n++)
        if (lab_reads(lab, 0, n, "0", "64k"))
            found = n;
    cr_assert(found, "%s: no generation is the newest", what);
    for (int disk = 0; disk < DISKS; disk++)
        cr_assert(lab_reads(lab, disk, found, "0", "64k"), "%s: disk %d is not of generation %d",
                  what, disk, found);
    return found;
}

/* ---- refused before anything changes ---- */

Test(revert, what_cannot_be_done_is_refused_and_changes_nothing)
{
    static const struct {
        int status;
        const char *words[6], *desc;
    } cases[] = {
        {3, {"revert", "s9"}, "no snapshot 's9'"},
        {1, {"revert", "s1", "--keep", "s2"}, "there is a snapshot 's2' already"},
        {1, {"revert", "s1", "--keep", "a/b"}, "name"},
        {3, {"undo"}, "nothing to undo"},
        {3, {"delete", "s1", "s9"}, "no snapshot 's9'"},
        {2, {"prune"}, "needs a rule"},
        {3, {"edit", "s9", "--pin"}, "no snapshot 's9'"},
        {1, {"edit", "s1", "--name", "s2"}, "there is a snapshot 's2' already"},
        {2, {"edit", "s1", "--pin", "--unpin"}, "exclude"},
    };
    struct lab *lab = machine(false, false);
    auto_free char *state = state_of(lab);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_auto_t *error = cases_run(lab, __LINE__, cases[i].status, cases[i].words);

        cr_expect(strstr(text(error, "desc"), cases[i].desc), "%s: %s", cases[i].words[0],
                  text(error, "desc"));
        unchanged(lab, state);
    }
    lab_stop(lab);
}

Test(revert, a_file_that_has_the_name_of_an_overlay_is_passed_over)
{
    struct lab *lab = machine(false, false);
    auto_free char *file = lab_path(lab, "vdb.s1-2.qcow2"), *link = lab_path(lab, "vdb.s1-3.qcow2");

    lab_image(file, "qcow2", "1M", NULL, NULL);
    cr_assert_eq(symlink("nowhere", link), 0);
    auto_result struct lab_result before = lab_exec(lab->folder, WORDS("cksum", file));
    json_auto_t *plan = tells(lab, "revert", "s1", "--dry-run");
    says(plan, "plan.1.file", "vdb.s1-4.qcow2");
    does(lab, "revert", "s1");
    chain_is(lab, 1, "vdb.qcow2 <- vdb.s1-4.qcow2");
    auto_result struct lab_result after = lab_exec(lab->folder, WORDS("cksum", file));
    cr_expect_str_eq(before.out, after.out);
    lab_stop(lab);
}

/* Whose disk a job of somebody else's is on, QEMU does not tell: it refuses, all is taken back. */
Test(revert, a_disk_that_a_job_works_on)
{
    struct lab *lab = machine(false, false);
    auto_free char *copy = lab_path(lab, "keep-copy.qcow2");

    json_decref(lab_qmp(lab, "drive-mirror", "{s:s, s:s, s:s, s:s, s:s}", "job-id", "mine",
                        "device", "vdb", "target", copy, "format", "qcow2", "sync", "full"));
    json_decref(lab_event(lab, "BLOCK_JOB_READY"));
    json_auto_t *error = refuses(lab, 8, "revert", "s1");
    says(error, "desc", "busy");
    cr_expect_eq(generation_of(lab, "after the failure"), 3);
    cr_expect(runs(lab));
    json_decref(lab_qmp(lab, "block-job-cancel", "{s:s}", "device", "mine"));
    wait_for_job(lab, "mine", "null");
    is_tidy(lab);
    lab_stop(lab);
}

Test(revert, a_layer_that_has_gone)
{
    struct lab *lab = machine(false, false);
    auto_free char *file = lab_path(lab, "vda.s1.qcow2"), *away = lab_path(lab, "keep-away.qcow2");

    does(lab, "revert", "s1", "--keep", "end");
    cr_assert_eq(rename(file, away), 0);
    json_auto_t *error = refuses(lab, 1, "revert", "s2");
    says(error, "desc", "vda.s1.qcow2");
    cr_expect_eq(generation_of(lab, "after the failure"), 1);
    cr_expect(runs(lab));
    cr_assert_eq(rename(away, file), 0);
    does(lab, "revert", "s2");
    cr_expect_eq(generation_of(lab, "afterwards"), 2);
    is_tidy(lab);
    lab_stop(lab);
}

/* ---- QEMU refuses one of the steps ---- */

static void is_taken_back(const char *command, bool modern, bool memory)
{
    struct lab *lab = machine(modern, memory);
    struct between b = {.spoil = command};
    auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "s1"));

    cr_assert_eq(r.status, 1, "%s: exit %d: %s%s", command, r.status, r.out, r.err);
    cr_expect(strstr(r.out, "CommandNotFound"), "%s: %s", command, r.out);
    cr_expect_eq(strstr(r.out, "the guest was reset") != NULL, !strcmp(command, "snapshot-load"),
                 "%s: %s", command, r.out);
    cr_expect_eq(generation_of(lab, command), 3);
    cr_expect(runs(lab), "%s: the guest stands", command);
    is_tidy(lab);
    does(lab, "revert", "s1");
    cr_expect_eq(generation_of(lab, command), 1);
    lab_stop(lab);
}

Test(revert, what_qemu_refuses_half_way_is_taken_back)
{
    static const char *const commands[] = {"stop", "blockdev-add", "transaction", "system_reset"};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        is_taken_back(commands[i], i % 2, false);
    if (!has_modern_qemu()) {
        is_taken_back("x-blockdev-reopen", false, false);
        return;
    }
    for (int modern = 0; modern < 2; modern++) {
        is_taken_back("blockdev-reopen", modern, false);
        is_taken_back("blockdev-reopen", modern, true);
        is_taken_back("snapshot-load", modern, true);
    }
}

/*
 * Where -drive has opened the active layer its node is there as long as something uses it: it would
 * be gone as soon as the disks go back, and there would be nothing to return to.
 */
static struct lab *started_anew(struct lab **old)
{
    *old = machine(false, true);
    turn_off(*old);
    struct lab *lab = start_again(*old, WORDS("vda.s2.qcow2", "vdb.s2.qcow2"));
    json_decref(lab_qmp(lab, "cont", NULL));
    return lab;
}

Test(revert, a_memory_that_cannot_be_loaded_leaves_a_qemu_started_anew_on_its_disks)
{
    struct lab *old, *lab;

    if (!has_modern_qemu())
        return;
    lab = started_anew(&old);
    struct between b = {.spoil = "snapshot-load"};
    auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "s1"));

    cr_assert_eq(r.status, 1, "exit %d: %s%s", r.status, r.out, r.err);
    cr_expect_eq(generation_of(lab, "afterwards"), 3);
    cr_expect(runs(lab));
    is_tidy_on(lab, old);
    does(lab, "revert", "s1");
    cr_expect_eq(generation_of(lab, "then"), 1);
    does(lab, "undo");
    cr_expect_eq(generation_of(lab, "undone"), 3);
    is_tidy_on(lab, old);
    turn_off(lab);
    lab_stop(lab);
    lab_stop(old);
}

/* ---- killed at every command ---- */

struct killing {
    const char *title;
    const char *words[6];
    bool memory;
    const char *first[6]; /* what comes before, may be nothing */
    int before, after;    /* the generations */
    bool anew;            /* QEMU was started again meanwhile */
};

/* What there is to repair: a revert that is killed when the disks have their overlays. */
static void leave_half_done(struct lab *lab)
{
    struct between b = {.only = "transaction", .kill_at = 1, .answered = true};
    auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "s1"));

    cr_assert_eq(b.commands, 1, "%s%s", r.out, r.err);
}

/* A job that outlived the program is waited for, if it was @left to itself; else none is there. */
static void see_to_jobs(struct lab *lab, bool left)
{
    json_auto_t *doc = tells(lab, "jobs");
    const json_t *job;
    size_t i;

    json_array_foreach(at(doc, "jobs"), i, job) {
        cr_assert(left, "%s is there yet", text(job, "id"));
        does(lab, "job", "wait", text(job, "id"));
    }
}

/* Kill the program at command @n; returns whether it got that far. */
static bool kill_once(const struct killing *k, int n, bool answered)
{
    struct lab *old = NULL, *lab = k->anew ? started_anew(&old) : machine(n % 2, k->memory);
    auto_free char *what = NULL;
    struct between b = {.kill_at = n, .answered = answered};
    int found;

    if (k->first[0])
        json_decref(cases_run(lab, __LINE__, 0, k->first));
    if (!strcmp(k->words[0], "repair"))
        leave_half_done(lab);
    auto_result struct lab_result r = between_run(lab, &b, k->words);
    if (b.commands < n) {
        cr_assert_eq(r.status, 0, "%s: %s%s", k->title, r.out, r.err);
        lab_stop(lab);
        lab_stop(old);
        return false;
    }
    what = mem_printf("%s, killed %s command %d", k->title, answered ? "after" : "before", n);
    json_auto_t *mended = tells(lab, "repair");
    does(lab, "list");
    found = generation_of(lab, what);
    cr_assert(found == k->before || found == k->after, "%s: generation %d", what, found);
    cr_assert(runs(lab), "%s: the guest stands; repair said %s", what, text(mended, "settled"));

    see_to_jobs(lab, !strcmp(text(mended, "settled"), "running"));
    does(lab, "create", "last");
    json_auto_t *list = tells(lab, "list");
    is_tidy_on(lab, old ? old : lab);
    cr_assert(!json_object_get(list, "warnings"), "%s", what);
    turn_off(lab);
    lab_stop(lab);
    lab_stop(old);
    return true;
}

/* A monitor of 5.2 was seen to answer nobody any more after its client had died with a command
 * under way: there it is killed between them only. */
static void kill_everywhere(const struct killing *k)
{
    for (int answered = !has_modern_qemu(); answered < 2; answered++)
        for (int n = 1; kill_once(k, n, answered); n++)
            ;
}

Test(killed, at_any_command_of_a_revert)
{
    kill_everywhere(&(struct killing){"revert", {"revert", "s1"}, false, {0}, 3, 1, false});
}

Test(killed, at_any_command_of_a_revert_to_memory)
{
    kill_everywhere(
        &(struct killing){"revert to memory", {"revert", "s1"}, true, {0}, 3, 1, false});
}

Test(killed, at_any_command_of_a_revert_to_memory_in_a_qemu_started_anew)
{
    if (has_modern_qemu())
        kill_everywhere(&(struct killing){"anew", {"revert", "s1"}, true, {0}, 3, 1, true});
}

/* It is undone by jobs: those that were begun are gone on with. */
Test(killed, at_any_command_of_the_repair_of_a_revert_to_memory)
{
    if (has_modern_qemu())
        kill_everywhere(&(struct killing){"its repair", {"repair"}, true, {0}, 3, 3, false});
}

Test(killed, at_any_command_of_a_revert_to_another_branch)
{
    kill_everywhere(&(struct killing){"to another branch",
                                      {"revert", "s2"},
                                      false,
                                      {"revert", "s1", "--keep", "x"},
                                      1,
                                      2,
                                      false});
}

Test(killed, at_any_command_of_an_undo)
{
    kill_everywhere(&(struct killing){"undo", {"undo"}, false, {"revert", "s1"}, 1, 3, false});
}

Test(killed, at_any_command_of_a_create_with_memory)
{
    if (has_modern_qemu())
        kill_everywhere(&(struct killing){
            "create --memory", {"create", "s3", "--memory"}, true, {0}, 3, 3, false});
}

Test(killed, at_any_command_of_a_delete_in_the_middle)
{
    kill_everywhere(&(struct killing){"delete s2", {"delete", "s2"}, false, {0}, 3, 3, false});
}

Test(killed, at_any_command_of_a_delete_of_the_root)
{
    kill_everywhere(&(struct killing){"delete s1", {"delete", "s1"}, false, {0}, 3, 3, false});
}

Test(killed, at_any_command_of_a_delete_on_another_branch)
{
    kill_everywhere(&(struct killing){
        "delete elsewhere", {"delete", "s2"}, false, {"revert", "s1", "--keep", "x"}, 1, 1, false});
}
