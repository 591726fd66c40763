/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock of a sidecar: one writer, and what there is when he is dead. */
#include "snapshot/sidecar.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/scratch/scratch.h"

TestSuite(sidecar_lock, .init = scratch_enter, .fini = scratch_leave);

static const char name[] = "a.qcow2.qrewind.json";

static int take_lock(void)
{
    struct qmp_error err = {0};
    auto_free char *pid = mem_printf("pid %d", (int)getppid());

    if (sidecar_lock(name, &err) >= 0)
        return 1;
    return err.kind == QRW_ERR_LOCKED && strstr(err.desc, pid) ? 0 : 2;
}

Test(sidecar_lock, has_one_writer_and_says_who)
{
    int lock = sidecar_lock(name, NULL);

    cr_assert_geq(lock, 0);
    cr_expect_eq(scratch_child(take_lock), 0);
    sidecar_unlock(name, lock);
    cr_expect_eq(scratch_child(take_lock), 1, "it is free now");
}

Test(sidecar_lock, a_lock_goes_with_its_holder_and_leaves_no_file)
{
    cr_expect_eq(scratch_child(take_lock), 1, "the child ends without giving it back");
    cr_expect_eq(access("a.qcow2.qrewind.json.lock", F_OK), 0);
    int lock = sidecar_lock(name, NULL);
    cr_assert_geq(lock, 0);
    sidecar_unlock(name, lock);
    cr_expect_neq(access("a.qcow2.qrewind.json.lock", F_OK), 0);
    sidecar_unlock(name, -1);
}

/* What a child that was about to become another program has of a holder who is killed: it lives
 * until @line is closed, or for @ms. */
static int die_with_a_child(int line, int ms)
{
    struct pollfd p = {.fd = line, .events = POLLIN};

    if (sidecar_lock(name, NULL) < 0)
        return 1;
    pid_t child = fork();
    if (child > 0)
        raise(SIGKILL);
    if (child == 0)
        poll(&p, 1, ms);
    _exit(0);
}

Test(sidecar_lock, a_lock_that_a_dead_holders_child_has_for_a_moment_is_waited_for)
{
    struct qmp_error err = {0};
    int line[2], lock, status;
    static const struct {
        int ms;
        bool had;
    } cases[] = {{50, true}, {-1, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(!pipe2(line, O_CLOEXEC));
        pid_t pid = fork();
        if (!pid) {
            close(line[1]);
            _exit(die_with_a_child(line[0], cases[i].ms));
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status));
        auto_close int other = open("a.qcow2.qrewind.json.lock", O_RDWR | O_CLOEXEC);
        cr_assert(flock(other, LOCK_EX | LOCK_NB), "it outlives its holder");
        lock = sidecar_lock(name, &err);
        cr_expect_eq(lock >= 0, cases[i].had, "%s", err.desc);
        sidecar_unlock(name, lock);
        close(line[0]);
        close(line[1]);
        while (flock(other, LOCK_EX)) /* until it is gone */
            ;
    }
    cr_expect_eq(err.kind, QRW_ERR_LOCKED);
}

Test(sidecar_lock, a_lock_whose_file_was_removed_protects_nothing_and_is_taken_anew)
{
    int old = open("a.qcow2.qrewind.json.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    /* somebody else has it locked, and it is removed under him, as an unlock does */
    cr_assert(old >= 0 && !flock(old, LOCK_EX) && !unlink("a.qcow2.qrewind.json.lock"));
    int lock = sidecar_lock(name, NULL);
    cr_expect_geq(lock, 0);
    cr_expect_eq(scratch_child(take_lock), 0, "the new one holds");
    sidecar_unlock(name, lock);
    close(old);
}

Test(sidecar_lock, a_lock_that_is_a_link_is_not_followed)
{
    struct qmp_error err = {0};

    scratch_write("precious", "data", 4);
    cr_assert_eq(symlink("precious", "a.qcow2.qrewind.json.lock"), 0);
    cr_expect_eq(sidecar_lock(name, &err), -1);
    cr_expect_eq(err.kind, QMP_ERR_SYSTEM);
    cr_expect(strstr(err.desc, "is a symbolic link") && strstr(err.hint, "remove it"), "%s; %s",
              err.desc, err.hint);
    struct stat st;
    cr_expect(!stat("precious", &st) && st.st_size == 4);
}
