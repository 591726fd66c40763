/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * delete: any snapshot of any tree, while the machine is there; what the others hold, and what
 * the guest reads, stays as it was.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/tidy/tidy.h"

/* The tree that most tests begin with, each snapshot's generation in brackets:
 *
 *     s1(1) ── s2(2) ── s3(3) ── end(4)
 *       └───── b1(2) ── b2(3) ── the present (4)
 */
static struct lab *forest(struct lab_options o)
{
    struct lab *lab = tower(&o, 3);

    does(lab, "revert", "s1", "--keep", "end");
    write_generation(lab, 0, 2);
    does(lab, "create", "b1", "--disk", first_disk(lab));
    write_generation(lab, 0, 3);
    does(lab, "create", "b2", "--disk", first_disk(lab));
    write_generation(lab, 0, 4);
    return lab;
}

static const struct {
    const char *name;
    int generation;
} members[] = {{"s1", 1}, {"s2", 2}, {"s3", 3}, {"end", 4}, {"b1", 2}, {"b2", 3}};

enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

/* Go to every snapshot that is left, and look. */
static void all_hold(struct lab *lab, const char *deleted)
{
    json_auto_t *list = tells(lab, "list");
    const json_t *s;
    size_t i;

    cases_holds(lab, __LINE__, 0, 4);
    is_tidy(lab);
    json_array_foreach(at(list, "snapshots"), i, s)
        for (size_t k = 0; k < MEMBERS; k++)
            if (!strcmp(members[k].name, text(s, "name"))) {
                does(lab, "revert", members[k].name, "--discard");
                cr_log_info("without %s: %s", deleted, members[k].name);
                holds(lab, 0, members[k].generation);
                is_tidy(lab);
            }
}

static void any_one(bool modern, bool running)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        struct lab *lab =
            forest((struct lab_options){.disks = 1, .modern = modern, .running = running});
        json_auto_t *doc = tells(lab, "delete", members[i].name), *list = NULL;

        says(doc, "deleted.0", members[i].name);
        list = tells(lab, "list");
        cr_expect_eq(json_array_size(at(list, "snapshots")), MEMBERS - 1);
        all_hold(lab, members[i].name);
        turn_off(lab);
        lab_stop(lab);
    }
}

/* All merges, one after the other, and nothing is done. */
Test(delete, a_dry_run_shows_every_merge_that_will_follow)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 3);
    auto_free char *state = state_of(lab);
    json_auto_t *doc = tells(lab, "delete", "s1", "s2", "s3", "--dry-run"), *done = NULL;
    size_t jobs = 0, i;
    const json_t *step;

    json_array_foreach(at(doc, "plan"), i, step)
        jobs += !strcmp(text(step, "step"), "job");
    cr_expect_eq(jobs, 3);
    unchanged(lab, state);
    done = tells(lab, "delete", "s1", "s2", "s3");
    cr_expect_eq(json_array_size(at(done, "jobs")), 3);
    chain_is(lab, 0, "vda.qcow2");
    lab_stop(lab);
}

/* A branch of the base that goes first does not keep the rest from going down into it. */
Test(delete, a_dry_run_knows_what_would_be_gone_by_then)
{
    struct lab *lab = forest((struct lab_options){.disks = 1});
    json_auto_t *doc = tells(lab, "delete", "s1", "--children", "--dry-run"), *done = NULL;
    const json_t *step;
    size_t i;

    json_array_foreach(at(doc, "plan"), i, step)
        if (!strcmp(text(step, "step"), "job"))
            says(step, "execute", "block-commit");
    cr_expect_eq(json_array_size(at(doc, "kept")), 0);
    done = tells(lab, "delete", "s1", "--children");
    says(done, "jobs.0.type", "commit");
    cr_expect(json_is_array(at(done, "kept")) && !json_array_size(at(done, "kept")));
    chain_is(lab, 0, "vda.qcow2");
    lab_stop(lab);
}

