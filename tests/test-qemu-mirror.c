/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror: copies of a disk that follow what the guest writes, to switch to or to keep. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static const struct lab_options one = {.disks = 1};

static void both_styles(void (*test)(struct lab *lab, const char *disk))
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = tower(&(struct lab_options){.disks = 1, .modern = modern}, 2);

        test(lab, first_disk(lab));
        lab_stop(lab);
    }
}

static void all_at_once(struct lab *lab, const char *disk)
{
    json_auto_t *doc = tells(lab, "mirror", disk, "../copy.qcow2", "--pivot"), *list = NULL;

    says(doc, "target", "/copy.qcow2");
    says(doc, "jobs.0.status", "concluded");
    says(doc, "removed.0", "/vda.s2.qcow2");
    says(doc, "kept.0.why", "pinned by s2");
    chain_is(lab, 0, "copy.qcow2");
    holds(lab, 0, 3);
    list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 2);
    write_generation(lab, 0, 4);
    does(lab, "create", "s3");
    chain_is(lab, 0, "copy.qcow2 <- vda.s3.qcow2");
    turn_off(lab);
    image_holds(lab, "copy.qcow2", "qcow2", 4);
    image_holds(lab, "vda.s1.qcow2", "qcow2", 2);
}

Test(mirror, everything_and_the_guest_goes_on_in_the_copy)
{
    both_styles(all_at_once);
}

static void only_the_top(struct lab *lab, const char *disk)
{
    does(lab, "mirror", disk, "../top.qcow2", "--sync=top", "--pivot");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- top.qcow2");
    headers_are(lab, "top.qcow2", "vda.qcow2 <- vda.s1.qcow2 <- top.qcow2");
    cr_expect(!has_file(lab, "vda.s2.qcow2"));
    holds(lab, 0, 3);
    turn_off(lab);
    image_holds(lab, "top.qcow2", "qcow2", 3);
}

Test(mirror, the_active_layer_alone)
{
    both_styles(only_the_top);
}

static void nothing_but_the_new(struct lab *lab, const char *disk)
{
    does(lab, "mirror", disk, "../new.qcow2", "--sync=none");
    write_generation(lab, 0, 4);
    does(lab, "mirror", disk, "--pivot");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2 <- new.qcow2");
    holds(lab, 0, 4);
    turn_off(lab);
    image_holds(lab, "new.qcow2", "qcow2", 4);
}

Test(mirror, only_what_is_written_from_now_on)
{
    both_styles(nothing_but_the_new);
}

static void raw(struct lab *lab, const char *disk)
{
    json_auto_t *chain = NULL;

    does(lab, "mirror", disk, "../copy.raw", "--format=raw", "--pivot");
    chain = tells(lab, "chain");
    says(chain, "disks.0.layers.0.format", "raw");
    does(lab, "create", "s3");
    headers_are(lab, "vda.s3.qcow2", "copy.raw <- vda.s3.qcow2");
    holds(lab, 0, 3);
    turn_off(lab);
    image_holds(lab, "copy.raw", "raw", 3);
    image_holds(lab, "vda.s3.qcow2", "qcow2", 3);
}

Test(mirror, to_another_format)
{
    both_styles(raw);
}

static void keep(struct lab *lab, const char *disk)
{
    json_auto_t *doc = tells(lab, "mirror", disk, "../copy.qcow2", "--finish");
    json_auto_t *info = NULL, *jobs = tells(lab, "jobs");

    says(doc, "target", "/copy.qcow2");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    cr_expect_eq(json_array_size(at(jobs, "jobs")), 0);
    info = tells(lab, "info");
    cr_expect(json_is_null(at(info, "pending")));
    write_generation(lab, 0, 4);
    does(lab, "create", "s3");
    turn_off(lab);
    image_holds(lab, "copy.qcow2", "qcow2", 3);
    image_holds(lab, "vda.s2.qcow2", "qcow2", 4);
}

Test(mirror, a_copy_to_keep)
{
    both_styles(keep);
}

static void follow_then_pivot(struct lab *lab, const char *disk)
{
    auto_free char *id = mem_printf("qrw-mirror-%s", disk);
    json_auto_t *doc = tells(lab, "mirror", disk, "../copy.qcow2"), *info = NULL, *list = NULL;

    says(doc, "jobs.0.id", id);
    says(doc, "jobs.0.status", "ready");
    info = tells(lab, "info");
    says(info, "pending", "mirror");
    list = tells(lab, "list");
    says(list, "current", "s2");
    write_generation(lab, 0, 4);
    json_auto_t *busy = refuses(lab, 8, "create", "s3");
    says(busy, "kind", "locked");
    says(busy, "hint", id);
    does(lab, "mirror", disk, "--pivot");
    chain_is(lab, 0, "copy.qcow2");
    holds(lab, 0, 4);
    does(lab, "create", "s3");
    turn_off(lab);
    image_holds(lab, "copy.qcow2", "qcow2", 4);
}

Test(mirror, a_copy_that_follows_until_it_is_switched_to)
{
    both_styles(follow_then_pivot);
}

static void follow_then_finish(struct lab *lab, const char *disk)
{
    does(lab, "mirror", disk, "../copy.qcow2");
    write_generation(lab, 0, 4);
    does(lab, "mirror", disk, "--finish");
    write_generation(lab, 0, 5);
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    holds(lab, 0, 5);
    does(lab, "create", "s3");
    turn_off(lab);
    image_holds(lab, "copy.qcow2", "qcow2", 4);
}

