/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream: layers are copied up, and what snapshots pin stays as it is. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"

static const struct lab_options one = {.disks = 1};

/* Layers that another tool made: no sidecar, no pins. Generation 1 in vda.qcow2, 2 in x1 … */
static struct lab *foreign(bool modern)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1, .modern = modern});

    write_generation(lab, 0, 1);
    for (int i = 1; i <= 3; i++) {
        json_auto_t *blocks = lab_qmp(lab, "query-block", NULL);
        auto_free char *name = mem_printf("x%d.qcow2", i), *node = mem_printf("x%d", i);
        auto_free char *file = lab_path(lab, name);

        json_decref(lab_qmp(lab, "blockdev-snapshot-sync", "{s:s, s:s, s:s, s:s}", "node-name",
                            text(blocks, "0.inserted.node-name"), "snapshot-file", file, "format",
                            "qcow2", "snapshot-node-name", node));
        write_generation(lab, 0, i + 1);
    }
    return lab;
}

/* Does QEMU have the file open under any node? */
static bool has_node_of(struct lab *lab, const char *file)
{
    auto_free char *state = state_of(lab);
    const char *files = strstr(state, "\n./"); /* the listing of the folder */
    const char *found = strstr(state, file);

    return found && found < files;
}

Test(stream, everything_and_the_disk_stands_alone)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = foreign(modern);
        json_auto_t *doc = tells(lab, "stream", first_disk(lab));

        chain_is(lab, 0, "x3.qcow2");
        headers_are(lab, "x3.qcow2", "x3.qcow2");
        holds(lab, 0, 4);
        cr_expect_eq(json_array_size(at(doc, "kept")), 3);
        says(doc, "kept.0.why", "not made by qrewind");
        cr_expect(!has_node_of(lab, "vda.qcow2"), "nothing has the old files open");
        cr_expect(!has_node_of(lab, "x1.qcow2"));
        write_generation(lab, 0, 5);
        turn_off(lab);
        image_holds(lab, "x3.qcow2", "qcow2", 5);
        image_holds(lab, "x2.qcow2", "qcow2", 3);
        lab_stop(lab);
    }
}

Test(stream, down_to_a_base)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = foreign(modern);

        does(lab, "stream", first_disk(lab), "--base", "x1.qcow2");
        chain_is(lab, 0, "vda.qcow2 <- x1.qcow2 <- x3.qcow2");
        headers_are(lab, "x3.qcow2", "vda.qcow2 <- x1.qcow2 <- x3.qcow2");
        holds(lab, 0, 4);
        cr_expect(!has_node_of(lab, "x2.qcow2"));
        turn_off(lab);
        image_holds(lab, "x3.qcow2", "qcow2", 4);
        image_holds(lab, "x1.qcow2", "qcow2", 2);
        lab_stop(lab);
    }
}

Test(stream, into_a_layer_in_the_middle)
{
    for (int modern = 0; modern < 2; modern++) {
        struct lab *lab = foreign(modern);

        does(lab, "stream", first_disk(lab), "--top", "x2.qcow2", "--base", "vda.qcow2");
        chain_is(lab, 0, "vda.qcow2 <- x2.qcow2 <- x3.qcow2");
        holds(lab, 0, 4);
        does(lab, "stream", first_disk(lab), "--top", "x2.qcow2");
        chain_is(lab, 0, "x2.qcow2 <- x3.qcow2");
        headers_are(lab, "x3.qcow2", "x2.qcow2 <- x3.qcow2");
        holds(lab, 0, 4);
        turn_off(lab);
        image_holds(lab, "x2.qcow2", "qcow2", 3);
        image_holds(lab, "x3.qcow2", "qcow2", 4);
        lab_stop(lab);
    }
}

