/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another tool merges a layer away, or an older sidecar is put back after we did: what the record
 * is mended to, and what the snapshots that are left show. */
#include <criterion/criterion.h>
#include <string.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_merged, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* base <- base.s1 <- base.s2 <- base.s3, the last is active; layer I holds I at (I - 1) MiB. */
static void tower_of_three(void)
{
    offline_tower();
    offline_ok("qrewind -i base.qcow2 create s3");
    offline_write("base.s3.qcow2", 4, "3M", "64k");
}

static void expect_found(int line, const char *options, const char *expected)
{
    json_auto_t *doc = offline_json(*expected ? 9 : 0, "qrewind -i base.qcow2 check%s", options);
    auto_free char *found = findings_of(doc);

    cr_expect_str_eq(found, expected, "line %d: %s", line, found);
}
#define finds(expected) expect_found(__LINE__, "", expected)

/* The names of the snapshots are @expected, in their order. */
static void has(const char *expected)
{
    json_auto_t *doc = offline_json(0, "qrewind -i base.qcow2 list");
    char *names = mem_strdup("");
    const json_t *s;
    size_t i;

    json_array_foreach(json_object_get(doc, "snapshots"), i, s) {
        auto_free char *before = names;

        names = mem_printf("%s%s%s", before, i ? " " : "", text(s, "name"));
    }
    auto_free char *all = names;
    cr_expect_str_eq(all, expected);
}

/* The disk reads @pattern at 3 MiB, which all layers wrote to; each has a MiB of its own, too. */
static void shows(int pattern)
{
    auto_free char *active = offline_active("-i base.qcow2", 0);

    offline_reads(active, pattern, "3M", "64k");
    if (pattern < 4)
        offline_reads(active, pattern, pattern == 1 ? "0" : pattern == 2 ? "1M" : "2M", "64k");
}

static void goes_back(const char *name, int pattern)
{
    offline_ok("qrewind -i base.qcow2 revert --discard %s", name);
    shows(pattern);
}

Test(qemu_merged, up_and_what_lies_above_is_kept)
{
    tower_of_three();
    offline_sh("qemu-img rebase -f qcow2 -F qcow2 -b base.qcow2 base.s2.qcow2; rm base.s1.qcow2");
    finds("stale-record base.s2.qcow2, broken-snapshot s2");
    offline_ok("qrewind -i base.qcow2 repair"); /* not unasked */
    finds("stale-record base.s2.qcow2, broken-snapshot s2");
    offline_ok("qrewind -i base.qcow2 repair --yes");
    finds("");
    has("s1 s3");
    shows(4);
    goes_back("s3", 3);
    goes_back("s1", 1);
    finds("");
}

Test(qemu_merged, down_and_what_it_showed_is_in_the_lower_one)
{
    tower_of_three();
    offline_sh(
        "qemu-img commit -q -d base.s2.qcow2;"
        "qemu-img rebase -u -f qcow2 -F qcow2 -b base.s1.qcow2 base.s3.qcow2; rm base.s2.qcow2");
    finds("stale-record base.s3.qcow2, broken-snapshot s2");
    offline_fails(1, "somebody seems to have merged that", "qrewind -i base.qcow2 create n1");
    offline_ok("qrewind -i base.qcow2 list");
    offline_ok("qrewind -i base.qcow2 repair --yes --only stale-record");
    finds("");
    has("s1 s3");
    shows(4);
    goes_back("s3", 3);
    goes_back("s1", 1);
    finds("");
    offline_ok("qrewind -i base.qcow2 create n1");
}

Test(qemu_merged, by_us_and_then_the_older_sidecar_is_put_back)
{
    tower_of_three();
    offline_ok("cp -p base.qcow2.qrewind.json old");
    offline_ok("qrewind -i base.qcow2 delete s2");
    offline_ok("mv old base.qcow2.qrewind.json");
    offline_ok("qrewind -i base.qcow2 repair --yes");
    finds("");
    has("s1 s3");
    goes_back("s3", 3);
    finds("");
}

