/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots inside the images: taken, listed, gone back to and deleted on a running QEMU.
 * What QEMU 5.2 cannot do is skipped there, and says so where it is the subject.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/between/between.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

static bool has_snapshot_jobs(struct lab *lab)
{
    return number(lab->greeting, "QMP.version.qemu.major") >= 6;
}

/* The tags in the active layer of disk @i, joined by blanks; an undo point is "undo". New string.
 */
static char *tags_of(struct lab *lab, int i)
{
    json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);
    const json_t *tag;
    size_t k;
    char *all = mem_strdup("");

    json_array_foreach(at(json_array_get(blocks, (size_t)i), "inserted.image.snapshots"), k, tag) {
        auto_free char *before = all;
        const char *name = text(tag, "name");

        all = mem_printf("%s%s%s", before, k ? " " : "",
                         strncmp(name, "qrw-undo-", 9) ? name : "undo");
    }
    return all;
}

#define tags_are(lab, disk, expected)                                                              \
    do {                                                                                           \
        auto_free char *tags_found = tags_of(lab, disk);                                           \
        cr_assert_str_eq(tags_found, expected);                                                    \
    } while (0)

static void status_is(struct lab *lab, const char *expected)
{
    json_auto_t *status = lab_qmp(lab, "query-status", NULL);

    says(status, "status", expected);
}

static void write_both(struct lab *lab, int generation)
{
    write_generation(lab, 0, generation);
    write_generation(lab, 1, generation);
}

#define hold_both(lab, generation)                                                                 \
    do {                                                                                           \
        holds(lab, 0, generation);                                                                 \
        holds(lab, 1, generation);                                                                 \
    } while (0)

/* Generation 1, snapshot m1 with memory, generation 2. The guest runs. */
static struct lab *with_memory(bool modern)
{
    struct lab *lab =
        lab_start(&(struct lab_options){.disks = 2, .modern = modern, .running = true});

    write_both(lab, 1);
    does(lab, "create", "m1", "--internal", "--memory");
    write_both(lab, 2);
    return lab;
}

/* Generation 1, snapshot d1 of the disks alone, generation 2. The guest runs. */
static struct lab *disks_alone(bool modern)
{
    struct lab *lab =
        lab_start(&(struct lab_options){.disks = 2, .modern = modern, .running = true});

    write_both(lab, 1);
    does(lab, "create", "d1", "--internal");
    write_both(lab, 2);
    return lab;
}

/* ---- create, list ---- */

Test(internal, a_tag_on_every_disk_and_no_file_more)
{
    struct lab *lab = disks_alone(false);
    json_auto_t *list = tells(lab, "list"), *one = tells(lab, "show", "d1"), *chain = NULL;

    tags_are(lab, 0, "d1");
    tags_are(lab, 1, "d1");
    is_tidy(lab);
    status_is(lab, "running");
    says(list, "snapshots.0.kind", "internal");
    says(list, "snapshots.0.state", "running");
    says(list, "snapshots.0.disks.vdb.tag", "d1");
    says(list, "snapshots.0.disks.vdb.file", "/vdb.qcow2");
    says(list, "current", "d1");
    cr_expect(json_is_null(at(one, "snapshot.memory")));
    chain = tells(lab, "chain", "vda");
    cr_expect_eq(json_array_size(at(chain, "disks.0.layers")), 1);
    lab_stop(lab);
}

Test(internal, memory_is_saved_while_the_guest_stands_still)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = with_memory(modern);
        json_auto_t *doc = tells(lab, "create", "m2", "--internal", "--memory");
        json_auto_t *list = tells(lab, "list");

        cr_expect_gt(json_number_value(at(doc, "pause_ms")), 0);
        status_is(lab, "running");
        says(list, "snapshots.0.memory.file", "/vda.qcow2");
        says(list, "snapshots.0.memory.machine", "pc");
        says(list, "snapshots.1.parent", "m1");
        tags_are(lab, 0, "m1 m2");
        tags_are(lab, 1, "m1 m2");
        is_tidy(lab);
        lab_stop(lab);
    }
}

Test(internal, halt_leaves_the_guest_stopped)
{
    struct lab *lab = with_memory(false);

    does(lab, "create", "d2", "--internal", "--halt");
    status_is(lab, "paused");
    does(lab, "create", "m2", "--internal", "--memory");
    status_is(lab, "paused");
    lab_stop(lab);
}