Test(stream, pinned_layers_leave_the_chain_and_stay)
{
    struct lab *lab = tower(&one, 3);
    json_auto_t *doc = tells(lab, "stream", "vda", "--base", "s1"), *list = NULL;

    chain_is(lab, 0, "vda.qcow2 <- vda.s3.qcow2");
    holds(lab, 0, 4);
    says(doc, "kept.0.why", "pinned by s3");
    cr_expect_eq(json_array_size(at(doc, "removed")), 0);
    list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 3);
    says(list, "snapshots.1.disks.vda.file", "vda.s1.qcow2");
    headers_are(lab, "vda.s2.qcow2", "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    does(lab, "create", "s4");
    json_auto_t *s4 = tells(lab, "show", "s4");
    says(s4, "snapshot.parent", "s3");
    turn_off(lab);
    image_holds(lab, "vda.s1.qcow2", "qcow2", 2);
    image_holds(lab, "vda.s2.qcow2", "qcow2", 3);
    image_holds(lab, "vda.s3.qcow2", "qcow2", 4);
    lab_stop(lab);
}

Test(stream, the_sidecar_is_found_when_its_image_has_left_the_chain)
{
    struct lab *lab = tower(&one, 2);

    does(lab, "stream", "vda");
    chain_is(lab, 0, "vda.s2.qcow2");
    holds(lab, 0, 3);
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 2);
    says(list, "current", "s2");
    says(list, "snapshots.0.disks.vda.file", "/vda.qcow2");
    does(lab, "create", "s3");
    json_auto_t *next = tells(lab, "list");
    says(next, "snapshots.2.parent", "s2");
    cr_expect(has_file(lab, "vda.s3.qcow2"));
    lab_stop(lab);
}

Test(stream, what_nothing_keeps_is_removed)
{
    struct lab *lab = tower(&one, 2);

    does(lab, "commit", "vda", "--top", "s2", "--base", "s1", "--force");
    chain_is(lab, 0, "vda.qcow2 <- vda.s2.qcow2");
    cr_expect(!has_file(lab, "vda.s1.qcow2"));
    holds(lab, 0, 3);
    json_auto_t *list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 1);
    says(list, "snapshots.0.name", "s2");
    says(list, "snapshots.0.disks.vda.file", "/vda.qcow2");
    json_auto_t *doc = tells(lab, "stream", "vda");
    says(doc, "kept.0.why", "pinned by s2");
    turn_off(lab);
    image_holds(lab, "vda.qcow2", "qcow2", 2);
    image_holds(lab, "vda.s2.qcow2", "qcow2", 3);
    lab_stop(lab);
}

Test(stream, nothing_to_do_is_no_failure)
{
    struct lab *lab = tower(&one, 1);
    auto_free char *state = state_of(lab);
    json_auto_t *doc = tells(lab, "stream", "vda", "--base", "s1");
    json_auto_t *bottom = tells(lab, "stream", "vda", "--top", "s1");

    says(doc, "notes.0", "nothing to do: vda.s1.qcow2 lies directly on vda.qcow2");
    says(bottom, "notes.0", "nothing to do: vda.qcow2 has no backing file");
    unchanged(lab, state);
    lab_stop(lab);
}

Test(stream, siblings_of_what_is_pulled_from_are_left_alone)
{
    struct lab *lab = foreign(false);
    auto_free char *other = lab_path(lab, "other.qcow2");

    lab_image(other, "qcow2", "16M", "x1.qcow2", "qcow2");
    does(lab, "stream", "vda", "--base", "vda.qcow2");
    chain_is(lab, 0, "vda.qcow2 <- x3.qcow2");
    holds(lab, 0, 4);
    turn_off(lab);
    image_holds(lab, "other.qcow2", "qcow2", 2);
    lab_stop(lab);
}

Test(stream, a_layer_that_others_build_on_is_not_written_to)
{
    struct lab *lab = foreign(false);
    auto_free char *other = lab_path(lab, "other.qcow2"), *state = NULL;

    lab_image(other, "qcow2", "16M", "x2.qcow2", "qcow2");
    state = state_of(lab);
    json_auto_t *error = refuses(lab, 1, "stream", "vda", "--top", "x2.qcow2");
    says(error, "desc", "x2.qcow2 is also the base of");
    says(error, "desc", "/other.qcow2");
    unchanged(lab, state);
    lab_stop(lab);
}

