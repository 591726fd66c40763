/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots inside of images that the disks do not run on any more: going back to them, and
 * deleting them.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/inside.h"
#include "tests/tidy/tidy.h"

Test(internal_below, what_lies_in_a_frozen_layer_is_copied)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);

        does(lab, "create", "s1");
        write_both(lab, 3);
        json_auto_t *doc = tells(lab, "revert", "d1");
        says(doc, "method", "reset");
        hold_both(lab, 1);
        chain_is(lab, 0, "vda.d1.qcow2");
        status_is(lab, "running");
        is_tidy(lab);
        write_both(lab, 2);
        does(lab, "undo");
        hold_both(lab, 3);
        does(lab, "revert", "s1", "--discard");
        hold_both(lab, 2);
        does(lab, "revert", "d1", "--discard", "--no-reset");
        hold_both(lab, 1);
        is_tidy(lab);
        turn_off(lab);
        lab_stop(lab);
    }
}

Test(internal_below, and_is_deleted_from_there)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);

        does(lab, "create", "s1");
        if (number(lab->greeting, "QMP.version.qemu.major") > 6) {
            json_auto_t *doc = tells(lab, "delete", "d1");

            cr_expect_eq(json_array_size(at(doc, "jobs")), 1);
            file_tags_are(lab, "vda.qcow2", "");
            file_tags_are(lab, "vdb.qcow2", "");
            is_tidy(lab);
            does(lab, "create", "d2", "--internal");
            does(lab, "create", "d3", "--internal");
            does(lab, "create", "s2");
            does(lab, "delete", "d2", "d3");
            file_tags_are(lab, "vda.s1.qcow2", "");
            does(lab, "delete", "s2");
            does(lab, "delete", "s1"); /* QEMU does not hold it open for writing */
            chain_is(lab, 1, "vdb.qcow2");
        } else {
            auto_free char *state = state_of(lab);
            json_auto_t *error = refuses(lab, 7, "delete", "d1");

            says(error, "hint", "qemu-img snapshot -d");
            unchanged(lab, state);
            does(lab, "delete", "d1", "--metadata");
            file_tags_are(lab, "vda.qcow2", "d1");
        }
        hold_both(lab, 2);
        turn_off(lab);
        lab_stop(lab);
    }
}

/* What savevm left stays in the list when overlays are put above it, and can be got rid of. */
Test(internal_below, those_of_others_are_listed_gone_back_to_and_deleted)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);

        human_saves(lab, "theirs");
        does(lab, "create", "s1");
        write_both(lab, 3);
        json_auto_t *list = tells(lab, "list");
        says(list, "snapshots.1.name", "theirs");
        says(list, modern ? "snapshots.1.disks.disk0.file" : "snapshots.1.disks.vda.file",
             "/vda.qcow2");
        json_decref(refuses(lab, 1, "create", "theirs"));
        if (has_snapshot_jobs(lab)) {
            json_auto_t *error = refuses(lab, 7, "revert", "theirs");

            says(error, "hint", "--no-memory");
        }
        does(lab, "revert", "theirs", "--no-memory");
        hold_both(lab, 2);
        json_auto_t *left = tells(lab, "list");
        says(left, "current", "theirs");
        says(left, "snapshots.1.name", "theirs");
        says(left, "snapshots.1.memory.disk", modern ? "disk0" : "vda");
        does(lab, "create", "s2");
        does(lab, "delete", "s2");
        does(lab, "undo", "--discard");
        hold_both(lab, 3);
        if (number(lab->greeting, "QMP.version.qemu.major") > 6) {
            does(lab, "delete", "theirs");
            file_tags_are(lab, "vda.qcow2", "d1");
            file_tags_are(lab, "vdb.qcow2", "d1");
            json_decref(refuses(lab, 3, "show", "theirs"));
        }
        is_tidy(lab);
        turn_off(lab);
        lab_stop(lab);
    }
}

Test(internal_below, one_of_others_holds_a_merge_up_until_it_is_deleted)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .modern = modern});

        if (number(lab->greeting, "QMP.version.qemu.major") > 6) {
            does(lab, "create", "s1");
            human_saves(lab, "theirs");
            write_generation(lab, 0, 1);
            does(lab, "create", "s2");
            does(lab, "delete", "s1");
            json_auto_t *held = tells(lab, "delete", "s2");
            says(held, "notes.0", "(delete it first: qrewind delete theirs)");
            does(lab, "delete", "theirs");
            chain_is(lab, 0, "vda.qcow2");
            holds(lab, 0, 1);
            is_tidy(lab);
        }
        turn_off(lab);
        lab_stop(lab);
    }
}

/* No disk runs on its image any more: it is recorded, so that it can be gone back to all the same.
 */
Test(internal_below, an_image_with_one_of_others_is_never_removed)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    does(lab, "create", "s1");
    write_generation(lab, 0, 1);
    human_saves(lab, "theirs");
    does(lab, "revert", "s1");
    does(lab, "revert", "s1");
    file_tags_are(lab, "vda.s1.qcow2", "theirs");
    json_auto_t *doc = tells(lab, "show", "theirs");
    says(doc, "snapshot.disks.vda.file", "/vda.s1.qcow2");
    is_tidy(lab);
    does(lab, "revert", "theirs", "--no-memory");
    holds(lab, 0, 1);
    if (number(lab->greeting, "QMP.version.qemu.major") > 6) {
        does(lab, "delete", "theirs");
        is_tidy(lab);
    }
    turn_off(lab);
    lab_stop(lab);
}

