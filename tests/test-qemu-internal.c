/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots inside the images: taken, listed, deleted, and beside external ones. Going back
 * to them: test-qemu-internal-revert.c.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cure.h"
#include "tests/cases/inside.h"
#include "tests/tidy/tidy.h"

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
    human_saves(lab, "theirs");
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
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .format = "raw"});
    json_auto_t *error = refuses(lab, 7, "create", "s1", "--internal"), *other = NULL;

    says(error, "desc", "vda, vdb cannot hold an internal snapshot");
    says(error, "hint", "likewise vdb");
    says(error, "hint", "--exclude vda --exclude vdb");
    json_decref(
        refuses(lab, 1, "create", "s1", "--internal", "--exclude", "vda", "--exclude", "vdb"));
    cure_works(lab, text(error, "hint"), "qrewind mirror vda");
    other = refuses(lab, 7, "create", "s1", "--internal");
    cure_works(lab, text(other, "hint"), "qrewind mirror vdb");
    does(lab, "create", "s1", "--internal");
    lab_stop(lab);
}

Test(internal, no_memory_while_a_job_runs)
{
    struct lab *lab = with_memory(false);
    auto_free char *copy = lab_path(lab, "copy.raw");
    json_auto_t *error = NULL;

    json_decref(lab_qmp(lab, "drive-mirror", "{s:s, s:s, s:s, s:s, s:s}", "device", "vdb", "job-id",
                        "theirs", "target", copy, "sync", "full", "format", "raw"));
    error = refuses(lab, 8, "create", "m2", "--internal", "--memory", "--disk", "vda");
    says(error, "desc", "theirs");
    json_decref(refuses(lab, 8, "revert", "m1"));
    status_is(lab, "running");
    lab_stop(lab);
}

/* ---- among external ones ---- */

Test(internal, what_one_builds_on_is_not_merged_while_it_is_there)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    write_generation(lab, 0, 1);
    does(lab, "create", "s1");
    write_generation(lab, 0, 2);
    does(lab, "create", "i1", "--internal", "--memory");
    write_generation(lab, 0, 3);
    does(lab, "delete", "s1");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
    json_auto_t *commit = refuses(lab, 1, "commit", "vda"), *stream = NULL;
    says(commit, "desc", "i1");
    says(commit, "hint", "qrewind delete i1");
    stream = refuses(lab, 1, "stream", "vda");
    says(stream, "desc", "i1");
    does(lab, "revert", "i1", "--discard");
    holds(lab, 0, 2);
    does(lab, "delete", "i1");
    chain_is(lab, 0, "vda.qcow2");
    holds(lab, 0, 2);
    turn_off(lab);
    image_holds(lab, "vda.qcow2", "qcow2", 2);
    lab_stop(lab);
}

Test(internal, a_branch_with_one_inside_is_kept)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    write_generation(lab, 0, 1);
    does(lab, "create", "i1", "--internal");
    human_saves(lab, "theirs");
    does(lab, "revert", "s1", "--discard");
    cr_assert(has_file(lab, "vda.s1.qcow2"));
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.1.disks.vda.file", "/vda.s1.qcow2");
    does(lab, "revert", "i1", "--discard");
    chain_is(lab, 0, "vda.qcow2 <- vda.i1.qcow2");
    holds(lab, 0, 1);
    does(lab, "delete", "i1");
    json_auto_t *doc = tells(lab, "show", "theirs");
    says(doc, "snapshot.disks.vda.file", "/vda.s1.qcow2");
    cr_assert(has_file(lab, "vda.s1.qcow2"), "somebody else's is in it as well");
    file_tags_are(lab, "vda.s1.qcow2", "theirs");
    turn_off(lab);
    lab_stop(lab);
}

/* ---- delete ---- */

Test(internal, deleted_from_every_disk_ours_and_others)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = with_memory(modern);
        human_saves(lab, "theirs");

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

Test(internal, deleted_together_with_those_above_and_below_it)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    does(lab, "create", "i1", "--internal");
    does(lab, "create", "s2");
    does(lab, "create", "s3");
    if (number(lab->greeting, "QMP.version.qemu.major") < 6) {
        json_decref(refuses(lab, 7, "prune", "--keep-last", "1"));
        lab_stop(lab);
        return;
    }
    json_auto_t *doc = tells(lab, "prune", "--keep-last", "1"), *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(doc, "deleted")), 3);
    cr_expect(mentions(at(doc, "removed"), "vda.s1.qcow2")); /* which i1 was inside of */
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
    says(list, "snapshots.0.name", "s3");
    cr_expect(json_is_null(at(list, "snapshots.0.parent")));
    chain_is(lab, 0, "vda.qcow2 <- vda.s3.qcow2");
    lab_stop(lab);
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
