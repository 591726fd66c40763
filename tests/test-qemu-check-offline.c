/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What check finds without a VM: each thing is broken once, in a folder with
 *
 *     base.qcow2* <- base.s1.qcow2* <- base.s2.qcow2        generations 1, 2, 3
 *
 * check tells it, repair mends it, and the guest would still read what it wrote.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/cases/cases.h"
#include "tests/cases/cure.h"
#include "tests/offline/offline.h"

TestSuite(qemu_check_offline, .init = offline_enter, .fini = offline_leave, .timeout = 300);

#define SIDECAR "base.qcow2.qrewind.json"
#define ON "-S " SIDECAR
#define NAME(top, below) "qemu-img rebase -u -f qcow2 -F qcow2 -b " below " " top

/* Bytes in octal at an offset of a file. */
#define POKE(file, offset, bytes)                                                                  \
    "printf '" bytes "' | dd of=" file " bs=1 seek=" offset " conv=notrunc status=none"

/* All three generations, the last one where each wrote. */
static void expect_tower(void)
{
    auto_free char *active = offline_active(ON, 0);

    for (int i = 0; i < 3; i++) {
        auto_free char *at = mem_printf("%dM", i);

        offline_reads(active, i + 1, at, "64k");
    }
    offline_reads(active, 3, "3M", "64k");
}

static void expect_found(const char *title, const char *options, const char *expected)
{
    auto_free char *command = mem_printf("\"$QREWIND\" " ON " check -j%s", options);
    auto_result struct lab_result r = lab_exec(NULL, WORDS("sh", "-c", command));
    json_auto_t *doc = json_loads(r.out, 0, NULL);
    auto_free char *found = findings_of(doc);

    cr_assert_eq(r.status, *found ? 9 : 0, "%s: %d: %s%s", title, r.status, r.out, r.err);

    cr_assert_str_eq(found, expected, "%s: '%s', not '%s'", title, found, expected);
}

static void expect_left(const char *title, const char *options, const char *expected)
{
    json_auto_t *doc = offline_json(0, "qrewind " ON " repair%s", options);
    auto_free char *found = findings_of(doc);

    cr_assert_str_eq(found, expected, "%s: after repair%s: '%s', not '%s'", title, options, found,
                     expected);
}

struct row {
    const char *title, *breaks, *found;
    const char *left, *at_last; /* after repair, after repair --yes */
};