Test(mirror, a_copy_that_follows_until_it_is_enough)
{
    both_styles(follow_then_finish);
}

static void cancelled(struct lab *lab, const char *disk)
{
    auto_free char *id = mem_printf("qrw-mirror-%s", disk);

    does(lab, "mirror", disk, "../copy.qcow2");
    does(lab, "job", "cancel", id);
    json_auto_t *check = tells(lab, "check");
    auto_free char *found = findings_of(check);
    cr_expect_str_empty(found);
    cr_expect(!has_file(lab, "copy.qcow2"));
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    json_auto_t *jobs = tells(lab, "jobs"), *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(jobs, "jobs")), 0);
    cr_expect_eq(json_array_size(at(list, "snapshots")), 2);
    does(lab, "create", "s3");
    holds(lab, 0, 3);
}

Test(mirror, one_that_is_cancelled)
{
    both_styles(cancelled);
}

Test(mirror, what_it_refuses)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *state = NULL, *there = lab_path(lab, "there.qcow2");

    lab_image(there, "qcow2", "16M", NULL, NULL);
    state = state_of(lab);
    json_auto_t *exists = refuses(lab, 1, "mirror", "vda", "../there.qcow2", "--pivot");
    says(exists, "desc", "there.qcow2 exists already");
    json_auto_t *layer = refuses(lab, 1, "mirror", "vda", "../vda.qcow2", "--pivot");
    says(layer, "desc", "is a layer already");
    json_auto_t *format =
        refuses(lab, 1, "mirror", "vda", "../x.raw", "--format=raw", "--sync=top");
    says(format, "desc", "backing file");
    json_decref(refuses(lab, 1, "mirror", "vda", "../nowhere/x.qcow2", "--pivot"));
    json_decref(refuses(lab, 3, "mirror", "vdq", "../x.qcow2", "--pivot"));
    json_decref(refuses(lab, 3, "mirror", "vda", "--pivot"));
    json_decref(refuses(lab, 2, "mirror", "vda", "../x.qcow2", "--pivot", "--finish"));
    json_decref(refuses(lab, 2, "mirror", "vda"));
    json_auto_t *unknown = refuses(lab, 1, "mirror", "vda", "../x.y", "--format=nope");
    says(unknown, "desc", "nope");
    unchanged(lab, state);
    lab_stop(lab);
}

Test(mirror, owner_and_mode_follow_the_source)
{
    struct lab *lab = tower(&one, 0);
    auto_free char *source = lab_path(lab, "vda.qcow2"), *copy = lab_path(lab, "copy.qcow2");
    struct stat st;

    cr_assert_eq(chmod(source, 0640), 0);
    does(lab, "mirror", "vda", "../copy.qcow2", "--pivot");
    cr_assert_eq(stat(copy, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0640);
    lab_stop(lab);
}

Test(mirror, files_of_the_old_chain_can_be_kept)
{
    struct lab *lab = tower(&one, 1);
    json_auto_t *doc = tells(lab, "mirror", "vda", "../copy.qcow2", "--pivot", "--keep-files");

    says(doc, "kept.0.why", "asked for");
    cr_expect(has_file(lab, "vda.s1.qcow2"));
    turn_off(lab);
    image_holds(lab, "vda.s1.qcow2", "qcow2", 2);
    lab_stop(lab);
}

/* What is left of the sidecar where the layers of snapshots are leads to it. */
static bool is_link(const struct lab *lab, const char *name)
{
    auto_free char *path = lab_path(lab, name);
    struct stat st;

    return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

Test(mirror, into_another_folder_and_the_snapshots_are_still_found)
{
    struct lab *lab = tower(&one, 2);
    auto_free char *folder = lab_path(lab, "fast");

    cr_assert_eq(mkdir(folder, 0700), 0);
    does(lab, "mirror", "vda", "../fast/copy.qcow2");
    does(lab, "list");
    does(lab, "mirror", "vda", "--pivot");
    json_auto_t *list = tells(lab, "list"), *sidecar = sidecar_of(lab, "fast/copy.qcow2");
    says(list, "snapshots.0.disks.vda.file", "/vda.qcow2");
    says(sidecar, "current", "s2");
    cr_expect(is_link(lab, "vda.qcow2.qrewind.json"));
    lab_stop(lab);
}

/* Nobody waits, and the switch happens all the same: whoever comes next must know it. */
Test(mirror, a_switch_that_another_client_ordered)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *folder = lab_path(lab, "fast");

    cr_assert_eq(mkdir(folder, 0700), 0);
    does(lab, "mirror", "vda", "../fast/copy.qcow2");
    json_decref(lab_qmp(lab, "job-complete", "{s:s}", "id", "qrw-mirror-vda"));
    wait_for_job(lab, "qrw-mirror-vda", "concluded");
    json_auto_t *list = tells(lab, "list");
    says(list, "current", "s1");
    does(lab, "create", "s2");
    chain_is(lab, 0, "copy.qcow2 <- vda.s2.qcow2");
    json_auto_t *after = tells(lab, "list");
    says(after, "snapshots.1.parent", "s1");
    cr_expect(is_link(lab, "vda.qcow2.qrewind.json"));
    cr_expect(!has_file(lab, "vda.s1.qcow2"));
    lab_stop(lab);
}
