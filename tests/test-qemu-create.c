/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * create: snapshots of every kind of wish, and what is recorded of them. The kinds of
 * disks are in test-qemu-devices.c, what goes wrong in test-qemu-failure.c.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static struct lab *two_disks(void)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2});

    write_generation(lab, 0, 1);
    write_generation(lab, 1, 1);
    return lab;
}

static void make_folder(struct lab *lab, const char *name)
{
    auto_free char *path = lab_path(lab, name);

    cr_assert_eq(mkdir(path, 0700), 0);
}

/* "vdb=FOLDER/NAME". New string. */
static char *overlay(struct lab *lab, const char *disk, const char *name)
{
    return mem_printf("%s=%s/%s", disk, lab->folder, name);
}

Test(create, all_writable_disks_at_once_and_the_data_stays)
{
    struct lab *lab = two_disks();
    json_auto_t *doc = tells(lab, "create", "s1", "--description", "before the upgrade");

    says(doc, "snapshot", "s1");
    says(doc, "method", "snapshot");
    cr_expect_gt(json_number_value(at(doc, "took_ms")), 0);
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
    chain_is(lab, 1, "vdb.qcow2 <- vdb.s1.qcow2");
    headers_are(lab, "vda.s1.qcow2", "vda.qcow2 <- vda.s1.qcow2");
    for (int disk = 0; disk < 2; disk++) {
        holds(lab, disk, 1);
        write_generation(lab, disk, 2);
        holds(lab, disk, 2);
    }
    turn_off(lab);
    image_holds(lab, "vda.qcow2", "qcow2", 1);
    image_holds(lab, "vdb.s1.qcow2", "qcow2", 2);
    lab_stop(lab);
}

Test(create, what_is_recorded_is_what_is_told)
{
    struct lab *lab = two_disks();

    does(lab, "create", "s1", "--description", "früher");
    does(lab, "create", "s2", "--disk", "vdb");
    json_auto_t *list = tells(lab, "list"), *one = tells(lab, "show", "s1");
    json_auto_t *current = tells(lab, "current"), *sidecar = sidecar_of(lab, "vda.qcow2");

    says(list, "snapshots.0.name", "s1");
    says(list, "snapshots.0.description", "früher");
    says(list, "snapshots.0.kind", "external");
    says(list, "snapshots.0.state", "paused");
    says(list, "snapshots.0.disks.vdb.file", "/vdb.qcow2");
    cr_expect(json_is_null(at(list, "snapshots.0.parent")));
    cr_expect(json_is_null(at(list, "snapshots.0.memory")));
    says(list, "snapshots.1.parent", "s1");
    says(list, "snapshots.1.disks.vdb.file", "/vdb.s1.qcow2");
    cr_expect_null(at(list, "snapshots.1.disks.vda"));
    says(list, "current", "s2");
    cr_expect(json_is_true(at(list, "snapshots.1.current")));
    says(one, "snapshot.created", "Z");
    says(current, "current", "s2");
    says(sidecar, "layers.L1.file", "vda.qcow2");
    cr_expect(json_is_null(at(sidecar, "pending")));
    lab_stop(lab);
}

Test(create, one_disk_or_all_but_one)
{
    struct lab *lab = two_disks();

    does(lab, "create", "s1", "--disk", "vdb");
    chain_is(lab, 0, "vda.qcow2");
    chain_is(lab, 1, "vdb.qcow2 <- vdb.s1.qcow2");
    does(lab, "create", "s2", "--exclude", "vdb");
    chain_is(lab, 0, "vda.qcow2 <- vda.s2.qcow2");
    chain_is(lab, 1, "vdb.qcow2 <- vdb.s1.qcow2");
    lab_stop(lab);
}