Test(delete, any_one_of_a_tree_with_drives)
{
    any_one(false, false);
}

Test(delete, any_one_of_a_tree_with_blockdevs)
{
    any_one(true, false);
}

Test(delete, any_one_while_the_guest_runs)
{
    any_one(false, true);
}

Test(delete, one_after_the_other_until_nothing_is_left)
{
    static const char *const orders[][MEMBERS] = {
        {"s1", "s2", "s3", "end", "b1", "b2"},
        {"b2", "b1", "end", "s3", "s2", "s1"},
        {"s2", "b1", "s1", "end", "b2", "s3"},
        {"end", "s1", "s3", "s2", "b2", "b1"},
    };

    for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
        struct lab *lab = forest((struct lab_options){.disks = 1, .modern = o % 2});

        for (size_t i = 0; i < MEMBERS; i++) {
            does(lab, "delete", orders[o][i]);
            holds(lab, 0, 4);
            is_tidy(lab);
        }
        json_auto_t *chain = tells(lab, "chain");
        cr_expect_eq(number(chain, "disks.0.depth"), 1);
        turn_off(lab);
        lab_stop(lab);
    }
}

Test(delete, several_at_once)
{
    struct lab *lab = forest((struct lab_options){.disks = 1});
    json_auto_t *doc = tells(lab, "delete", "s2", "b1", "s1"), *list = NULL;

    cr_expect_eq(json_array_size(at(doc, "deleted")), 3);
    list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 3);
    all_hold(lab, "three");
    lab_stop(lab);
}

Test(delete, with_all_that_descends_from_it)
{
    struct lab *lab = forest((struct lab_options){.disks = 1});
    json_auto_t *doc = tells(lab, "delete", "s2", "--children"), *list = NULL;

    cr_expect(mentions(at(doc, "deleted"), "end"));
    list = tells(lab, "list");
    cr_expect_eq(json_array_size(at(list, "snapshots")), 3);
    all_hold(lab, "s2 and its children");
    does(lab, "delete", "s1", "--children");
    is_tidy(lab);
    lab_stop(lab);
}

Test(delete, the_children_find_a_parent)
{
    struct lab *lab = forest((struct lab_options){.disks = 1});

    does(lab, "delete", "s2", "b2");
    json_auto_t *list = tells(lab, "list");
    says(list, "snapshots.1.name", "s3");
    says(list, "snapshots.1.parent", "s1");
    says(list, "current", "b1");
    lab_stop(lab);
}

Test(delete, the_record_only)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    does(lab, "delete", "s1", "--metadata");
    chain_is(lab, 0, "vda.qcow2 <- vda.s1.qcow2 <- vda.s2.qcow2");
    json_decref(refuses(lab, 3, "show", "s1"));
    holds(lab, 0, 3);
    lab_stop(lab);
}

Test(delete, a_pinned_one_is_refused_until_it_is_unpinned)
{
    struct lab *lab = forest((struct lab_options){.disks = 1});
    auto_free char *state = NULL;

    does(lab, "edit", "s2", "--pin");
    state = state_of(lab);
    json_auto_t *one = refuses(lab, 1, "delete", "s2");
    says(one, "desc", "pinned");
    says(one, "hint", "--unpin");
    json_auto_t *child = refuses(lab, 1, "delete", "s1", "--children");
    says(child, "desc", "s2");
    unchanged(lab, state);
    does(lab, "edit", "s2", "--unpin");
    does(lab, "delete", "s2");
    all_hold(lab, "s2");
    lab_stop(lab);
}