Test(qemu_merged, the_hash_tells_where_size_and_time_do_not)
{
    tower_of_three();
    offline_ok("qrewind -i base.qcow2 check --deep");
    offline_sh("qemu-img rebase -f qcow2 -F qcow2 -b base.qcow2 base.s2.qcow2; rm base.s1.qcow2;"
               "touch base.qcow2");
    json_auto_t *doc = offline_json(9, "qrewind -i base.qcow2 check");
    cr_expect(strstr(text(doc, "findings.0.text"), "check --deep"));
    offline_ok("qrewind -i base.qcow2 repair --yes");
    has("s1 s2 s3");
    offline_ok("qrewind -i base.qcow2 repair --deep --yes");
    has("s1 s3");
    finds("");
    goes_back("s3", 3);
}

Test(qemu_merged, where_nothing_tells_no_snapshot_is_dropped)
{
    tower_of_three();
    offline_sh("qemu-img rebase -f qcow2 -F qcow2 -b base.qcow2 base.s2.qcow2; rm base.s1.qcow2;"
               "touch base.qcow2");
    offline_ok("qrewind -i base.qcow2 repair --yes");
    finds("stale-record base.s2.qcow2, broken-snapshot s2");
    has("s1 s2 s3");
    offline_ok("qrewind -i base.qcow2 forget"); /* what it says */
    offline_ok("qrewind -i base.s3.qcow2 adopt");
    offline_ok("qrewind -i base.s3.qcow2 check");
    offline_reads("base.s3.qcow2", 4, "3M", "64k");
}

/* ---- and a VM runs on it ---- */

static void found_live(struct lab *lab, int status, const char *expected)
{
    auto_result struct lab_result r = lab_run(lab, "--json", "check", NULL);
    json_auto_t *doc = json_loads(r.out, 0, NULL);
    auto_free char *found = findings_of(doc);

    cr_assert_eq(r.status, status, "%s%s", r.out, r.err);
    cr_assert_str_eq(found, expected, "%s", found);
}

Test(qemu_merged, what_a_vm_runs_on_above_it)
{
    struct lab *old = tower(&(struct lab_options){.disks = 1}, 4);
    auto_result struct lab_result r = {0};

    turn_off(old);
    r = lab_exec(old->folder,
                 WORDS("sh", "-ec",
                       "qemu-img rebase -f qcow2 -F qcow2 -b vda.s1.qcow2 vda.s3.qcow2;"
                       "rm vda.s2.qcow2"));
    cr_assert_eq(r.status, 0, "%s", r.err);
    struct lab *lab = start_again(old, WORDS("vda.s4.qcow2"));
    found_live(lab, 9, "stale-record vda.s3.qcow2, broken-snapshot s3");
    does(lab, "repair");
    found_live(lab, 9, "stale-record vda.s3.qcow2, broken-snapshot s3");
    does(lab, "repair", "--yes");
    found_live(lab, 0, "");
    holds(lab, 0, 5);
    does(lab, "revert", "s4");
    holds(lab, 0, 4);
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    lab_stop(lab);
    lab_stop(old);
}

/* What it was merged into shows what it did, and not what it had shown. */
Test(qemu_merged, while_a_vm_runs_and_it_is_left_there)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 4);
    auto_free char *top = lab_path(lab, "vda.s3.qcow2"), *base = lab_path(lab, "vda.s2.qcow2");
    json_decref(lab_qmp(lab, "block-commit", "{s:s, s:s, s:s, s:s}", "job-id", "theirs", "device",
                        "vda", "top", top, "base", base));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
    does(lab, "repair"); /* closes the node of what is merged */
    found_live(lab, 9, "stale-record vda.s4.qcow2, changed-base vda.s2.qcow2, broken-snapshot s3");
    does(lab, "repair", "--yes", "--only", "stale-record");
    found_live(lab, 0, "");
    does(lab, "revert", "s4");
    holds(lab, 0, 4);
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    lab_stop(lab);
}