Test(create, an_overlay_where_the_user_wants_it)
{
    struct lab *lab = two_disks();
    auto_free char *elsewhere = overlay(lab, "vdb", "fast/over.img");

    make_folder(lab, "fast");
    does(lab, "create", "s1", "--overlay", elsewhere, "--overlay", "vda=mine.qcow2");
    chain_is(lab, 0, "vda.qcow2 <- mine.qcow2");
    chain_is(lab, 1, "vdb.qcow2 <- over.img");
    cr_expect(has_file(lab, "client/mine.qcow2"), "relative to the user's folder");
    cr_expect(has_file(lab, "fast/over.img"));
    headers_are(lab, "fast/over.img", "vdb.qcow2 <- over.img");
    write_generation(lab, 1, 2);
    /* the next one lies beside the active layer, under the disk's first name */
    does(lab, "create", "s2");
    chain_is(lab, 1, "vdb.qcow2 <- over.img <- vdb.s2.qcow2");
    cr_expect(has_file(lab, "fast/vdb.s2.qcow2"));
    holds(lab, 1, 2);
    turn_off(lab);
    image_holds(lab, "fast/vdb.s2.qcow2", "qcow2", 2);
    lab_stop(lab);
}

Test(create, without_a_name_it_is_the_time)
{
    struct lab *lab = two_disks();
    json_auto_t *first = tells(lab, "create"), *second = tells(lab, "create");
    const char *name = text(first, "snapshot");

    cr_assert_eq(strspn(name, "0123456789"), 8, "%s", name);
    cr_assert_eq(name[8], '-');
    cr_assert_eq(strspn(name + 9, "0123456789"), 6, "%s", name);
    cr_assert_str_neq(name, text(second, "snapshot"));
    lab_stop(lab);
}

Test(create, names_that_are_no_file_names)
{
    struct lab *lab = two_disks();

    does(lab, "create", "zwei Wörter: ein Name");
    does(lab, "create", "..");
    does(lab, "create", "_.");
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.0.name", "zwei Wörter: ein Name");
    says(list, "snapshots.1.name", "..");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 3);
    for (size_t i = 0; i < 3; i++) {
        json_auto_t *one =
            tells(lab, "show", text(json_array_get(at(list, "snapshots"), i), "name"));
        cr_expect_not_null(at(one, "snapshot"));
    }
    json_auto_t *slash = refuses(lab, 1, "create", "a/b");
    says(slash, "kind", "refused");
    json_decref(refuses(lab, 1, "create", ""));
    json_decref(refuses(lab, 1, "create", "a\nb"));
    turn_off(lab);
    lab_stop(lab);
}

Test(create, halt_leaves_the_guest_stopped)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .running = true});

    does(lab, "create", "s1");
    json_auto_t *running = lab_qmp(lab, "query-status", NULL);
    says(running, "status", "running");
    json_auto_t *halted = tells(lab, "create", "s2", "--halt");
    cr_expect(json_is_false(at(halted, "running")));
    json_auto_t *stopped = lab_qmp(lab, "query-status", NULL);
    says(stopped, "status", "paused");
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.0.state", "running");
    says(list, "snapshots.1.state", "running");
    lab_stop(lab);
}

Test(create, qemu_makes_the_overlays_when_asked_to)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .modern = modern});
        json_auto_t *doc = NULL;

        write_generation(lab, 0, 1);
        doc = tells(lab, "create", "s1", "--method=sync");
        says(doc, "method", "sync");
        chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2");
        does(lab, "create", "s2", "--method=snapshot");
        chain_is(lab, 1, "vdb.qcow2 <- vdb.s1.qcow2 <- vdb.s2.qcow2");
        holds(lab, 0, 1);
        write_generation(lab, 0, 2);
        turn_off(lab);
        image_holds(lab, "vda.s1.qcow2", "qcow2", 1);
        image_holds(lab, "vda.s2.qcow2", "qcow2", 2);
        lab_stop(lab);
    }
}

