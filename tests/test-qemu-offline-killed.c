/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-qemu-offline-killed: the engine, or it and the program, are killed at every command of
 * every operation, before and after it; repair then leads to "done" or "undone". Interrupted by
 * hand at whatever is sent, it is the one or the other at once, says which, and can be done again.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/content.h"
#include "tests/offline/offline.h"

TestSuite(qemu_offline_killed, .init = offline_enter, .fini = offline_leave, .timeout = 600);

enum { MAX_COMMANDS = 60 };

/* ---- the points ---- */

struct operation {
    const char *before, *line;
    int done; /* what the disks may show then, if not what they showed before */
};

static void set(const char *name, bool on)
{
    if (on)
        setenv(name, "1", 1);
    else
        unsetenv(name);
}

static void arm(int at, bool answered, bool client)
{
    auto_free char *number = mem_printf("%d", at);

    setenv("ENGINE_AT", number, 1);
    set("ENGINE_ANSWERED", answered);
    set("ENGINE_CLIENT", client);
}

static void use_engine(bool on)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    cr_assert_gt(n, 0);
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    auto_free char *engine = mem_printf("%s/engine", self);
    if (on)
        setenv("QREWIND_QEMU", engine, 1);
    else
        unsetenv("QREWIND_QEMU");
}

/* What the disks show before @op, and its exit code, where the engine, and with @client the
 * program, is killed at or after command @at. */
static int killed(const struct operation *op, int at, bool answered, bool client, int *before)
{
    /* the headers name their bases with this folder */
    offline_ok("cp -a ../kept/. .");
    *before = content_check(op->line);
    arm(at, answered, client);
    use_engine(true);
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 %s", op->line);
    use_engine(false);
    return r.status;
}

/* What we have written to ourselves nobody else has. */
static void expect_unchanged(const char *where)
{
    auto_result struct lab_result check = offline_run("qrewind -i a.qcow2 check");

    cr_expect(!strstr(check.out, "changed-base"), "%s: %s", where, check.out);
}

/* One point; false: the operation has no such command any more. */
static bool point(const struct operation *op, int at, bool answered, bool client)
{
    auto_free char *where =
        mem_printf("%s: %s killed %s command %d", op->line, client ? "both" : "the engine",
                   answered ? "after" : "at", at);
    int before;

    if (killed(op, at, answered, client, &before) == 0) {
        cr_assert_eq(system("rm -f *"), 0);
        return false;
    }
    auto_result struct lab_result list = offline_run("qrewind -i a.qcow2 list");
    cr_expect_eq(list.status, 0, "%s: %s", where, list.err);
    auto_result struct lab_result repair = offline_run("qrewind -i a.qcow2 repair");
    cr_expect_eq(repair.status, 0, "%s: %s", where, repair.err);
    int after = content_check(where);
    cr_expect(after == before || after == op->done, "%s: the disks show %d", where, after);
    content_check_files(where);
    expect_unchanged(where);
    auto_result struct lab_result next = offline_run("qrewind -i a.qcow2 create next");
    cr_expect_eq(next.status, 0, "%s: %s", where, next.err);
    return true;
}

/* QEMU 5.2 cannot go back inside of an image without the memory. */
static void skip_if_old(const char *line)
{
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 --dry-run %s", line);

    if (r.status == 7) {
        offline_leave();
        cr_skip_test("%s", r.err);
    }
}

/* What there is before lies in ../kept. */
static void enter(const struct operation *op)
{
    cr_assert_eq(system("mkdir work"), 0);
    cr_assert(!chdir("work"));
    content_prepare(op->before);
    skip_if_old(op->line);
    cr_assert_eq(system("cp -a . ../kept && rm -f *"), 0);
}

static void leave(void)
{
    cr_assert(!chdir(".."));
    cr_assert_eq(system("rm -rf kept work"), 0);
}

static void every_point(const struct operation *op)
{
    static const struct {
        bool client, answered;
    } ways[] = {{false, false}, {true, false}, {true, true}};
    int points = 0;

    enter(op);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        for (int at = 1; point(op, at, ways[i].answered, ways[i].client); at++) {
            cr_assert_eq(system("rm -f *"), 0);
            cr_assert_lt(at, MAX_COMMANDS, "%s: it never succeeds", op->line);
            points++;
        }
    leave();
    printf("table: %-40s %3d points\n", op->line, points);
    fflush(stdout);
}

/* One of its own for each operation: @try it. */
#define EACH(title, try, ...)                                                                      \
    Test(qemu_offline_killed, title)                                                               \
    {                                                                                              \
        try(&(struct operation){__VA_ARGS__});                                                     \
    }