static void theirs(struct lab *lab, const char *from, const char *into)
{
    auto_free char *top = lab_path(lab, from), *base = lab_path(lab, into);

    json_decref(lab_qmp(lab, "block-commit", "{s:s, s:s, s:s, s:s}", "job-id", "theirs", "device",
                        "vda", "top", top, "base", base));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
}

/* Nothing else records it, and nothing that shows something else is given out. */
static void is_refused_meanwhile(struct lab *lab, const char *name)
{
    auto_free char *to = lab_path(lab, "out");
    json_auto_t *create = refuses(lab, 1, "create", "n1");
    json_auto_t *revert = refuses(lab, 1, "revert", name);
    json_auto_t *export = refuses(lab, 1, "export", name, to);

    cr_expect(strstr(text(create, "hint"), "qrewind check tells"), "%s", text(create, "hint"));
    cr_expect(revert && export);
}

/* What lay between shows what came down, too. */
Test(qemu_merged, several_at_once_while_a_vm_runs)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 4);

    theirs(lab, "vda.s3.qcow2", "vda.s1.qcow2");
    is_refused_meanwhile(lab, "s3");
    does(lab, "repair"); /* closes the nodes of what is merged */
    found_live(lab, 9,
               "stale-record vda.s4.qcow2, changed-base vda.s1.qcow2, broken-snapshot s2, "
               "broken-snapshot s3");
    does(lab, "repair", "--yes");
    found_live(lab, 0, "");
    json_auto_t *doc = tells(lab, "list");
    says(doc, "snapshots.0.name", "s1");
    says(doc, "snapshots.1.name", "s4");
    cr_expect_eq(json_array_size(at(doc, "snapshots")), 2);
    does(lab, "revert", "s4");
    holds(lab, 0, 4);
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    lab_stop(lab);
}

/* So do the other branches on what it was merged into. */
Test(qemu_merged, while_a_vm_runs_and_another_branch_builds_on_that)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 3);

    does(lab, "revert", "s1");
    write_generation(lab, 0, 2);
    does(lab, "create", "k1");
    theirs(lab, "vda.s1-2.qcow2", "vda.qcow2");
    is_refused_meanwhile(lab, "s2");
    does(lab, "repair", "--yes", "--only", "changed-base");
    does(lab, "repair", "--yes");
    found_live(lab, 0, "");
    json_auto_t *doc = tells(lab, "list");
    says(doc, "snapshots.0.name", "k1");
    cr_expect_eq(json_array_size(at(doc, "snapshots")), 1);
    does(lab, "revert", "k1");
    holds(lab, 0, 2);
    lab_stop(lab);
}

static void stream_all(struct lab *lab)
{
    json_decref(lab_qmp(lab, "block-stream", "{s:s, s:s}", "job-id", "theirs", "device", "vda"));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
}

/* What lies inside saw through it what is below, and that is only known from the record. */
Test(qemu_merged, all_of_them_into_one_with_a_snapshot_inside)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);
    auto_free char *top = lab_path(lab, "vda.s2.qcow2");

    does(lab, "create", "i1", "--internal");
    stream_all(lab);
    is_refused_meanwhile(lab, "i1");
    does(lab, "repair", "--yes");
    found_live(lab, 9, "stale-record vda.s2.qcow2, broken-snapshot i1");
    is_refused_meanwhile(lab, "i1");
    does(lab, "edit", "s1", "--name", "first"); /* that is but a name */
    turn_off(lab);
    offline_fails(1, "names no backing file", "qrewind -i %s export i1 out", top);
    offline_ok("qrewind -i %s repair --yes", top); /* what it says */
    offline_ok("qrewind -i %s check", top);
    offline_ok("qrewind -i %s export i1 %s/out.qcow2", top, lab->folder);
    image_holds(lab, "out.qcow2", "qcow2", 3);
    struct lab *on = start_again(lab, WORDS("vda.s2.qcow2"));
    holds(on, 0, 3);
    lab_stop(on);
    lab_stop(lab);
}