/* clang-format off */
static const struct row shallow[] = {
    {"nothing", ":", "", "", ""},

    /* files */
    {"a base was renamed", "mv base.qcow2 other.qcow2", "moved-file base.qcow2", "", ""},
    {"the active layer was renamed", "mv base.s2.qcow2 other.qcow2",
     "moved-file base.s2.qcow2", "moved-file base.s2.qcow2", ""},
    {"a base was written to", "touch base.qcow2",
     "changed-base base.qcow2", "changed-base base.qcow2", ""},
    {"everybody may write to it", "chmod 666 base.qcow2",
     "open-permissions base.qcow2", "open-permissions base.qcow2", ""},

    /* headers */
    {"leads nowhere", NAME("base.s2.qcow2", "gone.qcow2"), "wrong-backing base.s2.qcow2", "", ""},
    {"leads elsewhere", "cp base.qcow2 other.qcow2; " NAME("base.s2.qcow2", "other.qcow2"),
     "wrong-backing base.s2.qcow2", "wrong-backing base.s2.qcow2", ""},
    {"names the image itself", NAME("base.s2.qcow2", "base.s2.qcow2"),
     "self-backing base.s2.qcow2", "", ""},
    {"in a circle", NAME("base.s1.qcow2", "base.s2.qcow2"),
     "changed-base base.s1.qcow2, backing-loop base.s1.qcow2", "changed-base base.s1.qcow2", ""},
    {"a base that names one above it", NAME("base.qcow2", "base.s2.qcow2"),
     "changed-base base.qcow2, backing-loop base.qcow2", "changed-base base.qcow2", ""},
    {"a base that names itself", NAME("base.qcow2", "base.qcow2"),
     "changed-base base.qcow2, self-backing base.qcow2", "changed-base base.qcow2", ""},
    {"a base that names a stranger", "cp base.qcow2 x; " NAME("base.qcow2", "x"),
     "changed-base base.qcow2, wrong-backing base.qcow2",
     "changed-base base.qcow2, wrong-backing base.qcow2", ""},
    {"somebody put a layer in between",
     "qemu-img create -q -f qcow2 -F qcow2 -b base.s1.qcow2 x.qcow2; " NAME("base.s2.qcow2", "x.qcow2"),
     "foreign-layer x.qcow2", "", ""},
    {"does not say the format",
     NAME("base.s2.qcow2", "base.s1.qcow2") "; " POKE("base.s2.qcow2", "112", "\\021\\021\\021\\021"),
     "no-backing-format base.s2.qcow2", "", ""},
    {"says a wrong one", "qemu-img rebase -u -f qcow2 -F raw -b base.s1.qcow2 base.s2.qcow2",
     "wrong-backing-format base.s2.qcow2", "", ""},
    {"a link to an image elsewhere",
     "mkdir far; " NAME("base.s2.qcow2", "base.s1.qcow2") "; "
     "mv base.s2.qcow2 far; ln -s far/base.s2.qcow2 .",
     "moved-file base.s2.qcow2", "", ""},
    {"as seen from the folder above", NAME("base.s2.qcow2", "case/base.s1.qcow2"),
     "misleading-backing base.s2.qcow2", "", ""},

    /* files that nobody knows */
    {"an empty overlay", "qemu-img create -q -f qcow2 -F qcow2 -b base.s1.qcow2 base.x.qcow2",
     "orphan-file base.x.qcow2", "orphan-file base.x.qcow2", ""},
    {"a name that was kept", ">base.x.qcow2", "orphan-file base.x.qcow2", "orphan-file base.x.qcow2", ""},
    {"a memory that was not saved to the end", "qemu-img create -q -f qcow2 base.x.vmstate.qcow2 1M",
     "orphan-file base.x.vmstate.qcow2", "orphan-file base.x.vmstate.qcow2", ""},
    {"one that was saved live", "printf 'QEVM and more' >base.x.vmstate",
     "orphan-file base.x.vmstate", "orphan-file base.x.vmstate", ""},
    {"the user's notes, called like a memory", "echo 'my own notes' >base.x.vmstate.qcow2", "", "", ""},
    {"a stream that is none", "echo 'my own notes' >base.x.vmstate", "", "", ""},
    {"an image with data, called so", "cp base.qcow2 base.x.vmstate.qcow2", "", "", ""},
    {"an image with a snapshot of a disk, called so",
     "qemu-img create -q -f qcow2 base.x.vmstate.qcow2 1M; "
     "qemu-img snapshot -c mine base.x.vmstate.qcow2", "", "", ""},
    {"a guest's disk of that size",
     "qemu-img create -q -f qcow2 base.x.vmstate.qcow2 1M; "
     "qemu-io -f qcow2 -c 'write 0 64k' base.x.vmstate.qcow2", "", "", ""},
    {"an overlay that somebody wrote to",
     "qemu-img create -q -f qcow2 -F qcow2 -b base.s1.qcow2 base.x.qcow2; "
     "qemu-io -c 'write -P 9 0 64k' base.x.qcow2",
     "orphan-file base.x.qcow2", "orphan-file base.x.qcow2", "orphan-file base.x.qcow2"},
    {"an overlay on that keeps it",
     "qemu-img create -q -f qcow2 -F qcow2 -b base.s1.qcow2 base.x.qcow2; "
     "qemu-img create -q -f qcow2 -F qcow2 -b base.x.qcow2 mine.qcow2", "", "", ""},
    {"a link to a sidecar that is gone", "ln -s nowhere old.qcow2.qrewind.json",
     "orphan-file old.qcow2.qrewind.json", "", ""},

    /* the sidecar */
    {"others may read it", "chmod 644 " SIDECAR, "open-permissions " SIDECAR, "", ""},
    {"two of them", "cp " SIDECAR " my.qrewind.json; chmod 600 my.qrewind.json",
     "sidecar-conflict base.s1.qcow2, sidecar-conflict base.s2.qcow2",
     "sidecar-conflict base.s1.qcow2, sidecar-conflict base.s2.qcow2",
     "sidecar-conflict base.s1.qcow2, sidecar-conflict base.s2.qcow2"},

    /* snapshots */
    {"a tag is gone", "qrewind " ON " create --internal t1; qemu-img snapshot -d t1 base.s2.qcow2",
     "missing-tag t1", "missing-tag t1", ""},
};