EACH(create, every_point, NULL, "create n1", 15)
EACH(create_internal, every_point, NULL, "create --internal n1", 15)
EACH(revert, every_point, NULL, "revert s1", 1)
EACH(revert_internal, every_point, NULL, "revert i1", 7)
EACH(undo, every_point, "revert s1", "undo", 15)
EACH(delete_with_a_merge, every_point, "delete i1", "delete s2", 15)
EACH(delete_of_the_first, every_point, "delete i1", "delete s1", 15)
EACH(commit, every_point, "delete i1 s2", "commit a --force", 15)
EACH(stream, every_point, "delete i1", "stream a", 15)
EACH(prune, every_point, "delete i1", "prune --keep-last 1", 15)

/* ---- and the folder is moved ---- */

static void move(const char *from, const char *to)
{
    cr_assert(!chdir("..") && !rename(from, to) && !chdir(to), "%m");
}

/* Killed with the engine after command @at, elsewhere all is found. False: there is no such
 * command. */
static bool moved_point(const struct operation *op, int at)
{
    auto_free char *where = mem_printf("%s: moved after command %d", op->line, at);
    int before, status = killed(op, at, true, true, &before);

    if (status) {
        move("work", "there");
        auto_result struct lab_result repair = offline_run("qrewind -i a.qcow2 repair");
        cr_expect_eq(repair.status, 0, "%s: %s", where, repair.err);
        int after = content_check(where);
        cr_expect(after == before || after == op->done, "%s: the disks show %d", where, after);
        content_check_files(where);
        auto_result struct lab_result check = offline_run("qrewind -i a.qcow2 check");
        cr_expect_eq(check.status, 0, "%s: %s", where, check.out);
        move("there", "work");
    }
    cr_assert_eq(system("rm -f *"), 0);
    return status;
}

static void every_move(const struct operation *op)
{
    enter(op);
    for (int at = 1; moved_point(op, at); at++)
        cr_assert_lt(at, MAX_COMMANDS);
    leave();
}

EACH(create_and_moved, every_move, NULL, "create n1", 15)
EACH(revert_and_moved, every_move, NULL, "revert s1", 1)
EACH(delete_and_moved, every_move, "delete i1", "delete s2", 15)
EACH(prune_and_moved, every_move, "delete i1", "prune --keep-last 1", 15)

/* ---- and told again ---- */

static const json_t *layers_of(const json_t *doc, size_t disk)
{
    return json_object_get(json_array_get(json_object_get(doc, "disks"), disk), "layers");
}

/* Killed at the command @at of a delete, it is told again. False: there is no such command. */
static bool comes_again(int at)
{
    offline_ok("cp -a ../kept/. .");
    arm(at, false, true);
    use_engine(true);
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 delete s1");
    use_engine(false);
    if (r.status) {
        auto_result struct lab_result again = offline_run("qrewind -i a.qcow2 delete s1");

        cr_expect(again.status == 0 || again.status == 3, "%d: %s", at, again.err);
    }
    json_auto_t *doc = offline_json(0, "qrewind -i a.qcow2 chain");
    cr_expect_eq(json_array_size(layers_of(doc, 0)), 2, "command %d: a", at);
    cr_expect_eq(json_array_size(layers_of(doc, 1)), 2, "command %d: b", at);
    cr_assert_eq(system("rm -f *"), 0);
    return r.status;
}

Test(qemu_offline_killed, a_delete_that_comes_again_leaves_no_merge_to_be_done)
{
    const struct operation op = {"delete i1", "delete s1", 15};

    enter(&op);
    for (int at = 1; comes_again(at); at++)
        cr_assert_lt(at, MAX_COMMANDS);
    leave();
}

/* The last snapshot of a VM in two folders, which are moved then. Returns whether it was killed. */
static bool moves_on(int at)
{
    offline_ok("mkdir -p one/two");
    offline_image("one/a.qcow2", "1M", NULL);
    offline_image("one/two/b.qcow2", "1M", NULL);
    offline_ok("qrewind -i one/a.qcow2 -i one/two/b.qcow2 create s1");
    arm(at, true, true);
    use_engine(true);
    auto_result struct lab_result r = offline_run("qrewind -i one/a.qcow2 delete s1");
    use_engine(false);
    offline_ok("mv one moved");
    if (r.status)
        offline_ok("qrewind --sidecar moved/a.qcow2.qrewind.json repair");
    json_auto_t *doc = offline_json(0, "qrewind -i moved/a.qcow2 -i moved/two/b.qcow2 check");
    cr_expect(json_array_size(json_object_get(doc, "findings")) == 0, "command %d", at);
    offline_sh("test -e moved/a.qcow2.qrewind.json || ! test -L moved/two/b.qcow2.qrewind.json");
    offline_sh("rm -r moved");
    return r.status;
}

Test(qemu_offline_killed, no_link_is_left_of_a_vm_that_has_no_record_any_more)
{
    for (int at = 1; moves_on(at); at++)
        cr_assert_lt(at, MAX_COMMANDS);
}

/* ---- by hand ---- */