Test(qemu_merged, which_can_be_given_up)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 1}, 2);

    const bool undo = number(lab->greeting, "QMP.version.qemu.major") >= 6;

    does(lab, "create", "i1", "--internal");
    if (undo) /* that lies inside, too */
        does(lab, "revert", "i1");
    stream_all(lab);
    is_refused_meanwhile(lab, "s2");
    does(lab, "delete", "i1");
    does(lab, "repair", "--only", "leaked-node");
    found_live(lab, 9,
               undo ? "stale-record vda.s2.qcow2, broken-undo undo" : "stale-record vda.s2.qcow2");
    if (undo) {
        is_refused_meanwhile(lab, "s2");
        does(lab, "delete", "--undo");
    }
    does(lab, "repair");
    found_live(lab, 0, "");
    holds(lab, 0, 3);
    does(lab, "revert", "s2");
    holds(lab, 0, 2);
    lab_stop(lab);
}

/* The record lies beside what nothing builds on any more, and is found nevertheless. */
Test(qemu_merged, all_of_them_into_what_the_vm_runs_on)
{
    struct lab *lab = tower(&(struct lab_options){.disks = 2}, 2);

    json_decref(lab_qmp(lab, "block-stream", "{s:s, s:s}", "job-id", "theirs", "device", "vda"));
    json_decref(lab_event(lab, "BLOCK_JOB_COMPLETED"));
    does(lab, "repair", "--only", "leaked-node");
    found_live(lab, 9, "stale-record vda.s2.qcow2");
    does(lab, "repair", "--yes");
    found_live(lab, 0, "");
    does(lab, "create", "s3");
    does(lab, "revert", "s1");
    holds(lab, 0, 1);
    does(lab, "delete", "s3");
    does(lab, "undo");
    holds(lab, 0, 3);
    found_live(lab, 0, "");
    lab_stop(lab);
}

/* The active layer is committed by hand, and removed: no header tells of it. */
Test(qemu_merged, an_active_layer_that_is_committed_away)
{
    tower_of_three();
    offline_write("base.s3.qcow2", 4, "0", "64k");
    offline_sh("qemu-img commit -q base.s3.qcow2; rm base.s3.qcow2");
    finds("stale-record base.s3.qcow2, broken-snapshot s3");
    offline_ok("qrewind -i base.qcow2 repair --yes");
    finds("");
    has("s1 s2");
    shows(4);
    offline_ok("qrewind -i base.qcow2 create s4");
    goes_back("s2", 2);
    goes_back("s1", 1);
    goes_back("s4", 4);
}

/* Into one that held it all already: only its time tells. */
Test(qemu_merged, and_that_cannot_be_told_from_a_touch)
{
    offline_tower();
    offline_sh("touch base.s1.qcow2; rm base.s2.qcow2");
    json_auto_t *doc = offline_json(9, "qrewind -i base.qcow2 check");
    const char *said = strstr(text(doc, "findings.1.text"), "begin a new record: ");

    cr_assert(said);
    cure_works(NULL, said, "qrewind -i");
    cure_works(NULL, strstr(said, "then: "), "qrewind -i");
    has("s1");
    offline_reads("base.s1.qcow2", 2, "3M", "64k");
}

/* As one does, the VM was started on what it was merged into. */
Test(qemu_merged, while_a_vm_runs_on_that)
{
    struct lab *lab = lab_start(&(struct lab_options){.disks = 1});
    auto_free char *top = lab_path(lab, "vda.s1.qcow2");
    auto_free char *commit = mem_printf("qemu-img commit -q %s; rm %s", top, top);

    does(lab, "create", "s1");
    turn_off(lab);
    offline_write(top, 9, "1M", "1M");
    offline_sh(commit);
    struct lab *on = start_again(lab, WORDS("vda.qcow2"));
    found_live(on, 9, "stale-record vda.s1.qcow2, broken-snapshot s1");
    does(on, "repair", "--yes");
    does(on, "create", "s2");
    lab_stop(on);
    lab_stop(lab);
}