/* qemu-img is not to ask for the base, which is open for writing for the first of them. */
Test(internal_below, together_with_one_of_another_branch)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);

        does(lab, "create", "s1");
        if (number(lab->greeting, "QMP.version.qemu.major") > 6) {
            does(lab, "create", "d2", "--internal");
            does(lab, "revert", "s1", "--no-reset");
            does(lab, "delete", "d1", "s1", "d2");
            file_tags_are(lab, "vda.qcow2", "");
            file_tags_are(lab, "vda.s1.qcow2", "");
            is_tidy(lab);
        }
        turn_off(lab);
        lab_stop(lab);
    }
}

/* What lies above it is merged: m1 loads. */
static void loads_when_merged(struct lab *lab)
{
    does(lab, "commit", "vda", "--base", "vda.qcow2");
    does(lab, "commit", "vdb", "--base", "vdb.qcow2");
    does(lab, "revert", "m1", "--discard");
    hold_both(lab, 1);
    is_tidy(lab);
    lab_stop(lab);
}

Test(internal_below, memory_loads_when_nothing_is_above_it)
{
    struct lab *lab = with_memory(false);

    does(lab, "create", "s1");
    json_auto_t *error = refuses(lab, 7, "revert", "m1");
    says(error, "hint", "--no-memory");
    says(error, "hint",
         "qrewind delete s1; and as long as a disk does not run on it, qrewind commit "
         "vda --base vda.qcow2; qrewind commit vdb --base vdb.qcow2");
    does(lab, "revert", "m1", "--no-memory");
    hold_both(lab, 1);
    does(lab, "undo", "--discard");
    does(lab, "delete", "s1");
    loads_when_merged(lab);
}

/* The hint, word by word. */
Test(internal_below, memory_loads_when_all_that_the_hint_names_has_gone)
{
    struct lab *lab = with_memory(false);

    does(lab, "create", "s1");
    does(lab, "create", "s2", "--disk", "vdb");
    does(lab, "revert", "s1", "--no-reset");
    does(lab, "create", "s3");
    json_auto_t *error = refuses(lab, 7, "revert", "m1");
    says(error, "hint",
         "qrewind delete --undo s1 s3 s2; and as long as a disk does not run on it, "
         "qrewind commit vda --base vda.qcow2; qrewind commit vdb --base vdb.qcow2");
    does(lab, "delete", "--undo", "s1", "s3", "s2");
    loads_when_merged(lab);
}

/* One of others holds nothing that it lies above: the delete is enough. */
Test(internal_below, memory_of_others_loads_when_nothing_is_above_it)
{
    struct lab *lab = disks_alone(false);

    does(lab, "delete", "d1");
    human_saves(lab, "theirs");
    does(lab, "create", "e1");
    does(lab, "create", "e2");
    if (has_snapshot_jobs(lab)) {
        json_auto_t *error = refuses(lab, 7, "revert", "theirs");

        says(error, "hint", "qrewind delete e1 e2; and as long as");
        does(lab, "delete", "e1", "e2");
        chain_is(lab, 0, "vda.qcow2");
        does(lab, "revert", "theirs");
        hold_both(lab, 2);
        is_tidy(lab);
    }
    lab_stop(lab);
}

Test(internal_below, all_disks_or_none_are_copied)
{
    struct lab *lab = disks_alone(true);

    does(lab, "create", "s1", "--disk", "disk0");
    json_auto_t *error = refuses(lab, 1, "revert", "d1");
    says(error, "hint", "qrewind create NAME --disk disk1");
    does(lab, "create", "s2", "--disk", "disk1");
    does(lab, "revert", "d1");
    hold_both(lab, 1);
    is_tidy(lab);
    lab_stop(lab);
}

Test(internal_below, an_undo_point_below_can_be_gone_back_to)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);

        if (has_snapshot_jobs(lab)) {
            write_both(lab, 3);
            does(lab, "revert", "d1");
            write_both(lab, 2);
            does(lab, "create", "s1");
            does(lab, "undo");
            hold_both(lab, 3);
            file_tags_are(lab, "vda.qcow2", "d1");
            file_tags_are(lab, "vdb.qcow2", "d1");
            does(lab, "undo");
            hold_both(lab, 2);
            is_tidy(lab);
        }
        lab_stop(lab);
    }
}

Test(internal_below, one_that_is_none_any_more_leaves_no_tag)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = disks_alone(modern);

        if (has_snapshot_jobs(lab)) {
            does(lab, "create", "s1", "--exclude", modern ? "disk1" : "vdb");
            does(lab, "create", "d2", "--internal");
            does(lab, "revert", "d2");
            tags_are(lab, 1, "d1 d2 undo");
            does(lab, "revert", "s1");
            tags_are(lab, 1, "d1 d2");
            file_tags_are(lab, "vda.s1.qcow2", "d2");
            json_auto_t *list = tells(lab, "list");
            cr_expect_eq(json_array_size(at(list, "snapshots")), 3);
            is_tidy(lab);
        }
        lab_stop(lab);
    }
}