Test(stream, with_a_limit_it_takes_its_time_and_says_how_far_it_is)
{
    static const char *const second[] = {SECOND_MONITOR, NULL};
    struct lab *lab = tower(&(struct lab_options){.disks = 1, .args = second}, 2);
    auto_free struct lab *other = by_second_monitor(lab);

    lab_write(lab, 0, 5, "8M", "2M");
    does(lab, "create", "s3");
    struct lab_process p = begins(lab, "qrw-stream-vda", "stream", "vda", "--speed", "512k");
    json_auto_t *jobs = tells(other, "jobs");
    says(jobs, "jobs.0.id", "qrw-stream-vda");
    says(jobs, "jobs.0.disk", "vda");
    says(jobs, "jobs.0.type", "stream");
    cr_expect_eq(number(jobs, "jobs.0.speed"), 512 << 10);
    does(other, "job", "speed", "qrw-stream-vda", "0");
    auto_result struct lab_result r = lab_finish(&p);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.err, "\"progress\":"), "%s", r.err);
    chain_is(lab, 0, "vda.s3.qcow2");
    cr_expect(lab_reads(lab, 0, 5, "8M", "2M"));
    lab_stop(lab);
}

/* QEMU 7.2 crashes when its nodes are listed while such a job is there. */
Test(stream, one_that_ended_and_is_not_dismissed_does_no_harm)
{
    struct lab *lab = foreign(false);

    json_decref(lab_qmp(lab, "block-stream", "{s:s, s:s, s:b}", "job-id", "vda", "device", "vda",
                        "auto-dismiss", 0));
    wait_for_job(lab, "vda", "concluded");
    does(lab, "chain");
    does(lab, "disks");
    does(lab, "list");
    does(lab, "info");
    json_auto_t *jobs = tells(lab, "jobs");
    says(jobs, "jobs.0.status", "concluded");
    json_auto_t *busy = refuses(lab, 1, "create", "s1");
    says(busy, "desc", "disk vda is busy: the job vda (stream) is concluded");
    says(busy, "hint", "qrewind job dismiss vda");
    does(lab, "job", "wait", "vda");
    does(lab, "job", "dismiss", "vda");
    does(lab, "create", "s1");
    chain_is(lab, 0, "x3.qcow2 <- x3.s1.qcow2");
    holds(lab, 0, 4);
    lab_stop(lab);
}

Test(stream, our_own_that_ended_is_settled_by_whatever_comes_next)
{
    const char *const *const next[] = {WORDS("job", "wait", "qrw-stream-vda"), WORDS("repair"),
                                       WORDS("create", "s9")};

    for (size_t i = 0; i < 3; i++) {
        struct lab *lab = tower(&one, 2);

        json_auto_t *left = tells(lab, "stream", "vda", "--no-wait");
        says(left, "jobs.0.id", "qrw-stream-vda");
        wait_for_job(lab, "qrw-stream-vda", "pending");
        does(lab, "chain");
        does(lab, "list");
        json_decref(cases_run(lab, __LINE__, 0, next[i]));
        json_auto_t *jobs = tells(lab, "jobs"), *info = tells(lab, "info");
        cr_expect_eq(json_array_size(at(jobs, "jobs")), 0);
        cr_expect(json_is_null(at(info, "pending")));
        holds(lab, 0, 3);
        lab_stop(lab);
    }
}

/* Where the short layer ends there is nothing; without it the base would show through. */
Test(stream, a_layer_that_is_shorter_than_what_lies_below_it_does_not_leave_the_chain)
{
    static const int sizes[] = {4 << 20, 16 << 20};
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});

    lab_write(lab, 0, 3, "12M", "64k");
    for (int i = 0; i < 2; i++) {
        does(lab, "create", i ? "s2" : "s1");
        json_decref(lab_qmp(lab, "block_resize", "{s:s, s:i}", "device", "vda", "size", sizes[i]));
    }
    cr_assert(lab_reads(lab, 0, 0, "12M", "64k"));
    json_auto_t *error = refuses(lab, 1, "stream", "vda", "--base", "s1");
    says(error, "desc", "vda.s1.qcow2 is shorter than vda.qcow2");
    says(error, "hint", "qrewind stream vda ");
    does(lab, "delete", "s2");
    cr_expect(lab_reads(lab, 0, 0, "12M", "64k"));
    does(lab, "stream", "vda");
    cr_expect(lab_reads(lab, 0, 0, "12M", "64k"));
    lab_stop(lab);
}