Test(internal, those_of_others_are_listed_and_their_names_taken)
{
    struct lab *lab = disks_alone(false);
    auto_free char *words = lab_human(lab, "savevm theirs");
    json_auto_t *list = NULL, *taken = NULL, *one = NULL;

    does(lab, "create", "d2", "--internal", "--disk", "vda");
    list = tells(lab, "list");
    cr_assert_eq(json_array_size(at(list, "snapshots")), 3);
    says(list, "snapshots.1.name", "theirs");
    says(list, "snapshots.1.kind", "internal");
    says(list, "snapshots.1.disks.vdb.tag", "theirs");
    says(list, "snapshots.1.memory.file", "/vda.qcow2");
    cr_expect(json_is_true(at(list, "snapshots.1.foreign")));
    one = tells(lab, "show", "theirs");
    says(one, "snapshot.created", "Z");
    taken = refuses(lab, 1, "create", "theirs", "--internal");
    says(taken, "desc", "already");
    json_decref(refuses(lab, 1, "create", "theirs"));
    lab_stop(lab);
}

static void make_tags(const char *folder, void *arg)
{
    auto_result struct lab_result r = lab_exec(
        folder, WORDS("sh", "-c",
                      "qemu-img create -q -f qcow2 vda.qcow2 16M && qemu-img snapshot -c old "
                      "vda.qcow2 && qemu-img snapshot -c 'odd \033[31m name' vda.qcow2"));

    cr_assert_eq(r.status, 0, "%s", r.err);
}

Test(internal, what_was_there_before_qemu_needs_no_sidecar)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .prepare = make_tags});
    json_auto_t *list = tells(lab, "list");
    auto_result struct lab_result r = lab_run(lab, "list", NULL);

    cr_assert_eq(json_array_size(at(list, "snapshots")), 2);
    says(list, "snapshots.0.name", "old");
    cr_expect_null(at(list, "snapshots.0.disks.vdb"));
    cr_expect(json_is_null(at(list, "current")));
    cr_expect(!strchr(r.out, '\033'), "nothing raw reaches the terminal");
    cr_expect(!has_file(lab, "vda.qcow2.qrewind.json"));
    lab_stop(lab);
}

Test(internal, a_disk_that_cannot_hold_one_is_named)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .format = "raw"});
    json_auto_t *error = refuses(lab, 7, "create", "s1", "--internal");

    says(error, "desc", "vda cannot hold an internal snapshot");
    says(error, "hint", "qemu-img convert -O qcow2");
    json_decref(refuses(lab, 1, "create", "s1", "--internal", "--exclude", "vda"));
    lab_stop(lab);
}

Test(internal, no_memory_while_a_job_runs)
{
    struct lab *lab = with_memory(false);
    auto_free char *copy = lab_path(lab, "copy.raw");
    json_auto_t *error = NULL;

    json_decref(lab_qmp(lab, "drive-mirror", "{s:s, s:s, s:s, s:s, s:s}", "device", "vdb", "job-id",
                        "theirs", "target", copy, "sync", "full", "format", "raw"));
    error = refuses(lab, 1, "create", "m2", "--internal", "--memory", "--disk", "vda");
    says(error, "desc", "theirs");
    json_decref(refuses(lab, 1, "revert", "m1"));
    status_is(lab, "running");
    lab_stop(lab);
}

/* ---- revert ---- */

Test(internal, the_guest_goes_on_from_that_instant)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = with_memory(modern);
        json_auto_t *doc = tells(lab, "revert", "m1", "--discard");

        says(doc, "method", "memory");
        hold_both(lab, 1);
        status_is(lab, "running");
        tags_are(lab, 0, "m1");
        is_tidy(lab);
        write_both(lab, 2);
        does(lab, "revert", "m1", "--discard", "--paused");
        hold_both(lab, 1);
        json_auto_t *status = lab_qmp(lab, "query-status", NULL);
        cr_expect(json_is_false(at(status, "running")));
        turn_off(lab);
        image_holds(lab, "vda.qcow2", "qcow2", 1);
        lab_stop(lab);
    }
}

Test(internal, the_disks_alone_go_back_in_the_running_process)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);
        json_auto_t *doc = NULL;

        if (!has_snapshot_jobs(lab)) {
            lab_stop(lab);
            return;
        }
        doc = tells(lab, "revert", "d1");
        says(doc, "method", "reset");
        json_decref(lab_event(lab, "RESET"));
        hold_both(lab, 1);
        status_is(lab, "running");
        tags_are(lab, 0, "d1 undo");
        is_tidy(lab);
        write_both(lab, 2);
        turn_off(lab);
        image_holds(lab, "vda.qcow2", "qcow2", 2);
        image_holds(lab, "vdb.qcow2", "qcow2", 2);
        lab_stop(lab);
    }
}

