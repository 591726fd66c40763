/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-qemu-offline-work: what happens to a job offline while it runs. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp/mem.h"
#include "tests/offline/offline.h"

TestSuite(qemu_offline_work, .init = offline_enter, .fini = offline_leave, .timeout = 120);

/* a <- a.s1 <- a.s2: 16 MiB to be moved from the top, slowly. */
static struct lab_process begin(void)
{
    static const char *const argv[] = {"qrewind", "-j",      "-i",      "a.qcow2", "commit",
                                       "a",       "--force", "--speed", "4M",      NULL};
    char said[16];

    offline_image("a.qcow2", "64M", NULL);
    offline_write("a.qcow2", 1, "0", "1M");
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_ok("qrewind -i a.qcow2 create s2");
    offline_write("a.s2.qcow2", 2, "1M", "16M");
    struct lab_process p = lab_spawn(NULL, argv);
    /* its first words are of the running job */
    cr_assert_gt(read(p.err, said, sizeof(said)), 0);
    return p;
}

static void shows_all(void)
{
    auto_free char *active = offline_active("-i a.qcow2", 0);

    offline_reads(active, 1, "0", "1M");
    offline_reads(active, 2, "1M", "16M");
}

/* The process id in "pid N" of @text. */
static pid_t pid_in(const char *text)
{
    const char *pid = strstr(text, "pid ");

    cr_assert(pid, "%s", text);
    return (pid_t)atoi(pid + 4);
}

/* A process that has ended and that nobody has asked for has no command line any more. */
static bool runs(pid_t pid)
{
    auto_free char *file = mem_printf("/proc/%d/cmdline", (int)pid);
    auto_close int fd = open(file, O_RDONLY | O_CLOEXEC);
    char byte;

    return fd >= 0 && read(fd, &byte, 1) == 1;
}

Test(qemu_offline_work, interrupted_it_is_taken_back)
{
    struct lab_process p = begin();

    kill(p.pid, SIGINT);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 5, "the dropped snapshot was overwritten: %d: %s%s", r.status, r.out,
                 r.err);
    cr_expect(strstr(r.out, "interrupted"), "%s", r.out);
    json_auto_t *info = offline_json(0, "qrewind -i a.qcow2 info");
    cr_expect(json_is_null(json_object_get(info, "pending")));
    shows_all();
    offline_ok("qrewind -i a.qcow2 commit a --force");
    shows_all();
}

/* Nothing that needs the engine can end any more; Ctrl-C does not reach it. */
Test(qemu_offline_work, the_second_one_leaves_at_once_and_the_same_command_goes_on)
{
    struct lab_process p = begin();
    auto_result struct lab_result list = offline_run("qrewind -i a.qcow2 list");
    pid_t engine = pid_in(list.err);

    cr_expect_neq(getpgid(engine), getpgid(p.pid));
    kill(engine, SIGSTOP);
    kill(p.pid, SIGINT);
    lab_hears(&p, "interrupt again to leave at once");
    kill(p.pid, SIGTERM);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 128 + SIGTERM, "%d", r.status);
    offline_ok("qrewind -i a.qcow2 commit a --force");
    cr_expect(!runs(engine), "the engine is still there");
    shows_all();
    offline_files("a.qcow2 a.qcow2.qrewind.json a.s1.qcow2");
}

Test(qemu_offline_work, others_are_told_who_is_at_work_and_may_look)
{
    struct lab_process p = begin();
    auto_free char *who = mem_printf("another qrewind works on this VM: pid %d", (int)p.pid);

    offline_fails(8, who, "qrewind -i a.qcow2 create s3");
    auto_result struct lab_result list = offline_run("qrewind -i a.qcow2 list");
    cr_expect_eq(list.status, 0, "%s", list.err);
    cr_expect(strstr(list.err, "commit is under way"), "%s", list.err);
    auto_result struct lab_result check = offline_run("qrewind -i a.qcow2 check");
    cr_expect(strstr(check.out, "it is under way: pid "), "%s", check.out);
    cr_expect(strstr(check.out, "qrewind repair mends 0"), "%s", check.out);
    kill(p.pid, SIGINT);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 5, "%d: %s", r.status, r.out);
}

Test(qemu_offline_work, killed_it_leaves_no_engine_and_is_settled_by_the_next)
{
    struct lab_process p = begin();
    auto_result struct lab_result list = offline_run("qrewind -i a.qcow2 list");
    pid_t engine = pid_in(list.err);

    kill(p.pid, SIGKILL);
    auto_result struct lab_result r = lab_finish(&p);
    cr_assert_eq(r.status, 128 + SIGKILL);
    offline_fails(0, "was undone first", "qrewind -i a.qcow2 create s3");
    cr_expect(!runs(engine), "the engine is still there");
    shows_all();
}

Test(qemu_offline_work, when_the_engine_is_killed_repair_settles_it)
{
    struct lab_process p = begin();
    auto_result struct lab_result list = offline_run("qrewind -i a.qcow2 list");

    kill(pid_in(list.err), SIGKILL);
    auto_result struct lab_result r = lab_finish(&p);
    cr_expect_eq(r.status, 5, "%d: %s", r.status, r.out);
    cr_expect(strstr(r.out, "the engine was ended by signal 9"), "%s", r.out);
    offline_ok("qrewind -i a.qcow2 repair");
    shows_all();
}

Test(qemu_offline_work, a_job_that_nobody_could_be_left_with_is_waited_for)
{
    offline_image("a.qcow2", "64M", NULL);
    offline_ok("qrewind -i a.qcow2 create s1");
    offline_fails(0, "nobody to leave the job to", "qrewind -i a.qcow2 stream a --no-wait");
    json_auto_t *info = offline_json(0, "qrewind -i a.qcow2 info");
    cr_expect(json_is_null(json_object_get(info, "pending")));
}