/* QEMU's own names for its images lead nowhere from another folder. */
Test(create, overlays_that_qemu_makes_can_be_opened_from_anywhere)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 2, .relative = true});

    make_folder(lab, "fast");
    write_generation(lab, 0, 1);
    does(lab, "create", "s1", "--method=sync", "--overlay", "vdb=../fast/b.qcow2");
    does(lab, "create", "s2");
    does(lab, "create", "s3", "--method=sync");
    does(lab, "create", "s4", "--method=sync");
    holds(lab, 0, 1);
    headers_are(lab, "vda.s4.qcow2",
                "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- vda.s3.qcow2 <- vda.s4.qcow2");
    turn_off(lab);
    auto_free char *path = lab_path(lab, "fast/vdb.s4.qcow2");
    auto_result struct lab_result r =
        lab_exec("/", WORDS("qemu-img", "info", "--backing-chain", path));
    cr_expect_eq(r.status, 0, "%s", r.err);
    image_holds(lab, "vda.s4.qcow2", "qcow2", 1);
    lab_stop(lab);
}

Test(create, a_dry_run_shows_every_step_and_does_none)
{
    struct lab *lab = two_disks();
    auto_free char *before = state_of(lab);
    json_auto_t *doc = tells(lab, "create", "s1", "--dry-run");
    json_auto_t *transaction =
        json_incref(json_array_get(at(doc, "plan"), json_array_size(at(doc, "plan")) - 1));

    says(transaction, "execute", "transaction");
    says(transaction, "arguments.actions.1.type", "blockdev-snapshot");
    unchanged(lab, before);
    lab_stop(lab);
}

Test(create, the_overlay_has_owner_and_mode_of_its_base)
{
    struct lab *lab = two_disks();
    auto_free char *base = lab_path(lab, "vda.qcow2"), *over = lab_path(lab, "vda.s1.qcow2");
    struct stat st;

    cr_assert_eq(chmod(base, 0660), 0);
    if (getuid() == 0)
        cr_assert_eq(chown(base, 1234, 1234), 0);
    does(lab, "create", "s1");
    cr_assert_eq(stat(over, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0660);
    cr_expect_eq(st.st_uid, getuid() == 0 ? 1234 : getuid());
    cr_expect_eq(st.st_gid, getuid() == 0 ? 1234 : getgid());
    lab_stop(lab);
}

Test(create, forty_in_a_row)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    for (int i = 1; i <= 40; i++) {
        auto_free char *name = mem_printf("s%d", i);

        write_generation(lab, 0, i);
        does(lab, "create", name);
    }
    json_auto_t *list = tells(lab, "list"), *chain = tells(lab, "chain", "vda");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 40);
    cr_expect_eq(json_array_size(at(chain, "disks.0.layers")), 41);
    says(chain, "disks.0.layers.1.snapshots.0", "s40");
    says(list, "snapshots.39.parent", "s39");
    holds(lab, 0, 40);
    turn_off(lab);
    image_holds(lab, "vda.s40.qcow2", "qcow2", 40);
    image_holds(lab, "vda.s20.qcow2", "qcow2", 21); /* written to until s21 */
    lab_stop(lab);
}

Test(create, an_overlay_by_way_of_links_and_dots)
{
    struct lab *lab = two_disks();
    auto_free char *link = lab_path(lab, "link"), *elsewhere = overlay(lab, "vdb", "link/b.qcow2");

    make_folder(lab, "fast");
    cr_assert_eq(symlink("fast", link), 0);
    does(lab, "create", "s1", "--overlay", "vda=../fast/../a.qcow2", "--overlay", elsewhere);
    does(lab, "create", "s2");
    cr_expect(has_file(lab, "a.qcow2"));
    cr_expect(has_file(lab, "fast/b.qcow2"));
    cr_expect(has_file(lab, "fast/vdb.s2.qcow2"));
    json_auto_t *error = refuses(lab, 1, "create", "s3", "--overlay", "vda=../link/../a.qcow2");
    says(error, "desc", "is a layer already");
    lab_stop(lab);
}

/* QEMU has it open still, but what is taken now cannot be gone back to by another. */
Test(create, above_a_layer_that_has_gone_is_told)
{
    struct lab *lab = two_disks();
    auto_free char *file = lab_path(lab, "vda.s1.qcow2");

    does(lab, "create", "s1");
    does(lab, "create", "s2");
    cr_assert_eq(unlink(file), 0);
    json_auto_t *doc = tells(lab, "create", "s3");
    says(doc, "notes.0", "vda.s1.qcow2 is not there any more");
    lab_stop(lab);
}