/* with --deep */
static const struct row deep[] = {
    {"nothing, deep", ":", "", "", ""},
    {"only its time was changed", "qrewind " ON " check --deep; touch base.qcow2",
     "touched-base base.qcow2", "", ""},
    {"clusters are in use for nothing",
     "n=$(($(stat -c %s base.s2.qcow2) / 65536)); truncate -s +64k base.s2.qcow2; "
     POKE("base.s2.qcow2", "$((131072 + 2 * n))", "\\000\\001"),
     "leaked-clusters base.s2.qcow2", "leaked-clusters base.s2.qcow2", ""},
    {"those of a frozen layer",
     "n=$(($(stat -c %s base.qcow2) / 65536)); truncate -s +64k base.qcow2; "
     POKE("base.qcow2", "$((131072 + 2 * n))", "\\000\\001"),
     "leaked-clusters base.qcow2, changed-base base.qcow2",
     "leaked-clusters base.qcow2, changed-base base.qcow2", ""},
};

/* what the guest would read is not what it wrote */
static const struct row lost[] = {
    {"a base is gone", "mkdir far; mv base.qcow2 far",
     "missing-file base.qcow2, broken-snapshot s1, broken-snapshot s2",
     "missing-file base.qcow2, broken-snapshot s1, broken-snapshot s2",
     "missing-file base.qcow2"},
    {"a base is no image any more", POKE("base.qcow2", "0", "junk") "; touch -r base.s1.qcow2 base.qcow2",
     "unreadable-image base.qcow2, changed-base base.qcow2",
     "unreadable-image base.qcow2, changed-base base.qcow2",
     "unreadable-image base.qcow2, changed-base base.qcow2"},
    {"a base was cut", "truncate -s 300000 base.qcow2",
     "changed-base base.qcow2", "changed-base base.qcow2", "changed-base base.qcow2"},
    {"a layer was emptied", ">base.s1.qcow2",
     "unreadable-image base.s1.qcow2, changed-base base.s1.qcow2",
     "unreadable-image base.s1.qcow2, changed-base base.s1.qcow2",
     "unreadable-image base.s1.qcow2, changed-base base.s1.qcow2"},
    {"QEMU has marked it", POKE("base.s2.qcow2", "79", "\\002"),
     "corrupt-image base.s2.qcow2", "corrupt-image base.s2.qcow2", "corrupt-image base.s2.qcow2"},
    {"the undo point's layer is gone", "qrewind " ON " revert s2; mkdir far; mv base.s2.qcow2 far",
     "missing-file base.s2.qcow2, broken-undo undo", "missing-file base.s2.qcow2, broken-undo undo",
     ""},
};

static const struct row lost_deep[] = {
    {"qemu-img finds it damaged", POKE("base.s2.qcow2", "131072", "\\000\\000\\000\\000"),
     "corrupt-image base.s2.qcow2", "corrupt-image base.s2.qcow2", "corrupt-image base.s2.qcow2"},
    {"its content, but not its time",
     "qrewind " ON " check --deep; touch -r base.qcow2 time; "
     "qemu-io -c 'write -P 9 0 64k' base.qcow2; touch -r time base.qcow2; rm time",
     "changed-base base.qcow2", "changed-base base.qcow2", ""},
};
/* clang-format on */