Test(internal, undo_and_undo_again)
{
    struct lab *lab = with_memory(false);

    if (!has_snapshot_jobs(lab)) {
        json_decref(refuses(lab, 7, "revert", "m1", "--keep", "k1"));
        does(lab, "revert", "m1");
        json_decref(refuses(lab, 3, "undo"));
        lab_stop(lab);
        return;
    }
    write_both(lab, 3);
    does(lab, "revert", "m1");
    hold_both(lab, 1);
    does(lab, "undo");
    hold_both(lab, 3);
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1, "the undo point is no snapshot");
    says(list, "current", "m1");
    does(lab, "undo");
    hold_both(lab, 1);
    tags_are(lab, 0, "m1 undo");
    tags_are(lab, 1, "m1 undo");
    is_tidy(lab);
    lab_stop(lab);
}

Test(internal, the_present_state_under_a_name)
{
    struct lab *lab = with_memory(false);

    if (has_snapshot_jobs(lab)) {
        does(lab, "revert", "m1", "--keep", "k1");
        hold_both(lab, 1);
        json_auto_t *list = tells(lab, "list");
        says(list, "snapshots.1.name", "k1");
        says(list, "current", "m1");
        does(lab, "revert", "k1", "--no-reset", "--discard");
        hold_both(lab, 2);
        tags_are(lab, 0, "m1 k1");
        json_decref(refuses(lab, 3, "undo"));
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal, some_of_the_disks)
{
    struct lab *lab = disks_alone(false);

    if (has_snapshot_jobs(lab)) {
        does(lab, "create", "d2", "--internal", "--disk", "vdb");
        write_both(lab, 3);
        does(lab, "revert", "d2");
        holds(lab, 0, 3);
        holds(lab, 1, 2);
        does(lab, "undo");
        hold_both(lab, 3);
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal, with_memory_but_without_loading_it)
{
    struct lab *lab = with_memory(true);

    if (has_snapshot_jobs(lab)) {
        json_auto_t *doc = tells(lab, "revert", "m1", "--no-memory");

        says(doc, "method", "reset");
        hold_both(lab, 1);
        is_tidy(lab);
    } else {
        json_auto_t *error = refuses(lab, 7, "revert", "m1", "--no-memory");

        says(error, "desc", "6.0");
        says(error, "hint", "qemu-img snapshot -a");
    }
    lab_stop(lab);
}

Test(internal, those_of_others_can_be_gone_back_to)
{
    struct lab *lab = disks_alone(false);
    auto_free char *words = lab_human(lab, "savevm \"of \\\"others\\\"\"");

    write_both(lab, 3);
    does(lab, "revert", "of \"others\"", "--discard");
    hold_both(lab, 2);
    json_auto_t *list = tells(lab, "list");
    cr_expect(json_is_null(at(list, "current")));
    tags_are(lab, 0, "d1 of \"others\"");
    lab_stop(lab);
}

Test(internal, a_size_that_changed_changes_back)
{
    struct lab *lab = disks_alone(false);

    if (has_snapshot_jobs(lab)) {
        json_decref(lab_qmp(lab, "block_resize", "{s:s, s:I}", "device", "vda", "size",
                            (json_int_t)32 << 20));
        does(lab, "revert", "d1");
        json_auto_t *disks = tells(lab, "disks");
        cr_expect_eq(number(disks, "disks.0.size"), 16 << 20);
        hold_both(lab, 1);
    }
    lab_stop(lab);
}

Test(internal, one_in_a_layer_that_is_frozen_now_is_told)
{
    struct lab *lab = disks_alone(false);

    does(lab, "create", "s1");
    json_auto_t *list = tells(lab, "list"), *error = refuses(lab, 7, "revert", "d1");
    says(list, "snapshots.0.disks.vda.file", "/vda.qcow2");
    says(error, "desc", "vda.qcow2");
    says(error, "hint", "qemu-img convert -l d1");
    does(lab, "delete", "d1");
    json_auto_t *after = tells(lab, "list");
    cr_expect_eq(json_array_size(at(after, "snapshots")), 1);
    lab_stop(lab);
}

/* ---- delete ---- */

Test(internal, deleted_from_every_disk_ours_and_others)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = with_memory(modern);
        auto_free char *words = lab_human(lab, "savevm theirs");

        does(lab, "create", "d2", "--internal", "--disk", first_disk(lab));
        does(lab, "delete", "m1", "theirs");
        tags_are(lab, 0, "d2");
        tags_are(lab, 1, "");
        json_auto_t *list = tells(lab, "list");
        cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
        cr_expect(json_is_null(at(list, "snapshots.0.parent")));
        json_decref(refuses(lab, 3, "delete", "m1"));
        does(lab, "delete", "d2", "--metadata");
        tags_are(lab, 0, "d2");
        json_auto_t *left = tells(lab, "list");
        cr_expect(json_is_true(at(left, "snapshots.0.foreign")));
        hold_both(lab, 2);
        turn_off(lab);
        lab_stop(lab);
    }
}