/* How many lines the engine gets of an operation that nobody disturbs. */
static int lines_of(const struct operation *op)
{
    offline_ok("cp -a ../kept/. .");
    offline_ok("qrewind -i a.qcow2 --trace ../trace %s", op->line);
    auto_result struct lab_result sent = offline_run("grep -c \"sent\" ../trace");
    cr_assert_eq(system("rm -f * ../trace"), 0);
    return atoi(sent.out);
}

/* Returns whether it was taken back. */
static bool interrupted(const struct operation *op, int at)
{
    auto_free char *where = mem_printf("%s: interrupted at line %d", op->line, at);
    /* the snapshot that a commit drops is overwritten */
    const int undone = strstr(op->line, "--force") ? 5 : 1;

    offline_ok("cp -a ../kept/. .");
    int before = content_check(where);
    arm(at, false, false);
    setenv("ENGINE_SIGNAL", at % 2 ? "2" : "15", 1);
    use_engine(true);
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 %s", op->line);
    use_engine(false);
    unsetenv("ENGINE_SIGNAL");
    int after = content_check(where);
    cr_expect(r.status == 0 || r.status == 1 || r.status == undone, "%s: exit %d: %s", where,
              r.status, r.err);
    cr_expect_eq(after, r.status ? before : op->done, "%s: exit %d, the disks show %d", where,
                 r.status, after);
    cr_expect(!r.status || strstr(r.err, "interrupted\n"), "%s: %s", where, r.err);
    content_check_files(where);
    expect_unchanged(where);
    if (r.status) {
        offline_ok("qrewind -i a.qcow2 %s", op->line);
        cr_expect_eq(content_check(where), op->done, "%s: done again", where);
    }
    cr_assert_eq(system("rm -f *"), 0);
    return r.status;
}

static void interrupted_anywhere(const struct operation *op)
{
    int taken_back = 0;

    enter(op);
    int lines = lines_of(op);
    for (int at = 1; at <= lines; at++)
        taken_back += interrupted(op, at);
    leave();
    cr_expect_gt(taken_back, 0, "%s", op->line);
    printf("table: %-40s interrupted at %d lines, taken back %d times\n", op->line, lines,
           taken_back);
    fflush(stdout);
}

EACH(interrupted_create, interrupted_anywhere, NULL, "create n1", 15)
EACH(interrupted_revert, interrupted_anywhere, NULL, "revert s1", 1)
EACH(interrupted_revert_internal, interrupted_anywhere, NULL, "revert i1", 7)
EACH(interrupted_revert_internal_below, interrupted_anywhere, "create s3", "revert i1", 7)
EACH(interrupted_delete_with_a_merge, interrupted_anywhere, "delete i1", "delete s2", 15)
EACH(interrupted_commit, interrupted_anywhere, "delete i1 s2", "commit a --force", 15)
EACH(interrupted_stream, interrupted_anywhere, "delete i1", "stream a", 15)

/* The engine has written something, and writes the tables of that when it ends. */
Test(qemu_offline_killed, what_half_a_commit_wrote_is_no_change_by_others)
{
    cr_assert_eq(system("mkdir work"), 0);
    cr_assert(!chdir("work"));
    offline_image("a.qcow2", "16M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_write("a.s2.qcow2", 2, "0", "8M");
    cr_assert_eq(system("cp -a . ../kept && rm -f *"), 0);
    for (int at = 8; at <= 16; at += 4) {
        auto_free char *where = mem_printf("line %d", at);

        offline_ok("cp -a ../kept/. .");
        arm(at, false, false);
        setenv("ENGINE_SIGNAL", "2", 1);
        use_engine(true);
        offline_fails(5, "interrupted", "qrewind -i a.qcow2 commit a --force --speed 1M");
        use_engine(false);
        unsetenv("ENGINE_SIGNAL");
        expect_unchanged(where);
        cr_assert_eq(system("rm -f *"), 0);
    }
    leave();
}

/* ---- a load ---- */

/* Until the engine, which is told to end when the program has, has let go of @file. */
static void await_let_go(const char *file)
{
    auto_close int fd = open(file, O_RDWR | O_CLOEXEC);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    cr_assert_geq(fd, 0);
    cr_assert_eq(fcntl(fd, F_OFD_SETLKW, &all), 0);
}

/* QEMU loads into one disk after the other: here it came as far as the first. */
Test(qemu_offline_killed, a_load_that_was_cut_in_half_is_taken_back)
{
    content_prepare(NULL);
    skip_if_old("revert i1");
    arm(4, false, true);
    use_engine(true);
    auto_result struct lab_result r = offline_run("qrewind -i a.qcow2 revert i1");
    use_engine(false);
    cr_assert_eq(r.status, 128 + SIGKILL);
    await_let_go("a.s2.qcow2");
    offline_ok("qemu-img snapshot -a i1 a.s2.qcow2");
    offline_ok("qrewind -i a.qcow2 repair");
    cr_expect_eq(content_check("cut in half"), 15);
    content_check_files("cut in half");
}