Test(delete, moves_whichever_is_less)
{
    for (int heavy = 0; heavy < 2; heavy++) {
        struct lab *lab = tower(&(struct lab_options){.disks = 1}, 1);

        if (heavy)
            lab_write(lab, 0, 9, "8M", "4M");
        does(lab, "create", "s2");
        if (!heavy)
            lab_write(lab, 0, 9, "8M", "4M");
        does(lab, "create", "s3");
        json_auto_t *doc = tells(lab, "delete", "s2");
        says(doc, "jobs.0.type", heavy ? "commit" : "stream");
        holds(lab, 0, 2);
        cr_expect(lab_reads(lab, 0, 9, "8M", "4M"));
        is_tidy(lab);
        lab_stop(lab);
    }
}

Test(delete, of_several_disks)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 3});

    for (int n = 1; n <= 3; n++) {
        auto_free char *name = mem_printf("s%d", n);

        for (int disk = 0; disk < 3; disk++)
            write_generation(lab, disk, n);
        does(lab, "create", name);
    }
    does(lab, "delete", "s2");
    is_tidy(lab);
    for (int disk = 0; disk < 3; disk++)
        holds(lab, disk, 3);
    does(lab, "revert", "s1");
    for (int disk = 0; disk < 3; disk++)
        holds(lab, disk, 1);
    is_tidy(lab);
    lab_stop(lab);
}

Test(delete, above_a_raw_base)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1, .format = "raw"}, 2);

    does(lab, "delete", "s1");
    does(lab, "delete", "s2");
    holds(lab, 0, 3);
    is_tidy(lab);
    turn_off(lab);
    lab_stop(lab);
}

/* ---- somebody else's base ---- */

Test(delete, a_base_that_others_use_is_never_written_to)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);
    auto_free char *other = lab_path(lab, "keep-other.qcow2");

    /* the base holds s1; s1's and s2's content must go up, for nothing may go down */
    lab_image(other, "qcow2", "16M", "vda.qcow2", "qcow2");
    does(lab, "delete", "s1");
    holds(lab, 0, 3);
    does(lab, "delete", "s2");
    holds(lab, 0, 3);
    turn_off(lab);
    image_holds(lab, "vda.qcow2", "qcow2", 1);
    image_holds(lab, "keep-other.qcow2", "qcow2", 1);
    lab_stop(lab);
}

Test(delete, a_layer_in_the_middle_that_others_use_stays)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 3);
    auto_free char *other = lab_path(lab, "keep-other.qcow2");

    lab_image(other, "qcow2", "16M", "vda.s1.qcow2", "qcow2");
    json_auto_t *doc = tells(lab, "delete", "s2");
    says(doc, "kept.0.name", "/vda.s1.qcow2");
    says(doc, "kept.0.why", "keep-other.qcow2");
    holds(lab, 0, 4);
    does(lab, "revert", "s3", "--discard");
    holds(lab, 0, 3);
    turn_off(lab);
    image_holds(lab, "keep-other.qcow2", "qcow2", 2);
    lab_stop(lab);
}

/* To get a file back out of a snapshot. */
Test(delete, a_layer_that_another_process_reads_stays)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);
    auto_free char *layer = lab_path(lab, "vda.s1.qcow2"), *socket = lab_path(lab, "nbd.sock");
    struct lab_process server =
        lab_spawn(NULL, WORDS("qemu-nbd", "-r", "-t", "-f", "qcow2", "-k", socket, layer));
    struct stat st;

    lab_write(lab, 0, 9, "8M", "4M"); /* so that what is read is what moves */
    does(lab, "create", "s3");
    write_generation(lab, 0, 4);
    while (stat(socket, &st))
        cr_assert_eq(waitpid(server.pid, NULL, WNOHANG), 0, "qemu-nbd has ended");
    json_auto_t *doc = tells(lab, "delete", "s2");
    says(doc, "kept.0.name", "/vda.s1.qcow2");
    says(doc, "kept.0.why", "in use by pid ");
    cr_expect(has_file(lab, "vda.s1.qcow2"));
    kill(server.pid, SIGTERM);
    auto_result struct lab_result r = lab_finish(&server);
    holds(lab, 0, 4);
    turn_off(lab);
    lab_stop(lab);
}