Test(internal, one_that_is_half_gone_is_deleted_all_the_same)
{
    struct lab *lab = disks_alone(false);

    json_decref(lab_qmp(lab, "blockdev-snapshot-delete-internal-sync", "{s:s, s:s}", "device",
                        "vda", "name", "d1"));
    json_auto_t *list = tells(lab, "list");
    cr_expect(json_is_true(at(list, "snapshots.0.disks.vda.missing")));
    json_auto_t *error = refuses(lab, 3, "revert", "d1");
    says(error, "desc", "vda");
    does(lab, "delete", "d1");
    tags_are(lab, 1, "");
    lab_stop(lab);
}

/* ---- what goes wrong ---- */

Test(internal, memory_that_does_not_load_leaves_every_disk_as_it_was)
{
    struct lab *old = lab_start(&(struct lab_options){
        .disks = 2, .args = (const char *const[]){"-device", "virtio-rng-pci", NULL}});
    struct lab *lab = NULL;

    write_both(old, 1);
    auto_free char *words = lab_human(old, "savevm m0");
    write_both(old, 2);
    turn_off(old);
    lab = start_again(old, WORDS("vda.qcow2", "vdb.qcow2"));
    json_decref(lab_qmp(lab, "cont", NULL));
    json_auto_t *error = refuses(lab, 1, "revert", "m0");
    says(error, "kind", "failed");
    if (has_snapshot_jobs(lab))
        hold_both(lab, 2);
    status_is(lab, "running");
    tags_are(lab, 0, "m0");
    tags_are(lab, 1, "m0");
    json_auto_t *jobs = lab_qmp(lab, "query-jobs", NULL);
    cr_expect_eq(json_array_size(jobs), 0);
    auto_result struct lab_result files =
        lab_exec(old->folder, WORDS("sh", "-c", "ls *.qcow2 | wc -l"));
    cr_expect_eq(atoi(files.out), 2, "%s", files.out);
    lab_stop(lab);
    lab_stop(old);
}

Test(internal, a_command_that_qemu_refuses_changes_nothing)
{
    static const char *const spoiled[] = {"blockdev-add", "stop", "transaction", "snapshot-save",
                                          "snapshot-load"};

    for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
        struct lab *lab = disks_alone(false);
        struct between b = {.spoil = spoiled[i]};

        if (has_snapshot_jobs(lab)) {
            auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", "d1"));

            cr_expect_eq(r.status, 1, "%s: %d %s", spoiled[i], r.status, r.out);
            hold_both(lab, 2);
            status_is(lab, "running");
            is_tidy(lab);
            tags_are(lab, 0, "d1");
            tags_are(lab, 1, "d1");
        }
        lab_stop(lab);
    }
}

/* Whatever was settled, the disks agree with the document and with each other. */
static void settles(struct lab *lab, const char *name, int at_command)
{
    json_auto_t *repair = tells(lab, "repair"), *info = NULL;
    const char *how = text(repair, "settled");
    bool done = lab_reads(lab, 0, 1, "0", "64k");
    json_auto_t *list = tells(lab, "list");

    info = json_pack("{s:i, s:s}", "command", at_command, "settled", how);
    hold_both(lab, done ? 1 : 2);
    if (!strcmp(how, "finished"))
        cr_assert(done, "command %d", at_command);
    if (!strcmp(how, "undone"))
        cr_assert(!done, "command %d", at_command);
    cr_assert_str_eq(text(list, "current"), name);
    is_tidy(lab);
    status_is(lab, "running");
    does(lab, "revert", name, "--discard");
    hold_both(lab, 1);
    is_tidy(lab);
}

static void kill_everywhere(struct lab *(*begin)(bool modern), const char *name)
{
    for (int n = 1, last = 2; n < last; n++)
        for (int answered = 0; answered < 2; answered++) {
            struct lab *lab = begin(false);
            struct between b = {.kill_at = n, .answered = answered};

            if (!has_snapshot_jobs(lab)) {
                lab_stop(lab);
                return;
            }
            auto_result struct lab_result r = between_run(lab, &b, WORDS("revert", name));
            last = b.commands >= n ? n + 2 : n;
            if (b.commands >= n)
                settles(lab, name, n);
            lab_stop(lab);
        }
}

Test(internal, killed_at_any_command_of_a_revert_with_memory, .timeout = 600)
{
    kill_everywhere(with_memory, "m1");
}

Test(internal, killed_at_any_command_of_a_revert_of_the_disks, .timeout = 600)
{
    kill_everywhere(disks_alone, "d1");
}