static void run_row(const struct row *row, const char *options, bool intact)
{
    auto_free char *yes = mem_printf("%s --yes", options);

    offline_tower();
    offline_sh(row->breaks);
    expect_found(row->title, options, row->found);
    offline_ok("qrewind " ON " repair --dry-run%s", options);
    expect_found(row->title, options, row->found);
    expect_left(row->title, options, row->left);
    expect_left(row->title, yes, row->at_last);
    expect_found(row->title, options, row->at_last);
    if (intact)
        expect_tower();
}

static void run_rows(const struct row *rows, size_t n, const char *options, bool intact)
{
    auto_free char *folder = getcwd(NULL, 0);

    for (size_t i = 0; i < n; i++) {
        offline_sh("mkdir case");
        cr_assert_eq(chdir("case"), 0);
        run_row(&rows[i], options, intact);
        cr_assert_eq(chdir(folder), 0);
        offline_sh("rm -r case");
    }
}
#define RUN_ROWS(rows, options, intact)                                                            \
    run_rows(rows, sizeof(rows) / sizeof(rows[0]), options, intact)

Test(qemu_check_offline, what_is_broken_is_found_and_mended)
{
    RUN_ROWS(shallow, "", true);
}

Test(qemu_check_offline, so_is_what_only_the_whole_of_a_file_tells)
{
    RUN_ROWS(deep, " --deep", true);
}

Test(qemu_check_offline, what_cannot_be_mended_is_told)
{
    RUN_ROWS(lost, "", false);
    RUN_ROWS(lost_deep, " --deep", false);
}

/* What is lost is not taken for what there was: then the copy that is put back would be wrong. */
Test(qemu_check_offline, a_copy_that_is_put_back_is_the_right_one)
{
    offline_tower();
    offline_sh("cp -p base.s1.qcow2 copy; truncate -s 300000 base.s1.qcow2; "
               "! qrewind " ON " repair --yes >said; grep 'get it back from a copy' said");
    json_auto_t *doc = offline_json(9, "qrewind " ON " check");
    cr_expect_str_eq(text(doc, "findings.0.text"),
                     "it has become shorter since it was frozen, and what lay behind its end is "
                     "lost, unless it was made anew, as by qemu-img convert, which qrewind check "
                     "--deep tells (s2 needs it): get it back from a copy");
    offline_sh("! qrewind " ON " check --deep >said; grep 'end is lost (s2 needs it)' said; "
               "! qrewind " ON " repair --deep --yes >said; grep 'end is lost (s2' said");
    offline_sh("cp -p copy base.s1.qcow2; rm copy said");
    expect_found("put back", "", "");
    expect_tower();
}

/* That its time is another says nothing of its content; a look at that may. */
Test(qemu_check_offline, of_what_has_another_time_no_more_is_said_than_is_known)
{
    offline_tower();
    offline_sh("touch base.qcow2");
    json_auto_t *unknown = offline_json(9, "qrewind " ON " check");
    cr_expect_str_eq(text(unknown, "findings.0.text"),
                     "its time has changed since it was frozen: if somebody has written to it, "
                     "what builds on it may be damaged");
    offline_sh("qrewind " ON " repair --yes; qrewind " ON " check --deep; touch base.qcow2");
    json_auto_t *known = offline_json(9, "qrewind " ON " check");
    cr_expect_str_eq(text(known, "findings.0.text"),
                     "its time has changed since it was frozen: qrewind check --deep tells whether "
                     "its content has, too");
}

/* What would be lost by --yes is chosen one by one. */
Test(qemu_check_offline, only_what_is_named_is_mended)
{
    const char *both = "changed-base base.qcow2, orphan-file base.x.qcow2";

    offline_tower();
    offline_sh("qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 base.x.qcow2; touch base.qcow2");
    expect_found("both", "", both);
    offline_fails(2, "no finding has the code 'orphan'", "qrewind " ON " repair --only orphan");
    expect_left("the other", " --yes --only touched-base --only moved-file", both);
    json_auto_t *plan = offline_json(0, "qrewind " ON " repair --dry-run --yes --only orphan-file");
    cr_expect_eq(json_array_size(json_object_get(plan, "plan")), 1);
    expect_left("the one", " --yes --only orphan-file", "changed-base base.qcow2");
    offline_sh("test ! -e base.x.qcow2");
    expect_found("and the other is left", "", "changed-base base.qcow2");
}

