/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A branch that no QEMU runs on is merged by qemu-img, which gives the header its new name before
 * it has written the tables of what it copied. Here it comes no further than that.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_rebase, .init = offline_enter, .fini = offline_leave, .timeout = 300);

/* The undo point is a.n2 <- a.n0; with n0 and n2 deleted these two are one. */
static void make_branch(void)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create n0");
    offline_write("a.n0.qcow2", 2, "1M", "1M");
    offline_ok("qrewind -i a.qcow2 create n2");
    offline_write("a.n2.qcow2", 3, "2M", "1M");
    offline_ok("qrewind -i a.qcow2 revert n0");
}

static void branch_is_whole(void)
{
    offline_reads("a.n2.qcow2", 2, "1M", "1M");
    offline_reads("a.n2.qcow2", 3, "2M", "1M");
}

/* Delete @names, with a qemu-img that writes the header, and then does @end, in shell. */
static struct lab_result delete_with(const char *names, const char *end)
{
    auto_free char *script = mem_printf("[ \"$1 $2\" = 'rebase -f' ] || exec qemu-img \"$@\"\n"
                                        "shift; qemu-img rebase -u \"$@\"\n%s",
                                        end);

    offline_qemu_img(script);
    struct lab_result r = offline_run("qrewind -i a.qcow2 delete %s", names);
    offline_qemu_img(NULL);
    return r;
}

/* The merge is told again, and done. */
static void expect_merged(void)
{
    offline_ok("qrewind -i a.qcow2 repair");
    cr_expect(access("a.n0.qcow2", F_OK), "it is not merged");
    branch_is_whole();
    offline_ok("qrewind -i a.qcow2 check");
    offline_ok("qrewind -i a.qcow2 undo");
    branch_is_whole();
}

/* Where qemu-img fails with @end, that is told with @words, and the merge is left for later. */
static void expect_left(const char *end, const char *words)
{
    make_branch();
    auto_result struct lab_result r = delete_with("n0 n2", end);
    cr_expect_eq(r.status, 0, "%s", r.err);
    cr_expect(strstr(r.err, words), "%s", r.err);
    branch_is_whole();
    expect_merged();
}

Test(qemu_rebase, qemu_img_dies)
{
    expect_left("kill -9 $$", "a layer is not merged yet");
}

Test(qemu_rebase, the_tables_cannot_be_written)
{
    expect_left("echo 'qemu-img: Failed to flush the L2 block cache: No space left' >&2",
                "Failed to flush the L2 block cache");
}

Test(qemu_rebase, both_die)
{
    make_branch();
    auto_result struct lab_result r = delete_with("n0 n2", "kill -9 $PPID $$");
    cr_expect_eq(r.status, 128 + SIGKILL);
    expect_merged();
}

Test(qemu_rebase, both_die_and_another_command_comes)
{
    make_branch();
    auto_result struct lab_result r = delete_with("n0 n2", "kill -9 $PPID $$");
    cr_expect_eq(r.status, 128 + SIGKILL);
    offline_ok("qrewind -i a.qcow2 create x");
    offline_ok("qrewind -i a.qcow2 undo");
    branch_is_whole();
    expect_merged();
}

/* n1 pins a.n0, which stream has made flat: a.n1 takes that in, and is flat then. */
static void make_flat_branch(void)
{
    offline_image("a.qcow2", "4M", NULL);
    offline_ok("qrewind -i a.qcow2 create n0");
    offline_ok("qrewind -i a.qcow2 stream a");
    offline_write("a.n0.qcow2", 2, "1M", "1M");
    offline_ok("qrewind -i a.qcow2 create n1");
    offline_write("a.n1.qcow2", 3, "2M", "1M");
    offline_ok("qrewind -i a.qcow2 create n2");
    offline_ok("qrewind -i a.qcow2 revert n0");
}

Test(qemu_rebase, both_die_where_nothing_is_to_be_below)
{
    static const char *const lines[] = {"repair", "create x", "export n0 out"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        make_flat_branch();
        auto_result struct lab_result r = delete_with("n1", "kill -9 $PPID $$");
        cr_expect_eq(r.status, 128 + SIGKILL);
        offline_sh("! qemu-img info a.n1.qcow2 | grep -q '^backing file:'");

        offline_ok("qrewind -i a.qcow2 %s", lines[i]);
        offline_ok("qrewind -i a.qcow2 repair");
        offline_ok("qrewind -i a.qcow2 check");
        cr_expect(access("a.n0.qcow2", F_OK), "%s: it is not merged", lines[i]);
        offline_reads("a.n1.qcow2", 2, "1M", "1M");
        offline_reads("a.n1.qcow2", 3, "2M", "1M");
        offline_sh("rm -r *");
    }
}

/* Where it had come to removing what was merged, it can only be finished. */
Test(qemu_rebase, what_was_merged_is_gone)
{
    make_branch();
    auto_result struct lab_result r = delete_with("n0 n2", "kill -9 $PPID $$");
    cr_expect_eq(r.status, 128 + SIGKILL);
    offline_ok("qemu-img rebase -u -f qcow2 -F qcow2 -b a.n0.qcow2 a.n2.qcow2");
    offline_ok("qemu-img rebase -f qcow2 -F qcow2 -b a.qcow2 a.n2.qcow2");
    offline_ok("rm a.n0.qcow2");
    auto_result struct lab_result repair = offline_run("qrewind -i a.qcow2 repair");
    cr_expect_eq(repair.status, 0, "%s", repair.err);
    cr_expect(strstr(repair.out, "finished"), "%s", repair.out);
    branch_is_whole();
    offline_ok("qrewind -i a.qcow2 check");
}