Test(qemu_check_offline, of_a_broken_sidecar_nothing_is_believed)
{
    offline_tower();
    offline_sh("cp " SIDECAR " copy; echo '{' >>" SIDECAR);
    json_auto_t *doc = offline_json(9, "qrewind " ON " check");
    auto_free char *found = findings_of(doc);
    cr_expect_str_eq(found, "broken-sidecar " SIDECAR);
    cr_expect(strstr(text(doc, "findings.0.text"),
                     "move the file away to go on without it: qrewind adopt"));
    offline_fails(1, SIDECAR, "qrewind " ON " repair --yes");
    offline_sh("cat copy >" SIDECAR "; chmod 622 " SIDECAR);
    json_auto_t *open = offline_json(9, "qrewind " ON " check");
    cr_expect(strstr(text(open, "findings.0.text"), "others than its owner may write it"));
    cure_works(NULL, text(open, "findings.0.text"), "chmod go-w");
    expect_found("after the cure", "", "");
}

Test(qemu_check_offline, who_holds_the_lock_is_told)
{
    offline_tower();
    offline_sh("flock " SIDECAR ".lock \"$QREWIND\" " ON
               " check >said || test $? = 9; grep 'works on this VM' said");
    offline_sh("touch " SIDECAR ".lock");
    expect_found("a lock file that nobody holds", "", "");
}

/* Who takes the lock removes it. */
Test(qemu_check_offline, a_save_that_was_killed)
{
    offline_tower();
    offline_sh("touch " SIDECAR ".new");
    expect_found("killed", "", "orphan-file " SIDECAR ".new");
    expect_left("killed", "", "");
    expect_found("killed", "", "");
}

/* The lock that it held lies beside a layer where nobody looks for a sidecar any more. */
Test(qemu_check_offline, a_forget_that_was_killed)
{
    offline_tower();
    offline_sh("qrewind " ON " forget; touch " SIDECAR ".lock; qrewind -i base.s2.qcow2 repair; "
               "test ! -e " SIDECAR ".lock");
}

/* A folder that is moved with its sidecar works on. */
Test(qemu_check_offline, a_folder_is_moved)
{
    offline_sh("mkdir vm");
    cr_assert_eq(chdir("vm"), 0);
    offline_tower();
    cr_assert_eq(chdir(".."), 0);
    offline_sh("mv vm there");
    cr_assert_eq(chdir("there"), 0);
    expect_found("moved", "", "wrong-backing base.s1.qcow2, wrong-backing base.s2.qcow2");
    expect_left("moved", "", "");
    expect_found("moved", "", "");
    expect_tower();
    /* and again: by then the names are relative */
    cr_assert_eq(chdir(".."), 0);
    offline_sh("mv there back");
    cr_assert_eq(chdir("back"), 0);
    expect_found("moved again", "", "");
    expect_tower();
    offline_ok("qrewind " ON " revert s1");
    auto_free char *active = offline_active(ON, 0);
    offline_reads(active, 1, "3M", "64k");
    expect_found("gone back", "", "");
}

Test(qemu_check_offline, a_repair_that_is_killed_is_just_run_again)
{
    offline_tower();
    /* as it is between forgetting what is remembered and writing the header */
    offline_sh(NAME("base.s1.qcow2", "gone.qcow2"));
    json_auto_t *doc = json_load_file(SIDECAR, 0, NULL);
    json_object_del(at(doc, "layers.L2"), "fingerprint");
    cr_assert_eq(json_dump_file(doc, SIDECAR, 0), 0);
    expect_found("in between", "", "wrong-backing base.s1.qcow2");
    expect_left("again", "", "");
    expect_found("at last", "", "");
    expect_tower();
}
